"""Exact frames as PNG files, named by number and pts, with or without an overlay."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.errors import UsageError
from engine.exports import sidecar
from engine.exports.clip import faces_entry
from engine.exports.files import Staging, never_over
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.rendering.compose import render_frame
from engine.rendering.layers import build_layers
from engine.rendering.scene import Scene
from engine.rendering.style import OverlayStyle
from engine.results import Picture, VideoIdentity
from engine.video.frame import Frame
from engine.video.media import Media


def export_stills(
    media: Media,
    frames: Sequence[int],
    out: Path,
    *,
    scene: Scene | None = None,
    style: OverlayStyle | None = None,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[Path, ...]:
    """Write each frame as `frame_INDEX_pts_PTS.png` into a folder, and `stills.json` beside them.

    Without a scene the pixels are exactly the decoded ones. All files appear together, or none. Any one thread.

    Raises:
        UsageError: a frame does not exist, or a still would replace the evidence.
        FrameUnavailableError: a frame cannot be decoded.
        ExportError: the disk is full or the place cannot be written.
        CancelledError: cancelled.
    """
    wanted = check_frames(media, frames)
    never_over([media.path], [out])
    identity = media.identity(cancel, progress)
    meter = ProgressMeter("Writing stills", len(wanted), "frames", progress)
    written, entries = [], []
    reader = media.reader(stepping=True)
    try:
        with Staging(media.files) as staging:
            staging.folder(out)
            for done, number in enumerate(wanted, 1):
                if cancel is not None:
                    cancel.check()
                frame = reader.read(number)
                entry: dict[str, Any] = {"index": frame.index, "pts": frame.pts, "seconds": frame.seconds}
                pixels = frame.pixels
                if scene is not None:
                    shown = scene.at(frame.index, frame.pts, frame.seconds)
                    pixels = render_frame(pixels, build_layers(shown, style or OverlayStyle(curve=False)))
                    entry["faces"] = faces_entry(shown)
                path = out / f"{still_name(frame)}.png"
                content = png(pixels, frame, identity)
                staging.write(path, content)
                written.append(path)
                entries.append({"file": path.name, "sha256": hashlib.sha256(content).hexdigest()} | entry)
                meter.update(done)
            media.verify_unchanged()
            staging.write_json(out / "stills.json", _sidecar(identity, entries, scene, style))
    finally:
        reader.close()
    return tuple(written)


def still_name(frame: Frame) -> str:
    """frame_INDEX_pts_PTS, the index padded so that names sort."""
    return f"frame_{frame.index:07d}_pts_{frame.pts}"


def png(pixels: Picture, frame: Frame, identity: VideoIdentity) -> bytes:
    """A PNG that carries frame, pts, time base and the evidence's hash as text."""
    info = PngInfo()
    info.add_text("Software", "Tellframe")
    info.add_text("Frame", str(frame.index))
    info.add_text("PTS", f"{frame.pts} x {identity.time_base} s")
    info.add_text("Source SHA-256", identity.sha256)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", pnginfo=info, compress_level=3)
    return buffer.getvalue()


def check_frames(media: Media, frames: Sequence[int]) -> list[int]:
    """The frames, each once and in order.

    Raises:
        UsageError: there are none, or one does not exist.
    """
    wanted = sorted(set(frames))
    if not wanted:
        raise UsageError("No frame was asked for", advice="Give frames as A:B or A,B,C", file=media.path)
    if wanted[0] < 0 or wanted[-1] >= len(media.index):
        outside = wanted[0] if wanted[0] < 0 else wanted[-1]
        raise UsageError(
            f"There is no frame {outside}",
            advice=f"The video has the frames 0 to {len(media.index) - 1}",
            file=media.path,
        )
    return wanted


def _sidecar(
    identity: VideoIdentity, entries: list[dict[str, Any]], scene: Scene | None, style: OverlayStyle | None
) -> dict[str, Any]:
    data = sidecar.header(identity) | {"stills": entries}
    if scene is not None:
        data["style"] = sidecar.look(style or OverlayStyle(curve=False), scene.explanations)
        data["detector"] = scene.detector_id or None
        data["excluded_prototypes"] = list(scene.excluded)
        data["explainer"] = scene.explainer_id or None
        data["explanation"] = sidecar.explained(scene.explanations)
        data["likelihood"] = sidecar.said(scene.statement)
        data["provenance"] = sidecar.provenances(
            [s.provenance for s in scene.scores] + [e.provenance for e in scene.explanations]
        )
    return data
