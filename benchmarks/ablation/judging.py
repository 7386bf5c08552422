"""How well held-out clips are told apart, and by how much better than by another network, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from engine.evaluation.bootstrap import DRAWS, LEVEL, Interval, Units, draw, units
from engine.evaluation.detection import area, auc, roc

Array = npt.NDArray[np.float64]
ALL = "all"
"""The part that is made of all others."""


@dataclass(frozen=True)
class Judged:
    """What a network said of the held-out clips of one kind.

    Attributes:
        scores: (N,) larger means more likely forged.
        labels: (N,) 1 = fake.
        videos: (N,) the name of the video of each.
        persons: (N,) everyone in it.
        clips: a hash of what was shown; of two networks that saw the same it is the same.
    """

    scores: tuple[float, ...]
    labels: tuple[int, ...]
    videos: tuple[str, ...]
    persons: tuple[tuple[str, ...], ...]
    clips: str

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.__dict__}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Judged":
        """The reverse of `plain`."""
        persons = tuple(tuple(names) for names in plain["persons"])
        return cls(
            tuple(plain["scores"]), tuple(plain["labels"]), tuple(plain["videos"]), persons, str(plain["clips"])
        )


def together(parts: dict[str, Judged]) -> dict[str, Judged]:
    """The parts, and before them all their clips as one."""
    every = list(parts.values())
    whole = Judged(
        tuple(x for one in every for x in one.scores),
        tuple(x for one in every for x in one.labels),
        tuple(x for one in every for x in one.videos),
        tuple(x for one in every for x in one.persons),
        " ".join(one.clips for one in every),
    )
    return {ALL: whole, **parts}


def drawn_units(judged: Judged) -> Units:
    """What is drawn for intervals: groups of persons whom some video shows together, or videos."""
    return units(judged.labels, judged.videos, judged.persons)


def auc_interval(judged: Judged) -> Interval:
    """The AUC with its interval."""
    return _interval(auc(judged.scores, judged.labels), _drawn(judged))


def loss_interval(judged: Judged) -> Interval:
    """The mean cross-entropy, if scores are the logits of fake less those of real; log 2 is chance."""
    scores, labels = np.asarray(judged.scores), np.asarray(judged.labels)
    losses = np.logaddexp(0, scores) - labels * scores
    drawn = _counts(judged)
    return _interval(float(losses.mean()), drawn @ losses / drawn.sum(1))


def gain_interval(judged: Judged, reference: Judged) -> Interval | None:
    """The AUC less the reference's, both in the same resamples; None if they did not see the same clips."""
    if judged.clips != reference.clips:
        return None
    value = auc(judged.scores, judged.labels) - auc(reference.scores, reference.labels)
    return _interval(value, _drawn(judged) - _drawn(reference))


def support_vectors(
    features: npt.NDArray[Any], labels: npt.NDArray[Any], asked: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Scores of the features `asked` (N, C) by a support vector machine that learnt others (M, C).

    scikit-learn's with Gaussian kernels and its own defaults, on features of mean 0 and deviation 1; P001 names
    neither.
    """
    machine = make_pipeline(StandardScaler(), SVC()).fit(features, labels)
    return np.asarray(machine.decision_function(asked), np.float64)


def _drawn(judged: Judged) -> Array:
    """(DRAWS,) the AUC of every resample; of the same clips the same are drawn."""
    return area(roc(judged.scores, judged.labels, _counts(judged)))


def _counts(judged: Judged) -> npt.NDArray[np.int32]:
    """(DRAWS, N) how often each was drawn."""
    unit = drawn_units(judged)
    return draw(unit, judged.labels, DRAWS, np.random.default_rng(0))[:, unit.group]


def _interval(value: float, drawn: Array) -> Interval:
    low, high = np.quantile(drawn, _tails())
    return Interval(value, float(low), float(high))


def _tails() -> Sequence[float]:
    return ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
