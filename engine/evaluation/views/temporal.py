"""What LPS (P001) shows of time in a set of videos: second differences, errors of prediction, steadiness."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluation.detection import Array
from engine.evaluation.evaluate import Judged
from engine.evaluation.views.means import ClassMeans, class_means
from engine.evaluation.views.observed import Observed, ObservedFace
from engine.results import FloatArray

BIN = 30
"""Frames to which the curve of errors over time is averaged: what lies between two windows."""
FEWEST = 3
"""Videos of each class without which a place of that curve is not drawn."""


@dataclass(frozen=True, slots=True)
class Differences:
    """P001's figure 2 for these videos: maps of h w cells, each video counting once.

    Attributes:
        signed: of one three of successive frames of each video, in the middle of its middle window.
        size: of the absolute values, over all threes of all windows.
    """

    signed: ClassMeans
    size: ClassMeans


@dataclass(frozen=True, slots=True)
class Surprise:
    """Errors of prediction; 1 is chance, 0 certainty.

    Attributes:
        over_time: by the frames since the face appeared, BIN at a time: each video gives the mean of its examples
            that begin there.
        by_example: by the place of the example in its window: the outer three are seen from one side alone.
        overall: (1,) of a whole video.
    """

    over_time: ClassMeans
    by_example: ClassMeans
    overall: ClassMeans


@dataclass(frozen=True, slots=True)
class Steadiness:
    """P001's figure 5 in numbers, over the windows of each video's deciding face; each video counts once.

    Attributes:
        mean: (1,) of the fake probability.
        deviation: (1,) standard deviation of it within a video, of videos with two windows at least.
    """

    mean: ClassMeans
    deviation: ClassMeans


def differences(
    observed: Sequence[Observed], signed: str, size: str, *, draws: int, seed: int
) -> Differences | None:
    """From the series of these names; None if the detector has none."""
    seen = [(each, each.face) for each in observed if each.face is not None and signed in each.face.series]
    if not seen:
        return None
    middle = [face.series[signed][len(face.scores.spans) // 2] for _, face in seen]
    whole = [face.series[size].mean(axis=0, dtype=np.float64) for _, face in seen]
    judged = [each.judged for each, _ in seen]
    return Differences(_means(np.stack(middle), judged, draws, seed), _means(np.stack(whole), judged, draws, seed))


def surprise(
    observed: Sequence[Observed], name: str, example_frames: int, *, draws: int, seed: int
) -> Surprise | None:
    """From a series (N, m), one value for each example of so many frames; None if there is none."""
    seen = [(each, each.face) for each in observed if each.face is not None and name in each.face.series]
    if not seen:
        return None
    judged = [each.judged for each, _ in seen]
    curves = [over_time(face, name, example_frames) for _, face in seen]
    length = max(map(len, curves))
    table = np.stack([np.pad(curve, (0, length - len(curve)), constant_values=np.nan) for curve in curves])
    return Surprise(
        _means(table, judged, draws, seed),
        _means(np.stack([face.series[name].mean(axis=0) for _, face in seen]), judged, draws, seed),
        _means(np.array([[face.series[name].mean()] for _, face in seen]), judged, draws, seed),
    )


def over_time(face: ObservedFace, name: str, example_frames: int) -> Array:
    """(B,) the mean of a face's examples that begin in each BIN frames since its first one; nan without any."""
    series, spans = face.series[name], face.scores.spans
    starts = spans[:, :1] + np.arange(series.shape[1]) * example_frames
    own = starts <= spans[:, 1:]  # of a short face that is played forth and back the first pass alone
    places = ((starts - spans[0, 0]) // BIN)[own]
    total = np.bincount(places, series[own].astype(np.float64))
    count = np.bincount(places)
    found: Array = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return found


def steadiness(
    judged: Sequence[Judged], probabilities: Sequence[FloatArray], *, draws: int, seed: int
) -> Steadiness:
    """Of the windows of some faces, one of each judged sample."""
    values = [each.astype(np.float64) for each in probabilities]
    mean = np.array([[each.mean()] for each in values])
    spread = np.array([[each.std(ddof=1) if len(each) > 1 else np.nan] for each in values])
    return Steadiness(_means(mean, judged, draws, seed), _means(spread, judged, draws, seed))


def _means(values: FloatArray | Array, judged: Sequence[Judged], draws: int, seed: int) -> ClassMeans:
    labels = [each.sample.label for each in judged]
    return class_means(values, labels, [each.sample.persons for each in judged], draws=draws, seed=seed)
