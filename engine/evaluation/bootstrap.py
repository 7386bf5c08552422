"""Intervals of measures by resampling videos, or the persons in them.

What is drawn are groups of videos: each video alone, or all videos that are tied by the persons in them. A swap
ties the two persons whose faces it joins, so a real clip of either goes with it: a group is drawn or left as a
whole, its real and forged videos together. Groups are drawn with replacement within strata, by whether they hold
real videos, forged ones or both; so every resample has as many groups of each kind as the sample, and none lacks a
class. A stratum of one group does not vary: intervals are then too narrow, and few groups are warned of.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.evaluation.detection import Array, Roc, checked, measured, roc
from engine.evaluation.persons import tied_groups

DRAWS, LEVEL = 2000, 0.95
_AT_A_TIME = 1 << 22


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value with its percentile interval; nan where it is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Units:
    """What is drawn.

    Attributes:
        over: "videos" or "persons" (groups of them).
        group: (N,) the group of each one of the sample, from 0.
        real_groups, fake_groups: how many groups hold real, and forged ones.
    """

    over: str
    group: npt.NDArray[np.int64]
    real_groups: int
    fake_groups: int


def units(labels: npt.ArrayLike, videos: Sequence[Hashable], persons: Sequence[Sequence[str]]) -> Units:
    """Persons where they are known of every video and each class has two groups of them at least; else videos.

    Args:
        labels: (N,) 1 = fake.
        videos: (N,) which video each belongs to: frames of one video are never drawn apart.
        persons: (N,) everyone in it.
    """
    fake = np.asarray(labels).astype(np.bool_)
    if all(persons):
        by_person = _counted("persons", tied_groups(persons), fake)
        if min(by_person.real_groups, by_person.fake_groups) > 1:
            return by_person
    number = {video: at for at, video in enumerate(dict.fromkeys(videos))}
    return _counted("videos", np.array([number[video] for video in videos], np.int64), fake)


def draw(unit: Units, labels: npt.ArrayLike, draws: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """(draws, groups) how often each group was drawn."""
    fake = np.asarray(labels).astype(np.bool_)
    count = int(unit.group.max(initial=-1)) + 1
    holds = np.zeros((2, count), np.bool_)
    holds[fake.astype(np.intp), unit.group] = True
    kind = holds[0] + 2 * holds[1]
    drawn = np.zeros((draws, count), np.int32)
    for stratum in np.unique(kind):
        members = np.flatnonzero(kind == stratum)
        drawn[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), size=draws)
    return drawn


def intervals(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    unit: Units,
    threshold: float,
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Interval]:
    """All measures of engine.evaluation.detection with their percentile intervals, by name.

    Resamples in which a measure is not defined (a precision where nothing is called forged) do not count for it.
    """
    values, fake = checked(scores, labels)
    point = measured(roc(values, fake), threshold)
    drawn: dict[str, list[Array]] = {name: [np.empty(0)] for name in point}
    for part in _resamples(values, fake, unit, draws, seed):
        for name, found in measured(part, threshold).items():
            drawn[name].append(found)
    return {name: _interval(float(point[name][0]), np.concatenate(drawn[name]), level) for name in point}


def band(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    unit: Units,
    fars: Array,
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Lower and upper TPR at some false alarm rates (K,), pointwise, on the ROC's polygon."""
    values, fake = checked(scores, labels)
    curves: list[Array] = []
    for part in _resamples(values, fake, unit, draws, seed):
        for tpr, far in zip(*part.rates(), strict=True):
            upright = np.append(far[:-1] < far[1:], True)  # of equal rates the highest
            curves.append(np.interp(fars, far[upright], tpr[upright]))
    if not curves:
        return np.full(len(fars), np.nan), np.full(len(fars), np.nan)
    low, high = np.quantile(np.array(curves), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.asarray(low), np.asarray(high)


def _resamples(values: Array, fake: npt.NDArray[np.bool_], unit: Units, draws: int, seed: int) -> Iterator[Roc]:
    """The curves of all resamples, as many at a time as fit into some tens of megabytes; none without a class."""
    if fake.all() or not fake.any():
        return
    drawn = draw(unit, fake, draws, np.random.default_rng(seed))
    step = max(1, _AT_A_TIME // len(values))
    for start in range(0, draws, step):
        yield roc(values, fake, drawn[start : start + step][:, unit.group])


def _interval(value: float, drawn: Array, level: float) -> Interval:
    defined = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(defined):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def _counted(over: str, group: npt.NDArray[np.int64], fake: npt.NDArray[np.bool_]) -> Units:
    return Units(over, group, len(np.unique(group[~fake])), len(np.unique(group[fake])))
