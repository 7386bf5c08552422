"""How well scores tell forged from real: the measures of the field, of one sample or of many resamples at once.

Everywhere: `scores` (N,) float, larger means more likely forged; `labels` (N,), 1 = fake; no value may be NaN.
A false alarm is a real one called forged; FAR is their share of all real ones, TPR (TAR, recall) the share of
forged ones called forged. A measure that needs an absent class is nan.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

LOW_FAR = 0.1
"""False alarm rate up to which the partial AUC goes, and at which the TAR is taken (P000, tables 2 and 3)."""


@dataclass(frozen=True, slots=True)
class Roc:
    """How many are called forged at every threshold that matters, for D weightings of the same sample.

    Attributes:
        thresholds: (G,) distinct scores, falling.
        hits, alarms: (D, G + 1) forged and real ones with a score of at least the threshold; first 0, last all.
    """

    thresholds: Array
    hits: Counts
    alarms: Counts

    def rates(self) -> tuple[Array, Array]:
        """TPR and FAR, (D, G + 1)."""
        with np.errstate(invalid="ignore"):
            return self.hits / self.hits[:, -1:], self.alarms / self.alarms[:, -1:]

    def called(self, threshold: float) -> tuple[Counts, Counts]:
        """(D,) forged and real ones whose score is at least `threshold`."""
        at = int((self.thresholds >= threshold).sum())
        return self.hits[:, at], self.alarms[:, at]


def roc(scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Roc:
    """Count hits and alarms; `weights` (D, N) whole numbers say how often each one was drawn, default once."""
    values, fake = checked(scores, labels)
    drawn = np.ones((1, len(values)), np.int64) if weights is None else np.asarray(weights)
    order = np.argsort(-values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1) if len(values) else np.empty(0, int)
    drawn, forged = drawn[:, order], fake[order]
    hits = np.cumsum(drawn * forged, axis=1, dtype=np.int64)[:, ends]
    alarms = np.cumsum(drawn * ~forged, axis=1, dtype=np.int64)[:, ends]
    none = np.zeros((len(drawn), 1), np.int64)
    return Roc(values[order][ends], np.hstack([none, hits]), np.hstack([none, alarms]))


def area(curve: Roc) -> Array:
    """(D,) AUC: the chance that a forged one scores above a real one, ties counted half (Mann-Whitney)."""
    steps = np.diff(curve.alarms, axis=1) * (curve.hits[:, 1:] + curve.hits[:, :-1])
    with np.errstate(invalid="ignore"):
        return np.asarray(steps.sum(axis=1) / (2.0 * curve.hits[:, -1] * curve.alarms[:, -1]))


def partial_area(curve: Roc, far: float = LOW_FAR) -> Array:
    """(D,) AUC up to a false alarm rate, standardised so that chance is 0.5 and perfection 1 (McClish 1989)."""
    tpr, rate = curve.rates()
    left, right = np.minimum(rate[:, :-1], far), np.minimum(rate[:, 1:], far)
    run = np.diff(rate, axis=1)
    share = np.divide(right - left, run, out=np.zeros_like(run), where=run > 0)
    reached = tpr[:, :-1] + share * np.diff(tpr, axis=1)
    part = ((right - left) * (tpr[:, :-1] + reached) / 2).sum(axis=1)
    return np.asarray(0.5 * (1 + (part - far**2 / 2) / (far - far**2 / 2)))


def rate_at_far(curve: Roc, far: float = LOW_FAR) -> Array:
    """(D,) the largest TPR of a threshold whose FAR is not above `far`; nothing is interpolated."""
    allowed = curve.alarms <= far * curve.alarms[:, -1:] + 1e-9
    tpr = curve.rates()[0]
    found = np.where(allowed, tpr, 0.0).max(axis=1)
    return np.asarray(np.where(curve.alarms[:, -1] > 0, found, np.nan))


def error_where_equal(curve: Roc) -> Array:
    """(D,) equal error rate: where FAR and 1 - TPR meet on the ROC's polygon."""
    tpr, rate = curve.rates()
    gap = rate - (1 - tpr)  # rises from -1 to 1
    after = np.maximum(np.argmax(gap >= 0, axis=1), 1)[:, None]
    here, there = (np.take_along_axis(gap, at, 1)[:, 0] for at in (after - 1, after))
    low, high = (np.take_along_axis(rate, at, 1)[:, 0] for at in (after - 1, after))
    return np.asarray(low - here / (there - here) * (high - low))


