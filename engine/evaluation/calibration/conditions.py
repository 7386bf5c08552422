"""The conditions of a video under which a likelihood ratio may be had, and how far a pool covers them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from engine.detectors.calibration import OPEN_ABOVE, RANGES, Limits
from engine.errors import DataError
from engine.evaluation.video_scores import VideoScores
from engine.video.index import FrameIndex

if TYPE_CHECKING:  # the window imports this before it appears, and PyAV comes after
    from engine.video.interface import Media

FEWEST_SCORES = 5
"""Fewer scored frames never give a likelihood ratio, whatever the pool."""
ALIKE = {"face_px": 0.1, "scored_frames": 0.1, "scored_seconds": 0.1, "bits_per_pixel": 0.25, "fps": 0.02}
"""Values that differ by no more than this share are alike, so that small pools do not lose the ends of a range."""

_WORDS = {
    "face_px": "the face has {} px",
    "scored_frames": "{} frames of the face were scored",
    "scored_seconds": "the scored frames span {} s",
    "faces": "{} faces were scored",
    "bits_per_pixel": "the video has {} bits per pixel",
    "fps": "the video has {} frames per second",
    "short_side_px": "the picture's shorter side has {} px",
}


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What a file says of itself.

    Attributes:
        index: its frames.
        short_side: of the frame as displayed, pixels.
        codec: as the integrity tab names it.
    """

    index: FrameIndex
    short_side: int
    pixels: int
    codec: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of one scored video.

    Attributes:
        values: of RANGES; nan where it cannot be known. The face is the one that gives the video its figure.
    """

    values: Mapping[str, float]
    codec: str
    precision: str


def evidence_of(media: "Media") -> Evidence:
    """What opened evidence says of itself; it may be closed afterwards."""
    return Evidence(
        media.index, min(media.width, media.height), media.width * media.height, media.facts.stream.codec
    )


def measure(scores: VideoScores, evidence: Evidence, precision: str) -> Conditions | None:
    """The conditions of a video, None without a scored face."""
    if not scores.tracks:
        return None
    face = max(scores.tracks, key=lambda track: track.mean)
    index = evidence.index
    sizes = index.place[:, 1]
    known = len(sizes) > 0 and (sizes >= 0).all()
    values = {
        "face_px": face.face_px,
        "scored_frames": len(face.frames),
        "scored_seconds": index.seconds(int(face.frames[-1])) - index.seconds(int(face.frames[0])),
        "faces": len(scores.tracks),
        "bits_per_pixel": 8 * float(sizes.mean()) / evidence.pixels if known else math.nan,
        "fps": index.rate,
        "short_side_px": evidence.short_side,
    }
    return Conditions(MappingProxyType({k: float(v) for k, v in values.items()}), evidence.codec, precision)


def mismatches(found: Conditions, limits: Limits) -> list[str]:
    """What of a video lies outside of the limits, with the numbers, in words."""
    out = []
    for name in RANGES:
        value, (low, high) = found.values[name], limits.ranges[name]
        if math.isnan(value):
            out.append(f"{name.replace('_', ' ')} cannot be known of this file")
        elif not low <= value <= high:
            span = f"from {low:.4g} on" if math.isinf(high) else f"{low:.4g} to {high:.4g}"
            out.append(f"{_WORDS[name].format(f'{value:.4g}')}, calibrated is {span}")
    if found.codec not in limits.codecs:
        out.append(f"the codec is {found.codec}, calibrated is {', '.join(limits.codecs)}")
    if found.precision != limits.precision:
        out.append(f"it was scored in {found.precision}, calibrated is {limits.precision}")
    return out


def limits_of(real: Sequence[Conditions], forged: Sequence[Conditions]) -> Limits:
    """Where a pool has real and forged videos: the overlap of what the two classes span.

    Outside of it the score of one class alone is known, and a likelihood ratio would measure the condition. The
    overlap is widened by what counts as alike.

    Raises:
        DataError: the classes have nothing in common in some condition.
    """
    codecs = {c.codec for c in real} & {c.codec for c in forged}
    if not codecs:
        raise _apart("codec")
    real, forged = ([c for c in part if c.codec in codecs] for part in (real, forged))
    ranges = {}
    for name in RANGES:
        classes = [np.array([c.values[name] for c in part]) for part in (real, forged)]
        classes = [values[~np.isnan(values)] for values in classes]
        if not all(len(values) for values in classes):
            raise _apart(name)
        slack = ALIKE.get(name, 0.0)
        low = max(v.min() for v in classes) * (1 - slack)
        high = min(v.max() for v in classes) * (1 + slack)
        if name != "fps":  # 30 is as good as 29.97; elsewhere nothing beyond what was seen
            low, high = max(low, min(v.min() for v in classes)), min(high, max(v.max() for v in classes))
        if name == "scored_frames":
            low = max(math.floor(low), FEWEST_SCORES)
        high = math.inf if name in OPEN_ABOVE else high
        if low > high:
            raise _apart(name)
        ranges[name] = _outwards(float(low), float(high))
    return Limits(MappingProxyType(ranges), tuple(sorted(codecs)), real[0].precision)


def _outwards(low: float, high: float) -> tuple[float, float]:
    """Rounded to four digits, never inwards."""
    rounded = []
    for value, turn in ((low, math.floor), (high, math.ceil)):
        if value == 0 or math.isinf(value):
            rounded.append(value)
            continue
        step = 10.0 ** (math.floor(math.log10(abs(value))) - 3)
        rounded.append(float(f"{turn(value / step) * step:.4g}"))
    return rounded[0], rounded[1]


def _apart(name: str) -> DataError:
    return DataError(
        f"The real and the forged videos of the pool have no {name.replace('_', ' ')} in common, so a likelihood "
        "ratio would measure that",
        advice="Add videos to the pool of which both classes are alike in it",
    )
