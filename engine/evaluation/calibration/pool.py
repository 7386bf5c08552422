"""The videos with which a detector is calibrated, and what that gives.

They are of persons the detector never learned from. Every likelihood ratio by which the calibration is judged
comes from a fit without any video that is tied to the judged one by a person.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.detectors.calibration import Limits, Pool, logit
from engine.errors import DataError
from engine.evaluation.bootstrap import units
from engine.evaluation.calibration.bounds import elub
from engine.evaluation.calibration.conditions import (
    Conditions,
    Evidence,
    limits_of,
    measure,
    mismatches,
)
from engine.evaluation.calibration.fitting import Array, Line, Steps, fit_logistic, fit_pav
from engine.evaluation.calibration.measures import (
    Bin,
    calibration_error,
    cllr,
    cllr_min,
    interval,
    reliability,
)
from engine.evaluation.evaluate import Judged
from engine.evaluation.persons import tied_groups

FEWEST, FEWEST_GROUPS = 8, 4
"""Videos, and groups of persons, that each class needs at least."""
FOLDS = 10

FITS: Mapping[str, Callable[[npt.ArrayLike, npt.ArrayLike], Line | Steps]] = {
    "logistic": fit_logistic,
    "pav": fit_pav,
}


@dataclass(frozen=True, slots=True)
class Member:
    """A scored video of the pool."""

    judged: Judged
    probability: float
    conditions: Conditions

    @property
    def label(self) -> int:
        return self.judged.sample.label


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """A calibration with what it was made from.

    Attributes:
        method: of FITS.
        fitted: to all members.
        members: N videos.
        group: (N,) number of the group of persons.
        held_out: (N,) log10 LR of each, from fits without its group, within the bounds.
        low, high: bounds, from the unbounded held-out log10 LR.
        cllr, cllr_min: each with its 95 % interval.
    """

    method: str
    fitted: Line | Steps
    members: tuple[Member, ...]
    group: npt.NDArray[np.int64]
    held_out: Array
    low: float
    high: float
    cllr: tuple[float, float, float]
    cllr_min: tuple[float, float, float]
    bins: tuple[Bin, ...]
    ece: float
    pool: Pool
    limits: Limits

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        return np.array([m.label for m in self.members], np.int64)


def gather(
    judged: Sequence[Judged], evidence: Callable[[Path], Evidence], precision: str
) -> tuple[list[Member], Counter[str]]:
    """The videos that may be used, and why others may not, with their number.

    Raises:
        VideoError: a file can no longer be read.
        DataError: nobody knows who is in some of them.
    """
    members, left_out = [], Counter[str]()
    for one in judged:
        if not one.sample.persons:
            raise DataError(
                "It is not known who is in it, so it cannot be held out by person",
                advice="Use a data set that names its persons",
                file=one.sample.path,
            )
        probability = one.scores.fake_probability
        conditions = measure(one.scores, evidence(one.sample.path), precision)
        if probability is None or conditions is None:
            left_out["no face"] += 1
        else:
            members.append(Member(one, probability, conditions))
    return members, left_out


def calibrate(
    members: Sequence[Member],
    *,
    data: str,
    every: int,
    method: str = "logistic",
    left_out: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Calibrated:
    """Fit, bound and judge.

    Raises:
        DataError: the pool is too small or too tied, its classes differ in their conditions, or its scores do not
            tell them apart.
    """
    _enough(members)
    limits = limits_of([m.conditions for m in members if not m.label], [m.conditions for m in members if m.label])
    inside = tuple(m for m in members if not mismatches(m.conditions, limits))
    _enough(inside)
    labels = np.array([m.label for m in inside], np.int64)
    persons = [m.judged.sample.persons for m in inside]
    group = tied_groups(persons)
    scores = logit([m.probability for m in inside])
    raw = held_out(scores, labels, group, FITS[method])
    low, high = elub(raw, labels)
    ratios = np.clip(raw, low, high)
    unit = units(labels, range(len(labels)), persons)
    bins = reliability(ratios, labels)
    outside = len(members) - len(inside)
    return Calibrated(
        method=method,
        fitted=FITS[method](scores, labels),
        members=inside,
        group=group,
        held_out=ratios,
        low=low,
        high=high,
        cllr=(cllr(ratios, labels), *interval(cllr, ratios, labels, unit, seed=seed)),
        cllr_min=(cllr_min(raw, labels), *interval(cllr_min, raw, labels, unit, seed=seed)),
        bins=bins,
        ece=calibration_error(bins),
        pool=_described(inside, group, data, every, {**(left_out or {}), "conditions of one class only": outside}),
        limits=limits,
    )


def held_out(
    scores: Array,
    labels: npt.NDArray[np.int64],
    group: npt.NDArray[np.int64],
    fit: Callable[[npt.ArrayLike, npt.ArrayLike], Line | Steps],
) -> Array:
    """(N,) log10 LR of each video from fits to those of other groups, in at most FOLDS parts."""
    out = np.empty(len(scores))
    fold = folds(labels, group)
    for number in np.unique(fold):
        test = fold == number
        out[test] = fit(scores[~test], labels[~test])(scores[test])
    return out


def folds(labels: npt.NDArray[np.int64], group: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(N,) part of each video: groups are never torn, and both classes are spread evenly."""
    count = int(group.max()) + 1
    holds = np.stack([np.bincount(group[labels == c], minlength=count) for c in (1, 0)], axis=1)
    parts = min(FOLDS, int((holds > 0).sum(axis=0).min()))
    loads = np.zeros((parts, 2))
    place = np.empty(count, np.int64)
    share = holds / holds.sum(axis=0)
    for number in np.lexsort((np.arange(count), -share.sum(axis=1))):
        after = ((loads + share[number]) ** 2).sum(axis=1) - (loads**2).sum(axis=1)
        place[number] = int(after.argmin())
        loads[place[number]] += share[number]
    return place[group]


def _enough(members: Sequence[Member]) -> None:
    """Raise DataError unless each class has videos and groups of persons enough."""
    group = tied_groups([m.judged.sample.persons for m in members])
    for label, name in enumerate(("real", "forged")):
        chosen = [g for g, m in zip(group, members, strict=True) if m.label == label]
        if len(chosen) < FEWEST or len(set(chosen)) < FEWEST_GROUPS:
            raise DataError(
                f"The pool has {len(chosen)} {name} videos of {len(set(chosen))} groups of persons under "
                f"conditions that both classes share; {FEWEST} of {FEWEST_GROUPS} are needed",
                advice="Add videos of persons whom the detector did not learn from",
            )


def _described(
    members: Sequence[Member], group: npt.NDArray[np.int64], data: str, every: int, left_out: Mapping[str, int]
) -> Pool:
    samples = [m.judged.sample for m in members]
    methods = Counter(s.method or "not stated" for s in samples if s.label)
    return Pool(
        data=data,
        n_real=sum(not s.label for s in samples),
        n_forged=sum(s.label for s in samples),
        n_pseudo_fakes=sum(count for name, count in methods.items() if name.startswith("pseudo")),
        persons=len({person for s in samples for person in s.persons}),
        groups=int(group.max()) + 1,
        methods=dict(sorted(methods.items())),
        sources=dict(sorted(Counter(s.source or "not stated" for s in samples).items())),
        left_out={reason: count for reason, count in sorted(left_out.items()) if count},
        every=every,
    )
