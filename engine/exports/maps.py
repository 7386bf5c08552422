"""Explanation maps as numbers (`maps.npz`), as pictures over their frames, and in words (`summary.json`)."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from engine.case.codec import pack
from engine.errors import UsageError
from engine.exports import sidecar
from engine.exports.files import Staging, never_over
from engine.exports.stills import png
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.rendering.compose import render_frame
from engine.rendering.layers import build_layers
from engine.rendering.meaning import meaning_of
from engine.rendering.scene import Scene
from engine.rendering.style import OverlayStyle
from engine.results import Explanation
from engine.video.media import Media

SIGNED = "positive supports fake, negative supports real"
UNSIGNED = "they say {text}, not what is fake, and take no side"
CONVENTION = (
    "values are the explainer's own, unscaled, at its native resolution; {meaning}; affine maps continuous map "
    "coordinates (x, y) to continuous frame coordinates, where pixel (0, 0) covers [0, 1)"
)


def export_maps(
    media: Media,
    explanations: Sequence[Explanation],
    out: Path,
    *,
    style: OverlayStyle | None = None,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[Path, ...]:
    """Write maps.npz, one overlay PNG per frame and summary.json into a folder: all, or nothing. Any one thread.

    maps.npz holds, sorted by frame and then by track, one row per explained face: frames (F,) int64, values
    (F, h, w) float32, affine (F, 2, 3) float32, and beside them track (F,) int64, pts (F,) int64 and logits (F,)
    float32; where they are known, also passes (F,) int64, seconds (F,) float32 and errors (F, h, w) float32. Where
    volumes got a value on each frame, also volume (F, h, w) int32, the number of each cell's volume within its
    track, and volume_mean and volume_variance (F, h, w) float32, the moments of its values over the frames.

    Raises:
        UsageError: there is no explanation, they are not of one explainer and one size, or a file would replace
            the evidence.
        FrameUnavailableError: a frame cannot be decoded.
        ExportError: the disk is full or the place cannot be written.
        CancelledError: cancelled.
    """
    arrays = gather(explanations, media.path)
    never_over([media.path], [out])
    style = style or OverlayStyle(curve=False)
    identity = media.identity(cancel, progress)
    first = explanations[0]
    frames = np.unique(arrays["frames"]).tolist()
    scene = Scene(
        media.width,
        media.height,
        frames[0],
        frames[-1],
        explanations=explanations,
        detector_id=first.detector_id,
        weights_sha256=first.provenance.weights_sha256,
        explainer_id=first.explainer_id,
    )
    meter = ProgressMeter("Writing maps", len(frames), "frames", progress)
    written = [out / "maps.npz"]
    reader = media.reader(stepping=True)
    try:
        with Staging(media.files) as staging:
            staging.folder(out)
            staging.write(written[0], pack(arrays))
            for done, number in enumerate(frames, 1):
                if cancel is not None:
                    cancel.check()
                frame = reader.read(number)
                shown = scene.at(frame.index, frame.pts, frame.seconds)
                path = out / f"overlay_{frame.index:07d}_pts_{frame.pts}.png"
                staging.write(path, png(render_frame(frame.pixels, build_layers(shown, style)), frame, identity))
                written.append(path)
                meter.update(done)
            media.verify_unchanged()
            summary = out / "summary.json"
            staging.write_json(
                summary,
                sidecar.header(identity)
                | {
                    "detector": first.detector_id,
                    "explainer": first.explainer_id,
                    "title": first.title or first.explainer_id,
                    "signed": first.signed,
                    "convention": CONVENTION.format(meaning=_meaning(first)),
                    "cost": _cost(arrays),
                    "sanity": asdict(first.sanity),
                    "provenance": sidecar.provenances(e.provenance for e in explanations),
                    "style": sidecar.look(style, explanations),
                    "maps": _rows(arrays, signed=first.signed),
                    "volumes": [row for each in explanations for row in _volumes(each)],
                },
            )
            written.append(summary)
    finally:
        reader.close()
    return tuple(written)


def gather(explanations: Sequence[Explanation], file: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of maps.npz.

    Raises:
        UsageError: there is nothing in them, or they are not of one explainer and one size.
    """
    if not any(len(e.frames) for e in explanations):
        raise UsageError("None of these frames shows a face", advice="Choose frames with a face", file=file)
    kinds = {(e.explainer_id, e.detector_id, e.values.shape[1:]) for e in explanations}
    if len(kinds) > 1:
        raise UsageError(
            "Maps of several explainers cannot share a file", advice="Export one at a time", file=file
        )
    track = np.concatenate([np.full(len(e.frames), e.track_id, np.int64) for e in explanations])
    frames = np.concatenate([e.frames for e in explanations])
    order = np.lexsort((track, frames))
    names = ("pts", "values", "affine", "logits")
    arrays = {name: np.concatenate([getattr(e, name) for e in explanations])[order] for name in names}
    costs = [e.cost for e in explanations if e.cost is not None]
    if len(costs) == len(explanations):
        arrays["passes"] = np.concatenate([cost.passes for cost in costs])[order]
        arrays["seconds"] = np.concatenate([cost.seconds for cost in costs])[order]
    errors = [e.errors for e in explanations if e.errors is not None]
    if len(errors) == len(explanations):
        arrays["errors"] = np.concatenate(errors)[order]
    volumes = [e.volumes for e in explanations if e.volumes is not None]
    if len(volumes) == len(explanations):
        arrays["volume"] = np.concatenate([v.labels for v in volumes])[order]
        for name in ("mean", "variance"):
            moments = [getattr(v, name)[v.labels].astype(np.float32) for v in volumes]
            arrays[f"volume_{name}"] = np.concatenate(moments)[order]
    return {"frames": frames[order], "track": track[order]} | arrays


