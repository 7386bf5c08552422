"""The four measures of P002, section 4.2, of one video's maps; means over videos are taken elsewhere.

Undefined values (a constant map has no correlation) are nan and are left out of means, and counted.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.evaluation.explanations.maps import enlarged
from engine.results import FloatArray, IntArray

Map = npt.NDArray[np.float32] | npt.NDArray[np.float64]

STABLE = 0.002
"""Below this mean movement of a face's box between two measured frames, as a share of the picture, P002 takes the
face detector for stable."""


@dataclass(frozen=True, slots=True)
class MapMeasures:
    """V, tau, rho and mu of one video: means over frames, and over how many each was taken.

    Attributes:
        variance: V, eq 1, population variance within a frame; in [0, 0.25] for values in [0, 1].
        inter_frame: tau, eq 3, in [-1, 1].
        intra_frame: rho, eq 5, at most 1.
        centredness: mu, eq 6, in [0, 1].
        counts: frames (pairs of frames for tau) of each in this order.
    """

    variance: float
    inter_frame: float
    intra_frame: float
    centredness: float
    counts: tuple[int, int, int, int]

    @property
    def values(self) -> tuple[float, float, float, float]:
        return self.variance, self.inter_frame, self.intra_frame, self.centredness


def map_measures(maps: FloatArray, frames: IntArray, step: int, size: int | None = None) -> MapMeasures:
    """The measures of grey maps (F, h, w) of the frames (F,), which lie `step` apart but for gaps.

    tau is taken over pairs that are exactly one step apart. With `size`, every map is first enlarged to `size`
    pixels a side, one at a time.
    """
    found: list[FrameMeasures] = []
    pairs: list[float] = []
    before: tuple[int, Map] | None = None
    for number, each in zip(frames, maps, strict=True):
        shown = each if size is None else enlarged(each, size)
        found.append(frame_measures(shown))
        if before is not None and int(number) - before[0] == step:
            pairs.append(correlation(before[1], shown))
        before = (int(number), shown)
    return summed_up(found, pairs)


@dataclass(frozen=True, slots=True)
class FrameMeasures:
    """What is measured of one frame by itself; see MapMeasures."""

    variance: float
    intra_frame: float
    centredness: float


def frame_measures(shown: Map) -> FrameMeasures:
    """Of one grey map (h, w)."""
    return FrameMeasures(float(np.var(shown, dtype=np.float64)), neighbour_correlation(shown), centredness(shown))


def summed_up(frames: Iterable[FrameMeasures], pairs: Iterable[float]) -> MapMeasures:
    """The measures of a video of those of its frames, and of the correlations of its pairs of frames."""
    found = list(frames)
    variance, intra, centred = (
        [getattr(each, name) for each in found] for name in ("variance", "intra_frame", "centredness")
    )
    series = (variance, list(pairs), intra, centred)
    means = [mean(values) for values in series]
    counts = [int(np.isfinite(values).sum()) for values in series]
    return MapMeasures(means[0], means[1], means[2], means[3], (counts[0], counts[1], counts[2], counts[3]))


def correlation(one: Map, other: Map) -> float:
    """Pearson's coefficient over the pixels (eq 2); nan if either is constant."""
    a, b = _centred(one), _centred(other)
    if a is None or b is None:
        return math.nan
    return float((a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum()))


def neighbour_correlation(values: Map) -> float:
    """rho of one map (eqs 4, 5): with itself moved by a tenth of its side in four directions; nan if constant.

    Terms outside of the map are dropped and the mean is that of the whole map; with the direction reversed the
    sum is the same, so two shifts are summed and counted twice.
    """
    x = _centred(values)
    if x is None:
        return math.nan
    down, right = (max(1, round(side / 10)) for side in x.shape)
    vertical = (x[down:] * x[:-down]).sum()
    horizontal = (x[:, right:] * x[:, :-right]).sum()
    return float((vertical + horizontal) / 2 / (x * x).sum())


def centredness(values: Map) -> float:
    """mu of one map (eq 6): share of its energy within the centred part of half its area; nan if it is 0."""
    squares = np.asarray(values, np.float64) ** 2
    total = squares.sum()
    if total == 0:
        return math.nan
    inner = [round(side / math.sqrt(2)) for side in squares.shape]
    first = [(side - part) // 2 for side, part in zip(squares.shape, inner, strict=True)]
    middle = squares[first[0] : first[0] + inner[0], first[1] : first[1] + inner[1]]
    return float(middle.sum() / total)


def face_motion(
    frames: IntArray, raw_boxes: FloatArray, wanted: IntArray, step: int, width: int, height: int
) -> float:
    """Mean movement of the box's edges from one wanted frame to the next, as a share of the picture.

    Args:
        frames: (N,) of the track.
        raw_boxes: (N, 4) as the face detector gave them, before smoothing.
        wanted: (F,) measured frames, rising.
        step: their distance; pairs further apart are left out.
        width, height: of the picture, pixels.

    Returns:
        The share, nan if there is no pair of wanted frames.
    """
    rows = np.flatnonzero(np.isin(frames, wanted))
    moved = np.abs(np.diff(raw_boxes[rows].astype(np.float64), axis=0)) / (width, height, width, height)
    moved = moved[np.diff(frames[rows]) == step]
    return float(moved.mean()) if len(moved) else math.nan


def mean(values: list[float]) -> float:
    """Of the values that are defined; nan if none is."""
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def deviation(values: list[float]) -> float:
    """Standard deviation (n - 1) of the values that are defined; nan for fewer than two."""
    known = [value for value in values if math.isfinite(value)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else math.nan


def _centred(values: Map) -> npt.NDArray[np.float64] | None:
    """The values less their mean, None if all are the same."""
    x = np.asarray(values, np.float64)
    return None if x.max() == x.min() else x - x.mean()
