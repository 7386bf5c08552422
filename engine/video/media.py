"""Opening evidence: a video file, a still, or a sequence of stills, behind one interface."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from engine.progress import CancelToken, ProgressCallback
from engine.video.colour import Converter, orientation_of
from engine.video.facts import pixel_aspect
from engine.video.frame import Frame
from engine.video.images import ImageSequence, is_images, open_images
from engine.video.interface import Media
from engine.video.source import choose_stream, open_container
from engine.video.video_file import VideoFile, first_raw, open_video

__all__ = ["FirstLook", "ImageSequence", "Media", "VideoFile", "first_look", "open_media"]


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What can be shown of evidence before its index is known.

    Attributes:
        frame: frame 0.
        pixel_aspect: width of a pixel over its height, as displayed.
    """

    frame: Frame
    pixel_aspect: Fraction


def open_media(
    path: Path | str,
    *,
    stream: int | None = None,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> Media:
    """Open a video file, a still, a folder of numbered stills, or a pattern of stills such as `name_%04d.png`.

    Nothing is hashed and nothing is written beside the evidence. A file is read once from end to end for its index
    (about a second per 100,000 frames), which is kept in the user's cache; show `first_look` meanwhile.

    Args:
        stream: number of a video stream in the container; by default the file's default one, else the largest.

    Raises:
        VideoError: it cannot be opened; the message says why.
        CancelledError: cancelled.
    """
    path = Path(path)
    if is_images(path):
        return open_images(path)
    return open_video(path, stream, cancel=cancel, progress=progress)


def first_look(path: Path | str, *, stream: int | None = None) -> FirstLook:
    """Frame 0 at once, before the file's index is known. Raises VideoError as open_media does."""
    path = Path(path)
    if is_images(path):
        return FirstLook(open_images(path).reader().read(0), Fraction(1))
    with open_container(path) as container:
        chosen = choose_stream(container, path, stream)
        raw = first_raw(container, chosen, path)
        context = chosen.codec_context
        orientation, aspect = orientation_of(raw), pixel_aspect(chosen)
        pixels = Converter(context.width, context.height, orientation).rgb(raw)
        return FirstLook(Frame(0, raw.pts or 0, 0.0, pixels), 1 / aspect if orientation.turns % 2 else aspect)
