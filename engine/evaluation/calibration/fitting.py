"""Maps from scores to log10 likelihood ratios, fitted to scores of known origin.

Everywhere: `scores` (N,) float, larger means more likely forged; `labels` (N,), 1 = forged; both classes needed.
Each class weighs one half whatever its size, so that the fitted log odds are log likelihood ratios.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit

from engine.errors import DataError

Array = npt.NDArray[np.float64]
LN10 = float(np.log(10))


@dataclass(frozen=True, slots=True)
class Line:
    """log10 LR = slope * score + intercept."""

    slope: float
    intercept: float

    def __call__(self, scores: npt.ArrayLike) -> Array:
        return self.slope * np.asarray(scores, np.float64) + self.intercept


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Linear between points (K,), rising; constant beyond the outer ones."""

    score: Array
    log10_lr: Array

    def __call__(self, scores: npt.ArrayLike) -> Array:
        return np.interp(np.asarray(scores, np.float64), self.score, self.log10_lr)


def fit_logistic(scores: npt.ArrayLike, labels: npt.ArrayLike) -> Line:
    """Prior-weighted logistic regression (Bruemmer and du Preez 2006) with Platt's softened targets (1999).

    A forged score aims at (N1 + 1) / (N1 + 2) instead of 1, a real one at 1 / (N0 + 2) instead of 0. So every
    score is a little of both classes, no scores are separable, and the solution is finite and unique; other than
    with a penalty on the slope it does not hang on the unit of the scores.

    Raises:
        DataError: higher scores do not go with forged ones, or all scores are equal.
    """
    x, forged = _checked(scores, labels)
    if np.ptp(x) == 0:
        raise DataError("All scores of the pool are equal", advice="Use a detector that tells videos apart")
    centre, scale = x.mean(), x.std()
    z = (x - centre) / scale
    n1, n0 = int(forged.sum()), int((~forged).sum())
    target = np.where(forged, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    weight = np.where(forged, 0.5 / n1, 0.5 / n0)

    def loss(p: Array) -> tuple[float, Array]:
        odds = p[0] * z + p[1]
        slack = weight * (expit(odds) - target)
        value = float((weight * (np.logaddexp(0, odds) - target * odds)).sum())
        return value, np.array([(slack * z).sum(), slack.sum()])

    def curvature(p: Array) -> Array:
        share = expit(p[0] * z + p[1])
        w = weight * share * (1 - share)
        return np.array([[(w * z * z).sum(), (w * z).sum()], [(w * z).sum(), w.sum()]])

    found = minimize(loss, np.zeros(2), jac=True, hess=curvature, method="trust-exact", options={"gtol": 1e-10})
    slope, intercept = float(found.x[0] / scale), float(found.x[1] - found.x[0] * centre / scale)
    if slope <= 0:
        raise _no_order()
    return Line(slope / LN10, intercept / LN10)


def fit_pav(scores: npt.ArrayLike, labels: npt.ArrayLike) -> Steps:
    """Pool adjacent violators, after a forged score below and a real one above all others are added.

    The two keep the outer likelihood ratios finite, at most N0 + 1 and at least 1 / (N1 + 1). The steps are
    joined by lines between their edges, for a video's score to move its LR without jumps.

    Raises:
        DataError: higher scores do not go with forged ones at all.
    """
    x, forged = _checked(scores, labels)
    below, above = x.min() - 1, x.max() + 1
    levels, log10_lr = pav(np.concatenate([[below], x, [above]]), np.concatenate([[True], forged, [False]]))
    inside = (levels > below) & (levels < above)
    levels, log10_lr = levels[inside], log10_lr[inside]
    if np.ptp(log10_lr) == 0:
        raise _no_order()
    edge = np.diff(log10_lr) != 0
    kept = np.append(True, edge) | np.append(edge, True)
    return Steps(levels[kept], log10_lr[kept])


def pav(scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> tuple[Array, Array]:
    """Distinct scores (K,), rising, and the log10 LR of each under the best monotone map; infinite at pure ends.

    The LR of a step is the slope of the convex hull of the ROC there.

    Args:
        weights: (N,) how often each one counts; none of them may make a class vanish.
    """
    x, forged = _checked(scores, labels)
    w = np.ones(len(x)) if weights is None else np.asarray(weights, np.float64)
    levels, row = np.unique(x, return_inverse=True)
    of_forged = np.bincount(row, w * forged, len(levels)) / (w * forged).sum()
    of_real = np.bincount(row, w * ~forged, len(levels)) / (w * ~forged).sum()
    both = of_forged + of_real
    there = both > 0
    levels, of_forged, both = levels[there], of_forged[there], both[there]
    blocks = isotonic_regression(of_forged / both, weights=both).blocks
    hits = np.add.reduceat(of_forged, blocks[:-1])
    alarms = np.add.reduceat(of_real[there], blocks[:-1])
    with np.errstate(divide="ignore"):
        ratio = np.log10(hits) - np.log10(alarms)
    return levels, np.repeat(ratio, np.diff(blocks))


def _no_order() -> DataError:
    return DataError(
        "In the pool forged videos do not score above real ones, so no likelihood ratio follows from the score",
        advice="Use a better detector",
    )


def _checked(scores: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Array, npt.NDArray[np.bool_]]:
    x, forged = np.asarray(scores, np.float64), np.asarray(labels).astype(np.bool_)
    if x.shape != forged.shape or x.ndim != 1 or not np.isfinite(x).all():
        raise ValueError(f"{x.shape} finite scores are needed for {forged.shape} labels")
    if not 0 < forged.sum() < len(forged):
        raise DataError("A calibration needs real and forged videos", advice="Choose another pool")
    return x, forged