def mean_precision(curve: Roc) -> Array:
    """(D,) average precision: the precision at every threshold, weighted by the recall it adds."""
    called = curve.hits[:, 1:] + curve.alarms[:, 1:]
    precision = np.divide(curve.hits[:, 1:], called, out=np.zeros(called.shape), where=called > 0)
    with np.errstate(invalid="ignore"):
        return np.asarray((np.diff(curve.hits, axis=1) * precision).sum(axis=1) / curve.hits[:, -1])


def at_threshold(curve: Roc, threshold: float) -> dict[str, Array]:
    """(D,) each: what a threshold fixed beforehand gives; a score of at least `threshold` is called forged."""
    hits, alarms = curve.called(threshold)
    forged, real = curve.hits[:, -1], curve.alarms[:, -1]
    with np.errstate(invalid="ignore"):
        recall, far = hits / forged, alarms / real
        return {
            "accuracy": (hits + real - alarms) / (forged + real),
            "balanced accuracy": (recall + 1 - far) / 2,
            "recall": recall,
            "false alarm rate": far,
            "precision": hits / (hits + alarms),
        }


AUC, PARTIAL_AUC, TAR, EER, PRECISION = (
    "AUC",
    "partial AUC at 10 % FAR",
    "TAR at 10 % FAR",
    "equal error rate",
    "average precision",
)
FREE: Mapping[str, Callable[[Roc], Array]] = {
    AUC: area,
    PARTIAL_AUC: partial_area,
    TAR: rate_at_far,
    EER: error_where_equal,
    PRECISION: mean_precision,
}
"""The measures that need no threshold."""
METRICS = (*FREE, "accuracy", "balanced accuracy", "recall", "false alarm rate", "precision")


def measured(curve: Roc, threshold: float) -> dict[str, Array]:
    """All of METRICS, (D,) each; those of a threshold are nan for one class, too, where they need both."""
    found = {name: measure(curve) for name, measure in FREE.items()} | at_threshold(curve, threshold)
    lacking = (curve.hits[:, -1] == 0) | (curve.alarms[:, -1] == 0)
    return {name: np.where(lacking, np.nan, values) for name, values in found.items()}


def auc(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """`area` of one sample."""
    return float(area(roc(scores, labels))[0])


def balanced_accuracy(scores: npt.ArrayLike, labels: npt.ArrayLike, threshold: float = 0.5) -> float:
    """Mean of the shares of forged (score >= threshold) and of real ones judged rightly; nan without a class."""
    return float(at_threshold(roc(scores, labels), threshold)["balanced accuracy"][0])


def equal_error_rate(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """`error_where_equal` of one sample."""
    return float(error_where_equal(roc(scores, labels))[0])


def clopper_pearson(hits: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share for independent trials (Clopper and Pearson 1934); (nan, nan) of none."""
    if of == 0:
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, of - hits + 1))
    high = 1.0 if hits == of else float(beta.ppf(1 - tail, hits + 1, of - hits))
    return low, high


def checked(scores: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Scores and labels as arrays. Raises ValueError if they do not fit together or a score is not a number."""
    values = np.asarray(scores, dtype=np.float64)
    fake = np.asarray(labels).astype(np.bool_)
    if values.shape != fake.shape or values.ndim != 1:
        raise ValueError(f"{values.shape} scores for {fake.shape} labels")
    if np.isnan(values).any():
        raise ValueError("a score is not a number")
    return values, fake
