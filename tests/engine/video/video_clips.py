"""Synthetic clips in which every frame shows its own number, so that a test can read which frame it was given."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from engine.results import Picture

BITS = 12
WIDTH, HEIGHT = 160, 96


def number_picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """RGB picture with `number` as 12 black or white blocks, the same inverted below, and a moving pattern."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    pattern = 96 + 64 * np.sin((x + 3 * number) / 9.0) * np.cos((y - 2 * number) / 7.0)
    picture = np.repeat(pattern.astype(np.uint8)[:, :, None], 3, axis=2)
    band = height // 4
    for bit in range(BITS):
        left, right = width * bit // BITS, width * (bit + 1) // BITS
        white = bool(number >> (BITS - 1 - bit) & 1)
        picture[:band, left:right] = 235 if white else 20
        picture[band : 2 * band, left:right] = 20 if white else 235
    return picture


def read_number(picture: Picture) -> int | None:
    """The number a picture shows; None unless every block and its inverse agree clearly."""
    height, width = picture.shape[:2]
    band = height // 4
    grey = picture.astype(np.float64).mean(axis=2)
    number = 0
    for bit in range(BITS):
        left, right = width * bit // BITS, width * (bit + 1) // BITS
        inset = max(1, (right - left) // 4)
        columns = slice(left + inset, right - inset)
        upper = grey[band // 4 : band - band // 4, columns].mean()
        lower = grey[band + band // 4 : 2 * band - band // 4, columns].mean()
        if abs(upper - lower) < 60:
            return None
        number = number << 1 | int(upper > lower)
    return number


@dataclass(frozen=True)
class Clip:
    """How to make a clip.

    Attributes:
        times: pts of each frame in units of time_base; None for 0, 1, 2, ... at `rate`.
        shift: added to the pts and dts of every packet, in units of time_base.
        rotation: clockwise, degrees, that a player applies; the frames are stored turned the other way.
        streams: number of video streams; those after the first show number + 1000.
        muxer: options of the container.
    """

    suffix: str = ".mp4"
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    width: int = WIDTH
    height: int = HEIGHT
    frames: int = 130
    rate: int = 25
    times: Sequence[int] | None = None
    time_base: Fraction | None = None
    shift: int = 0
    rotation: int = 0
    streams: int = 1
    options: dict[str, str] = field(default_factory=dict)
    muxer: dict[str, str] = field(default_factory=dict)
    format: str | None = None
    picture: Callable[[int, int, int], Picture] = number_picture
    edit: Callable[[Any], None] | None = None
    context: Callable[[Any], None] | None = None


def make_clip(path: Path, clip: Clip) -> Path:
    """Encode a clip; the file's frames show 0, 1, 2, ... in display order."""
    time_base = clip.time_base or Fraction(1, clip.rate)
    times = clip.times if clip.times is not None else range(clip.frames)
    with av.open(str(path), "w", format=clip.format, options=clip.muxer) as out:
        streams = [_add_stream(out, clip, time_base) for _ in range(clip.streams)]
        for number, pts in enumerate(times):
            for which, stream in enumerate(streams):
                picture = clip.picture(number + 1000 * which, clip.width, clip.height)
                if clip.rotation:
                    picture = np.ascontiguousarray(np.rot90(picture, clip.rotation // 90))
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=clip.pixel_format)
                frame.pts, frame.time_base = pts, time_base
                _mux(out, stream.encode(frame), clip)
        for stream in streams:
            _mux(out, stream.encode(None), clip)
    return path


def _add_stream(out: Any, clip: Clip, time_base: Fraction) -> Any:
    stream = out.add_stream(clip.codec, rate=clip.rate)
    turned = clip.rotation % 180 == 90
    stream.width, stream.height = (clip.height, clip.width) if turned else (clip.width, clip.height)
    stream.pix_fmt = clip.pixel_format
    stream.codec_context.time_base = time_base
    stream.time_base = time_base
    stream.options = clip.options
    if clip.rotation:
        stream.set_display_rotation(-clip.rotation)  # the library counts anticlockwise
    if clip.context is not None:
        clip.context(stream.codec_context)
    return stream


def _mux(out: Any, packets: Iterable[Any], clip: Clip) -> None:
    for packet in packets:
        if clip.shift:
            packet.pts += clip.shift
            packet.dts += clip.shift
        if clip.edit is not None:
            clip.edit(packet)
        out.mux(packet)
