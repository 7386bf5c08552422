"""Writes an H.264 MP4 whose frames keep the very times that they had in their source."""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import av.error
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from engine.results import Picture
from engine.video.audio import AudioCut
from engine.video.disk import writing

QUALITY = "18"
"""x264's constant rate factor: visually lossless."""


class ClipWriter:
    """One clip in the making; it appears under its name only when it is complete. For one thread.

    Use it as a context manager: leaving it normally finishes the clip, an exception (a cancel, too) removes all of
    it. The picture is yuv420p in BT.709, limited range, and tagged so. An odd width or height is made even by
    repeating the last column or row.

    Attributes:
        padding: columns and rows added on the right and at the bottom, 0 or 1 each.
    """

    _channels: tuple[int, ...] = (3,)

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        time_base: Fraction,
        *,
        rate: float = 25.0,
        pixel_aspect: Fraction = Fraction(1),
        audio: AudioCut | None = None,
        threads: int = 0,
    ) -> None:
        """Begin a clip.

        Args:
            width, height: of the frames as displayed, pixels.
            time_base: seconds per pts unit, of the source.
            rate: mean frames per second, a hint for the encoder; the frames' times come from their pts alone.
            audio: sound to go with it, cut to the same stretch; the caller closes it.
            threads: of the encoder, on whose number its bits depend; 0 for as many as the machine has.

        Raises:
            ExportError: the place cannot be written.
        """
        self.path = path
        self.padding = (width % 2, height % 2)
        self._size = (width, height)
        self._part = path.with_name(path.name + ".part")
        self._base = time_base
        self._first: int | None = None
        self._last = 0
        self._container: Any = None
        self._waiting: tuple[float, Any] | None = None
        with writing(self.path):
            self._file = self._part.open("wb")
            try:
                self._container = av.open(self._file, "w", format="mp4")
                self._stream: Any = self._container.add_stream(
                    "libx264", rate=Fraction(rate).limit_denominator(1001)
                )
                self._stream.codec_context.thread_count = threads
                self._set_up(self._stream.codec_context, pixel_aspect)
                self._audio = audio.packets(audio.add_stream(self._container)) if audio else iter(())
            except BaseException:
                self.abort()
                raise

    def _set_up(self, context: Any, pixel_aspect: Fraction) -> None:
        context.width, context.height = self._size[0] + self.padding[0], self._size[1] + self.padding[1]
        context.pix_fmt = "yuv420p"
        context.time_base = self._base
        # Without B-frames every player agrees on the times, even where their spacing varies.
        context.max_b_frames = 0
        context.flags |= Flags.frame_duration
        context.options = {"crf": QUALITY, "preset": "fast"}
        context.sample_aspect_ratio = pixel_aspect
        context.color_range = ColorRange.MPEG
        context.colorspace = Colorspace.ITU709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        self._stream.time_base = self._base

    def write(self, pixels: Picture, pts: int, duration: int = 0) -> None:
        """Add the frame that begins at `pts` in the source's time; the first one begins the clip at 0.

        Args:
            pixels: RGB uint8 (H, W, 3).
            duration: pts units, 0 if unknown; it counts for the last frame only.

        Raises:
            ExportError: the disk is full or failed.
            ValueError: the frame has another size, or does not come after the one before it.
        """
        if pixels.shape != (self._size[1], self._size[0], *self._channels):
            raise ValueError(f"a frame of shape {pixels.shape} does not fit a clip of {self._size}")
        if self._first is None:
            self._first = pts
        elif pts <= self._last:
            raise ValueError(f"pts {pts} does not come after {self._last}")
        self._last = pts
        if any(self.padding):
            sides = ((0, self.padding[1]), (0, self.padding[0]), *((0, 0) for _ in self._channels))
            pixels = np.pad(pixels, sides, mode="edge")
        frame = self._frame(np.ascontiguousarray(pixels))
        frame.pts, frame.time_base, frame.duration = pts - self._first, self._base, duration
        with writing(self.path):
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
            self._mux_sound(until=float(frame.pts * self._base))

    def _frame(self, pixels: Picture) -> Any:
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        return frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)

    def complete(self) -> Path:
        """Write all that is left; the whole clip then lies under the returned, provisional name.

        Raises:
            ExportError: the disk is full or failed.
        """
        with writing(self.path):
            if not self._file.closed:
                for packet in self._stream.encode(None):
                    self._container.mux(packet)
                self._mux_sound(until=float("inf"))
                self._container.close()
                self._file.close()
        return self._part

    def finish(self) -> None:
        """Complete the clip and give it its name.

        Raises:
            ExportError: the disk is full or failed; nothing is left.
        """
        try:
            self.complete()
            with writing(self.path):
                self._part.replace(self.path)
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Give up and leave nothing behind."""
        # The disk may be full: what could not be written is not missed.
        with suppress(OSError, av.error.FFmpegError):
            if self._container is not None:
                self._container.close()
        with suppress(OSError):
            self._file.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.abort()

    def _mux_sound(self, until: float) -> None:
        """Interleave: bring the sound up to the picture's time."""
        while True:
            self._waiting = self._waiting or next(self._audio, None)
            if self._waiting is None or self._waiting[0] > until:
                return
            self._container.mux(self._waiting[1])
            self._waiting = None
