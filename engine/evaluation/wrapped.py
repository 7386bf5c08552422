"""Evidence that is read differently from what its file holds: perturbed frame by frame, or encoded anew."""

import tempfile
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from engine.evaluation.perturbations import Perturbation, perturbed
from engine.progress import CancelToken, ProgressCallback
from engine.results import Picture, VideoIdentity
from engine.video.facts import MediaFacts
from engine.video.index import FrameIndex
from engine.video.interface import Media
from engine.video.media import open_media
from engine.video.reader import DecodedFrame, FrameReader

RATE = 25
"""Pictures a second of what `encode_clip` writes."""


def open_perturbed(path: Path, change: Perturbation, cancel: CancelToken | None = None) -> Media:
    """Open evidence so that every frame of it is perturbed. Raises as open_media."""
    media = open_media(path, cancel=cancel)
    if change.kind != "compression":
        return PerturbedMedia(media, change)
    try:
        return _encoded_anew(media, round(change.strength), cancel or CancelToken())
    finally:
        media.close()


class Wrapped:
    """Evidence that answers as another one does. See Media."""

    def __init__(self, media: Media) -> None:
        self._media = media

    @property
    def path(self) -> Path:
        return self._media.path

    @property
    def files(self) -> tuple[Path, ...]:
        return self._media.files

    @property
    def facts(self) -> MediaFacts:
        return self._media.facts

    @property
    def index(self) -> FrameIndex:
        return self._media.index

    @property
    def width(self) -> int:
        return self._media.width

    @property
    def height(self) -> int:
        return self._media.height

    @property
    def damaged(self) -> tuple[int, ...]:
        return self._media.damaged

    def warnings(self) -> tuple[str, ...]:
        return self._media.warnings()

    def reader(self, *, stepping: bool = False) -> FrameReader:
        return self._media.reader(stepping=stepping)

    def identity(
        self, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
    ) -> VideoIdentity:
        return self._media.identity(cancel, progress)

    def verify_unchanged(self) -> None:
        self._media.verify_unchanged()

    def close(self) -> None:
        self._media.close()


class PerturbedMedia(Wrapped):
    """Its frames are perturbed as they are read; facts, index and hash are the file's."""

    def __init__(self, media: Media, change: Perturbation) -> None:
        super().__init__(media)
        self._change = change

    def reader(self, *, stepping: bool = False) -> FrameReader:
        return _PerturbedReader(self.path, self.index, super().reader(stepping=stepping), self._change)


class _PerturbedReader(FrameReader):
    def __init__(self, path: Path, index: FrameIndex, reader: FrameReader, change: Perturbation) -> None:
        super().__init__(path, index)
        self._reader, self._change = reader, change

    def decode(self, index: int, passing: Callable[[DecodedFrame], None] | None = None) -> DecodedFrame:
        found = self._reader.decode(index, passing)

        def make(width: int | None) -> Picture:
            pixels = perturbed(found.rgb(), self._change, index)
            if width is not None and width < pixels.shape[1]:
                height = max(1, round(pixels.shape[0] * width / pixels.shape[1]))
                pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            pixels.flags.writeable = False
            return pixels

        return DecodedFrame(found.index, found.pts, found.seconds, make)

    def close(self) -> None:
        self._reader.close()


class _Temporary(Wrapped):
    """A file that goes when it is closed."""

    def __init__(self, media: Media, folder: "tempfile.TemporaryDirectory[str]") -> None:
        super().__init__(media)
        self._folder = folder

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


def _encoded_anew(media: Media, rate_factor: int, cancel: CancelToken) -> Media:
    """All frames that can be decoded, encoded with x264 at one rate factor, preset medium, and opened again."""
    folder = tempfile.TemporaryDirectory(prefix="tellframe-")
    try:
        path = Path(folder.name) / "clip.mp4"
        reader = media.reader()
        try:
            frames = reader.frames(0, len(media.index) - 1, cancel=cancel)
            encode_clip(path, (frame.pixels for frame in frames), (media.width, media.height), rate_factor)
        finally:
            reader.close()
        return _Temporary(open_media(path, cancel=cancel), folder)
    except BaseException:
        folder.cleanup()
        raise


def encode_clip(path: Path, pictures: Iterable[Picture], size: tuple[int, int], rate_factor: int) -> None:
    """Write pictures of one size (W, H) with x264, preset medium, 25 a second; odd sides grow by one pixel."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(
            "libx264", rate=Fraction(RATE), options={"crf": str(rate_factor), "preset": "medium"}
        )
        _set_up(stream, *size)
        for number, pixels in enumerate(pictures):
            container.mux(stream.encode(_coded(pixels, number)))
        container.mux(stream.encode(None))


def _set_up(stream: Any, width: int, height: int) -> None:
    """Even sides, BT.709 in limited range, and tagged so."""
    stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
    context = stream.codec_context
    context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709


def _coded(pixels: Picture, number: int) -> av.VideoFrame:
    height, width = pixels.shape[:2]
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
    frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame
