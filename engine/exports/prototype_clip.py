"""A prototype's motion beside the questioned patch, in step, as GIF or MP4: P000's way to say why."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from engine.errors import ExportError, UsageError
from engine.exports import sidecar
from engine.exports.files import Staging, never_over, sha256
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.rendering.compose import render_frame
from engine.rendering.flow_picture import direction_wheel, flow_frames, full_length
from engine.rendering.primitives import RGBA, Item, Layers, Text
from engine.rendering.text import measure
from engine.results import (
    FloatArray,
    IntArray,
    Picture,
    Prototype,
    Provenance,
    VideoIdentity,
    excluded_words,
    frozen,
)
from engine.video.media import Media
from engine.video.writer import ClipWriter

SUFFIXES = (".gif", ".mp4")
SLOWER = 4
"""How many times slower than the video: the motion of a clip lasts a third of a second."""
ROUNDS = 4
"""How often an MP4 shows it; a GIF goes round without end."""
PANE, PAD, SIZE, SMALL = 256, 12, 15, 13
WHEEL = 44
INK: RGBA = (230, 234, 240, 255)
MUTED: RGBA = (163, 175, 190, 255)
GROUND = (20, 23, 28)
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """What is shown.

    Attributes:
        motion: (F, 2, n, n) float32, of the prototype, pixels of what the network sees.
        frames: (F,) int64, of the questioned video, in which the fields begin.
        pictures: (F, h, w, 3) uint8 RGB, the questioned patch in these frames.
        flow: (F, 2, n, n) float32, its motion, in the same pixels.
        box: x0, y0, x1, y1 of the patch, pixels of the frame.
        similarity: of the clip to the prototype, in [0, 1].
        stride: frames between two fields.
        own_name: the reviewer's, empty for none.
        provenance: of the scores that hold the similarity.
    """

    prototype: Prototype
    motion: FloatArray
    frames: IntArray
    pictures: Picture
    flow: FloatArray
    box: Box
    track_id: int
    similarity: float
    stride: int
    provenance: Provenance
    own_name: str = ""
    excluded: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.own_name} ({self.prototype.name})" if self.own_name else self.prototype.name


def export_prototype_clip(
    media: Media,
    out: Path,
    shown: SideBySide,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[Path, Path]:
    """Write the animation and beside it a JSON of the same name: both, or nothing. Any one thread.

    Raises:
        UsageError: the name is neither .gif nor .mp4, or is the evidence.
        ExportError: the disk is full or the place cannot be written.
        EvidenceChangedError: the file changed meanwhile.
        CancelledError: cancelled.
    """
    beside = out.with_suffix(".json")
    if out.suffix.lower() not in SUFFIXES:
        raise UsageError("The animation is written as .gif or .mp4", advice="Choose one of these", file=out)
    never_over(media.files, [out, beside])
    if not out.parent.is_dir():
        raise ExportError("There is no such folder", advice="Make it, or choose another one", file=out.parent)
    identity = media.identity(cancel, progress)
    meter = ProgressMeter("Writing the animation", len(shown.frames), "pictures", progress)
    milliseconds = shown_for(media.index.rate or 25.0, shown.stride)

    def pictures() -> Iterator[Picture]:
        for done, picture in enumerate(sheets(shown), 1):
            if cancel is not None:
                cancel.check()
            yield picture
            meter.update(done)

    with Staging(media.files) as staging:
        if out.suffix.lower() == ".gif":
            content = _gif(list(pictures()), milliseconds, f"Source SHA-256 {identity.sha256}")
            staging.write(out, content)
            media.verify_unchanged()
            staging.write_json(beside, _entry(media, identity, shown, out, milliseconds, _digest(content)))
        else:
            drawn = list(pictures())
            height, width = drawn[0].shape[:2]
            rate = 1000 / milliseconds
            with ClipWriter(out, width, height, Fraction(1, 1000), rate=rate) as writer:
                for at, picture in enumerate(drawn * ROUNDS):
                    writer.write(picture, at * milliseconds, milliseconds)
                digest = sha256(writer.complete())
                if cancel is not None:
                    cancel.check()
                media.verify_unchanged()
                staging.write_json(beside, _entry(media, identity, shown, out, milliseconds, digest))
    return out, beside


def shown_for(rate: float, stride: int) -> int:
    """Milliseconds for which each picture is shown, a multiple of 10: finer a GIF cannot tell."""
    return max(20, round(SLOWER * stride * 100 / rate) * 10)


def sheets(shown: SideBySide) -> Iterator[Picture]:
    """(H, W, 3) uint8 for each field: the prototype's motion, the patch, and its motion on the same scale."""
    full = full_length(shown.motion, shown.flow)
    prototype = flow_frames(shown.motion, PANE, full)
    questioned = flow_frames(shown.flow, PANE, full)
    top, bottom = 2 * PAD + measure("", SIZE)[1] + measure("", SMALL)[1], _foot()
    height, width = top + PANE + bottom, 3 * (PANE + PAD) + PAD
    notes = _notes(shown, full)
    wheel = direction_wheel(WHEEL)
    for field, frame in enumerate(shown.frames.tolist()):
        canvas = np.full((height, width, 3), GROUND, np.uint8)
        patch = _fitted(shown.pictures[field])
        for column, picture in enumerate((prototype[field], patch, questioned[field])):
            left = PAD + column * (PANE + PAD)
            canvas[top : top + PANE, left : left + PANE] = picture
        corner = canvas[-WHEEL - PAD : -PAD, -WHEEL - PAD : -PAD]
        share = wheel[..., 3:] / 255
        corner[...] = np.round(wheel[..., :3] * share + corner * (1 - share)).astype(np.uint8)
        captions = (
            (shown.name, f"prototype of {shown.prototype.label}, its motion"),
            (f"Face {shown.track_id + 1}, frame {frame}", "the questioned patch"),
            (f"Frame {frame} to {frame + 1}", "motion of the questioned patch"),
        )
        items: list[Item] = []
        for column, (title, kind) in enumerate(captions):
            left = PAD + column * (PANE + PAD)
            items.append(Text(left, PAD, _cut(title, PANE, SIZE), SIZE, INK))
            items.append(Text(left, PAD + measure("", SIZE)[1], _cut(kind, PANE, SMALL), SMALL, MUTED))
        row = measure("", SMALL)[1]
        for line, text in enumerate(notes):
            room = width - 3 * PAD - WHEEL
            items.append(Text(PAD, top + PANE + PAD + line * row, _cut(text, room, SMALL), SMALL, MUTED))
        yield render_frame(frozen(canvas), Layers(width, height, tuple(items)))


