"""The annotated clip: a stretch of video with masks, boxes, curve and words burnt in, and its sidecar."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ExportError, UsageError
from engine.exports import sidecar
from engine.exports.files import Staging, never_over, sha256
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.rendering.compose import render_frame
from engine.rendering.layers import build_layers
from engine.rendering.scene import FrameShown, Scene
from engine.rendering.style import OverlayStyle
from engine.video.audio import AudioCut
from engine.video.media import Media
from engine.video.writer import ClipWriter


@dataclass(frozen=True, slots=True)
class ExportedClip:
    """What was written, and the frames of the stretch that could not be decoded and are not in it."""

    clip: Path
    sidecar: Path
    missing: tuple[int, ...]


def export_clip(
    media: Media,
    out: Path,
    scene: Scene,
    style: OverlayStyle,
    *,
    audio: bool = False,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> ExportedClip:
    """Write the frames scene.first to scene.last as an MP4 that keeps their times, and `out` with .json beside it.

    Both files appear together when they are complete; an error or a cancel leaves neither. Any one thread.

    Args:
        audio: bring the sound along.

    Raises:
        UsageError: the name is not .mp4, is the evidence, the stretch is empty, or there is no sound to bring.
        ExportError: the disk is full, the place cannot be written, or no frame could be decoded.
        EvidenceChangedError: the file changed meanwhile.
        CancelledError: cancelled.
    """
    beside = out.with_suffix(".json")
    _check(media, out, beside, scene)
    if audio:
        require_sound(media)
    identity = media.identity(cancel, progress)
    meter = ProgressMeter("Writing the clip", scene.last - scene.first + 1, "frames", progress)
    entries: list[dict[str, Any]] = []
    sound = _sound(media, scene) if audio else None
    try:
        with (
            Staging() as staging,
            ClipWriter(
                out,
                scene.width,
                scene.height,
                media.index.time_base,
                rate=media.index.rate or 25.0,
                pixel_aspect=media.facts.stream.shown_pixel_aspect,
                audio=sound,
            ) as writer,
        ):
            _write_frames(media, scene, style, writer, entries, meter, cancel)
            media.verify_unchanged()
            digest = sha256(writer.complete())
            shown = {entry["index"] for entry in entries}
            missing = tuple(i for i in range(scene.first, scene.last + 1) if i not in shown)
            staging.write_json(
                beside,
                sidecar.header(identity)
                | {
                    "clip": {
                        "path": out.name,
                        "sha256": digest,
                        "codec": "H.264, yuv420p, BT.709 limited range, crf 18",
                        "padding": {"right": writer.padding[0], "bottom": writer.padding[1]},
                        "audio": _words(sound),
                        "pts_shift": entries[0]["pts"],
                    },
                    "range": {"first": scene.first, "last": scene.last},
                    "missing_frames": list(missing),
                    "style": sidecar.look(style, scene.explanations),
                    "detector": scene.detector_id or None,
                    "excluded_prototypes": list(scene.excluded),
                    "explainer": scene.explainer_id or None,
                    "explanation": sidecar.explained(scene.explanations),
                    "likelihood": sidecar.said(scene.statement),
                    "provenance": sidecar.provenances(
                        [s.provenance for s in scene.scores] + [e.provenance for e in scene.explanations]
                    ),
                    "frames": entries,
                },
            )
    finally:
        if sound is not None:
            sound.close()
    return ExportedClip(out, beside, missing)


def require_sound(media: Media) -> None:
    """Raise UsageError if there is no sound to bring along."""
    if not media.facts.audio:
        raise UsageError("There is no sound", advice="Export without it", file=media.path)


def faces_entry(shown: FrameShown) -> list[dict[str, Any]]:
    """The faces of one frame for a sidecar."""
    return [
        {
            "track": face.track_id,
            "name": face.name,
            "box": [round(float(v), 2) for v in face.box],
            "fake_probability": sidecar.number(face.probability),
        }
        for face in shown.faces
    ]


def _check(media: Media, out: Path, beside: Path, scene: Scene) -> None:
    if out.suffix.lower() != ".mp4":
        raise UsageError("A clip is written as .mp4", advice="Choose a name that ends in .mp4", file=out)
    if not 0 <= scene.first <= scene.last < len(media.index):
        raise UsageError(
            f"There are no frames {scene.first} to {scene.last}",
            advice=f"The video has the frames 0 to {len(media.index) - 1}",
            file=media.path,
        )
    never_over(media.files, [out, beside])
    if not out.parent.is_dir():
        raise ExportError("There is no such folder", advice="Make it, or choose another one", file=out.parent)


def _write_frames(
    media: Media,
    scene: Scene,
    style: OverlayStyle,
    writer: ClipWriter,
    entries: list[dict[str, Any]],
    meter: ProgressMeter,
    cancel: CancelToken | None,
) -> None:
    index = media.index
    reader = media.reader()
    try:
        last = -1
        for frame in reader.frames(scene.first, scene.last, cancel=cancel):
            shown = scene.at(frame.index, frame.pts, frame.seconds)
            end = index.end_pts if frame.index + 1 == len(index) else int(index.pts[frame.index + 1])
            # Broken files give two frames one time; MP4 cannot, and the sidecar tells both.
            pts = frame.pts if not entries else max(frame.pts, last + 1)
            writer.write(render_frame(frame.pixels, build_layers(shown, style)), pts, max(1, end - pts))
            last = pts
            entries.append(
                {
                    "index": frame.index,
                    "pts": frame.pts,
                    "clip_pts": pts - (entries[0]["pts"] if entries else pts),
                    "seconds": frame.seconds,
                    "faces": faces_entry(shown),
                }
            )
            meter.update(frame.index - scene.first + 1)
    finally:
        reader.close()
    if cancel is not None:
        cancel.check()  # asked for during the last frame
    if not entries:
        raise ExportError(
            f"None of the frames {scene.first} to {scene.last} can be decoded",
            advice="Choose frames that the player can show",
            file=media.path,
        )


def _sound(media: Media, scene: Scene) -> AudioCut:
    index = media.index
    end = index.end_pts if scene.last + 1 == len(index) else int(index.pts[scene.last + 1])
    return AudioCut(media.path, int(index.pts[scene.first]) * index.time_base, end * index.time_base)


def _words(sound: AudioCut | None) -> str | None:
    if sound is None:
        return None
    return f"{sound.codec}, copied" if sound.copied else f"{sound.codec}, encoded to aac"