def _rows(arrays: dict[str, np.ndarray[Any, Any]], *, signed: bool) -> list[dict[str, Any]]:
    rows = []
    for i, values in enumerate(arrays["values"]):
        strength = np.abs(values).sum(dtype=np.float64)
        positive = float(values[values > 0].sum(dtype=np.float64) / strength) if signed and strength else None
        rows.append(
            {
                "frame": int(arrays["frames"][i]),
                "pts": int(arrays["pts"][i]),
                "track": int(arrays["track"][i]),
                "logit": sidecar.number(float(arrays["logits"][i])),
                "largest": sidecar.number(float(np.abs(values).max())),
                "share_supporting_fake": positive,
            }
        )
        if "passes" in arrays:
            rows[-1] |= {
                "forward_passes": int(arrays["passes"][i]),
                "seconds": sidecar.number(float(arrays["seconds"][i])),
            }
        if "errors" in arrays:
            rows[-1]["largest_standard_error"] = sidecar.number(float(arrays["errors"][i].max()))
    return rows


def _volumes(explanation: Explanation) -> list[dict[str, Any]]:
    """The moments of each volume that a frame shows; none of a map without volumes."""
    volumes = explanation.volumes
    if volumes is None:
        return []
    return [
        {
            "track": explanation.track_id,
            "volume": number,
            "frames": int(volumes.frames[number]),
            "mean": sidecar.number(float(volumes.mean[number])),
            "variance": sidecar.number(float(volumes.variance[number])),
        }
        for number in np.flatnonzero(volumes.frames).tolist()
    ]


def _meaning(explanation: Explanation) -> str:
    return SIGNED if explanation.signed else UNSIGNED.format(text=meaning_of(explanation.explainer_id).text)


def _cost(arrays: dict[str, np.ndarray[Any, Any]]) -> dict[str, Any] | None:
    """Of all maps together; None where it was not measured."""
    if "passes" not in arrays:
        return None
    return {
        "forward_passes": int(arrays["passes"].sum()),
        "seconds": float(arrays["seconds"].sum(dtype=np.float64)),
    }
