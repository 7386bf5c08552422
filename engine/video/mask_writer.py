"""Writes masks as a lossless grey video whose frames have the times of another clip."""

from fractions import Fraction
from typing import Any

import av
from av.codec.context import Flags
from av.video.reformatter import ColorRange

from engine.results import Picture
from engine.video.writer import ClipWriter


class MaskWriter(ClipWriter):
    """As ClipWriter, for pictures (H, W) uint8: H.264 with qp 0 in grey, full range, every level kept.

    FFV1 would be as exact, but Matroska rounds times to milliseconds and MP4 does not carry it.
    """

    _channels = ()

    def _set_up(self, context: Any, pixel_aspect: Fraction) -> None:
        context.width, context.height = self._size[0] + self.padding[0], self._size[1] + self.padding[1]
        context.pix_fmt = "gray"
        context.time_base = self._base
        context.max_b_frames = 0
        context.flags |= Flags.frame_duration
        context.options = {"qp": "0", "preset": "veryfast"}
        context.sample_aspect_ratio = pixel_aspect
        context.color_range = ColorRange.JPEG
        self._stream.time_base = self._base

    def _frame(self, pixels: Picture) -> Any:
        frame = av.VideoFrame.from_ndarray(pixels, format="gray")
        frame.color_range = ColorRange.JPEG
        return frame