def _foot() -> int:
    return 2 * PAD + 3 * measure("", SMALL)[1]


def _notes(shown: SideBySide, full: float) -> tuple[str, ...]:
    made, source = shown.provenance, shown.prototype.source
    excluded = f", {excluded_words(len(shown.excluded))}" if shown.excluded else ""
    return (
        f"Similarity {shown.similarity:.3f}   {made.component}   weights {made.weights_sha256[:12]}{excluded}",
        f"{SLOWER} times slower. Both motions on one scale, full at {full:.2g} pixels a frame; wheel: where to",
        f"The prototype comes from {source.clip}, frame {source.frame}",
    )


def _fitted(picture: Picture) -> Picture:
    """A patch in a square pane, its proportions kept, its pixels as blocks."""
    height, width = picture.shape[:2]
    scale = PANE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    enlarged = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
    pane = np.full((PANE, PANE, 3), GROUND, np.uint8)
    top, left = (PANE - size[1]) // 2, (PANE - size[0]) // 2
    pane[top : top + size[1], left : left + size[0]] = enlarged
    return pane


def _cut(text: str, room: int, size: int) -> str:
    """As much of a line as there is room for."""
    if measure(text, size)[0] <= room:
        return text
    while text and measure(f"{text}...", size)[0] > room:
        text = text[:-1]
    return f"{text.rstrip()}..."


def _gif(pictures: list[Picture], milliseconds: int, comment: str) -> bytes:
    first, *others = [
        Image.fromarray(picture).quantize(dither=Image.Dither.NONE, method=Image.Quantize.MEDIANCUT)
        for picture in pictures
    ]
    buffer = io.BytesIO()
    first.save(
        buffer,
        "GIF",
        save_all=True,
        append_images=others,
        duration=milliseconds,
        loop=0,
        comment=f"Tellframe. {comment}".encode(),
    )
    return buffer.getvalue()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _entry(
    media: Media, identity: VideoIdentity, shown: SideBySide, out: Path, milliseconds: int, digest: str
) -> dict[str, Any]:
    source, gif = shown.prototype.source, out.suffix.lower() == ".gif"
    pts = media.index.pts[shown.frames].tolist()
    return sidecar.header(identity) | {
        "animation": {
            "path": out.name,
            "sha256": digest,
            "format": "GIF, 256 colours a picture" if gif else "H.264, yuv420p, BT.709 limited range, crf 18",
            "pictures": len(shown.frames),
            "milliseconds_each": milliseconds,
            "times_slower": SLOWER,
            "rounds": None if gif else ROUNDS,
            "full_scale_pixels_per_frame": full_length(shown.motion, shown.flow),
        },
        "prototype": {
            "name": shown.prototype.name,
            "own_name": shown.own_name or None,
            "class": shown.prototype.label,
            "weights": {"real": shown.prototype.weights[0], "fake": shown.prototype.weights[1]},
            "source": {
                "clip": source.clip,
                "frame": source.frame,
                "cell": list(source.cell),
                "box": list(source.box),
                "distance": source.distance,
                "operator": source.operator or None,
            },
        },
        "questioned": {
            "track": shown.track_id,
            "frames": shown.frames.tolist(),
            "pts": pts,
            "box": [round(value, 2) for value in shown.box],
            "similarity": sidecar.number(shown.similarity),
        },
        "excluded_prototypes": list(shown.excluded),
        "detector": shown.provenance.component,
        "provenance": sidecar.provenances([shown.provenance]),
    }
