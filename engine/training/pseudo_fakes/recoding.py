"""Clips coded as evidence has been, in memory: real and forged ones by one law (SPEC section 6, step 4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import av
import cv2
import numpy as np

from engine.results import Picture

Codec = Literal["h264", "h265"]
_ENCODERS: dict[Codec, str] = {"h264": "libx264", "h265": "libx265"}
_DECODERS: dict[Codec, str] = {"h264": "h264", "h265": "hevc"}
_LEAST: dict[Codec, int] = {"h264": 2, "h265": 72}
"""Least side that is coded; smaller pictures are padded. Below one block of 64 px x265 damages its own memory, and
with just one it gives other bits every time."""


@dataclass(frozen=True, slots=True)
class CodingPass:
    """One encoding.

    Attributes:
        codec: "h264" or "h265".
        crf: constant rate factor, 0 to 51.
        gop: frames from key frame to key frame at most.
    """

    codec: Codec
    crf: int
    gop: int


@dataclass(frozen=True, slots=True)
class Recoding:
    """How a clip is coded.

    Attributes:
        scale: factor by which the frames are reduced before and enlarged again after coding; 1 for neither.
        passes: one encoding, or two after each other.
    """

    scale: float
    passes: tuple[CodingPass, ...]


def draw_recoding(rng: np.random.Generator) -> Recoding:
    """One pass or (three in ten) two, H.265 in a quarter, CRF 18 to 40, key frames 12 to 250 frames apart; reduced
    (four in ten) to as little as 0.4, as 1080p is to less than 480p."""
    count = 2 if rng.random() < 0.3 else 1
    passes = tuple(
        CodingPass(
            codec="h265" if rng.random() < 0.25 else "h264",
            crf=int(rng.integers(18, 41)),
            gop=round(float(np.exp(rng.uniform(np.log(12), np.log(250))))),
        )
        for _ in range(count)
    )
    scale = float(rng.uniform(0.4, 0.95)) if rng.random() < 0.4 else 1.0
    return Recoding(scale, passes)


def recode(frames: Picture, recoding: Recoding, fps: float = 25.0) -> Picture:
    """Encode and decode (T, H, W, 3) uint8; the same size comes back, and the same bits every time."""
    height, width = frames.shape[1:3]
    small = (max(16, round(width * recoding.scale)), max(16, round(height * recoding.scale)))
    coded = list(frames) if recoding.scale == 1.0 else [_resized(f, small, cv2.INTER_AREA) for f in frames]
    for each in recoding.passes:
        coded = _coded(coded, each, fps)
    if recoding.scale != 1.0:
        coded = [_resized(frame, (width, height), cv2.INTER_LINEAR) for frame in coded]
    return np.stack(coded)


def _coded(frames: list[Picture], law: CodingPass, fps: float) -> list[Picture]:
    height, width = frames[0].shape[:2]
    encoder: Any = av.CodecContext.create(_ENCODERS[law.codec], "w")
    size = tuple(max(side + side % 2, _LEAST[law.codec]) for side in (height, width))
    encoder.height, encoder.width, encoder.pix_fmt = *size, "yuv420p"
    rate = Fraction(fps).limit_denominator(1001)
    encoder.time_base, encoder.framerate, encoder.thread_count = 1 / rate, rate, 1
    encoder.gop_size = law.gop
    encoder.options = {"crf": str(law.crf), "preset": "veryfast"} | _repeatable(law.codec)
    decoder: Any = av.CodecContext.create(_DECODERS[law.codec], "r")
    decoder.thread_count = 1
    packets = [p for number, frame in enumerate(frames) for p in encoder.encode(_as_frame(frame, number, size))]
    packets += encoder.encode(None)
    decoded = [np.ascontiguousarray(picture[:height, :width]) for picture in _decoded(decoder, packets)]
    if len(decoded) != len(frames):
        raise RuntimeError(f"{len(frames)} frames were coded and {len(decoded)} came back")
    return decoded


def _repeatable(codec: Codec) -> dict[str, str]:
    """One thread, and what gives the same bits every time: with x264's macroblock tree hardly two encodings of a
    clip of 160 px were alike; without it, as without its vector code, all were."""
    if codec == "h265":
        return {"x265-params": "log-level=error:pools=none:frame-threads=1:wpp=0"}
    return {"x264-params": "mbtree=0"}


def _as_frame(picture: Picture, number: int, size: tuple[int, ...]) -> av.VideoFrame:
    down, right = (whole - side for whole, side in zip(size, picture.shape[:2], strict=True))
    padded = np.pad(picture, ((0, down), (0, right), (0, 0)), mode="edge")
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
    frame.pts = number
    return frame


def _decoded(decoder: Any, packets: list[Any]) -> Iterator[Picture]:
    for packet in [*packets, None]:
        for frame in decoder.decode(packet):
            yield frame.to_ndarray(format="rgb24")


def _resized(picture: Picture, size: tuple[int, int], how: int) -> Picture:
    return np.asarray(cv2.resize(picture, size, interpolation=how), dtype=np.uint8)
