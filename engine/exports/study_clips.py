"""Clips for a preference study: a stretch of a video, and its face with red overlays, one clip per explainer."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from engine.errors import ExportError, FrameUnavailableError
from engine.progress import CancelToken
from engine.rendering.compose import render_frame
from engine.rendering.primitives import Layers
from engine.rendering.red import red_overlay
from engine.results import Explanation, FaceTrack, Picture
from engine.video.index import FrameIndex
from engine.video.media import Media
from engine.video.writer import ClipWriter

MARGIN = 0.3
"""Share of the side of the faces' square that is shown around it on every side."""
SEVERAL = 0.1
"""Share of frames from which two faces at a time are not taken for a slip of the face detector."""

Window = tuple[int, int, int, int]
"""x0, y0, x1, y1 of whole pixels, the last two excluded."""


def last_frame(index: FrameIndex, seconds: float) -> int:
    """The last frame that begins before `seconds`."""
    limit = index.start_pts + round(seconds / float(index.time_base))
    return max(0, int(index.pts.searchsorted(limit, side="left")) - 1)


def explained_frames(index: FrameIndex, last: int, rate: float) -> list[int]:
    """The frames on show every 1 / `rate` seconds from the first on, each once."""
    seconds = np.arange(0, index.seconds(last) + 1e-9, 1 / rate)
    return sorted({index.at_seconds(float(each)) for each in seconds})


def several_faces(tracks: Sequence[FaceTrack], frames: Sequence[int]) -> bool:
    """Whether two faces or more are seen at a time, in more than SEVERAL of the frames."""
    at_a_time = [sum(track.row(frame) is not None for track in tracks) > 1 for frame in frames]
    return sum(at_a_time) > SEVERAL * len(frames)


def face_window(tracks: Sequence[FaceTrack], last: int, width: int, height: int) -> Window:
    """The square around all places of a face up to a frame, with MARGIN, moved and cut into the picture."""
    boxes = np.concatenate([track.boxes[track.frames <= last] for track in tracks])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    side = float((high - low).max()) * (1 + 2 * MARGIN)
    x0, x1 = _within((low[0] + high[0]) / 2, side, width)
    y0, y1 = _within((low[1] + high[1]) / 2, side, height)
    return x0, y0, x1, y1


def cut_clip(media: Media, out: Path, last: int, cancel: CancelToken | None = None) -> None:
    """Write the frames up to `last` as a clip without sound, encoded like every other clip of a study.

    Raises:
        ExportError: no frame can be decoded, or the disk is full.
        EvidenceChangedError, CancelledError.
    """
    _write(media, {out: ()}, range(last + 1), last, (0, 0, media.width, media.height), cancel)


def face_clips(
    media: Media,
    outs: Mapping[Path, Sequence[Explanation]],
    frames: Sequence[int],
    last: int,
    window: Window,
    cancel: CancelToken | None = None,
) -> None:
    """Write the face on some frames, once for each set of explanations: the red overlay of just these frames.

    A frame stays until the next one's time, and the last one to the end of the frame `last`, so all clips are in
    step with each other; a frame without a map is plain. Raises as `cut_clip`.
    """
    _write(media, outs, frames, last, window, cancel)


def _write(
    media: Media,
    outs: Mapping[Path, Sequence[Explanation]],
    frames: Sequence[int],
    stretch_end: int,
    window: Window,
    cancel: CancelToken | None,
) -> None:
    index = media.index
    x0, y0, x1, y1 = window
    ends = [*(int(index.pts[frame]) for frame in frames[1:]), _end(index, stretch_end)]
    last = -1
    reader = media.reader()
    try:
        with ExitStack() as stack:
            writers = {
                out: stack.enter_context(
                    ClipWriter(
                        out,
                        x1 - x0,
                        y1 - y0,
                        index.time_base,
                        rate=index.rate or 25.0,
                        pixel_aspect=media.facts.stream.shown_pixel_aspect,
                    )
                )
                for out in outs
            }
            for frame, end in zip(frames, ends, strict=True):
                if cancel is not None:
                    cancel.check()
                try:
                    shown = reader.read(frame)
                except FrameUnavailableError:
                    continue
                pts = max(shown.pts, last + 1)  # broken files give two frames one time; MP4 cannot
                for out, explanations in outs.items():
                    pixels = _overlaid(shown.pixels, explanations, frame)[y0:y1, x0:x1]
                    writers[out].write(pixels, pts, max(1, end - pts))
                last = pts
            if last < 0:
                raise ExportError(
                    "None of the frames can be decoded", advice="Choose another clip", file=media.path
                )
            media.verify_unchanged()
    finally:
        reader.close()


def _overlaid(pixels: Picture, explanations: Sequence[Explanation], frame: int) -> Picture:
    masks = []
    for each in explanations:
        row = int(np.searchsorted(each.frames, frame))
        if row < len(each.frames) and each.frames[row] == frame:
            masks.append(red_overlay(each.values[row], each.affine[row]))
    return render_frame(pixels, Layers(pixels.shape[1], pixels.shape[0], tuple(masks))) if masks else pixels


def _within(centre: float, side: float, size: int) -> tuple[int, int]:
    side = min(side, size)
    low = min(max(0.0, centre - side / 2), size - side)
    return int(np.floor(low)), int(np.ceil(low + side))


def _end(index: FrameIndex, frame: int) -> int:
    return index.end_pts if frame + 1 == len(index) else int(index.pts[frame + 1])
