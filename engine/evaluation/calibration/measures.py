"""How good likelihood ratios are, and the points of the plots that show it.

Everywhere: `log10_lr` (N,) float, infinite values allowed where they are right; `labels` (N,), 1 = forged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.evaluation.bootstrap import LEVEL, Units, draw
from engine.evaluation.calibration.fitting import LN10, Array, pav
from engine.evaluation.detection import clopper_pearson

BINS = 10
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Bin:
    """Videos of like posterior probability.

    Attributes:
        predicted: mean of their posterior probabilities of being forged.
        observed: share of them that is forged, with its Clopper-Pearson interval.
        count: how many.
    """

    predicted: float
    observed: float
    low: float
    high: float
    count: int


def costs(log10_lr: npt.ArrayLike, labels: npt.ArrayLike) -> Array:
    """(N,) what each one adds to the mean of its class in Cllr: bits lost by that LR."""
    sign = np.where(np.asarray(labels).astype(np.bool_), -1.0, 1.0)
    return np.asarray(np.logaddexp(0, sign * np.asarray(log10_lr, np.float64) * LN10) / np.log(2))


def cllr(log10_lr: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Log-likelihood-ratio cost (Bruemmer and du Preez 2006): 0 is perfect, 1 is what LR = 1 for all gives."""
    forged = np.asarray(labels).astype(np.bool_)
    w = np.ones(len(forged)) if weights is None else np.asarray(weights, np.float64)
    lost = np.where(w > 0, costs(log10_lr, forged), 0.0)  # one that does not count may cost infinitely much
    return float((np.average(lost[forged], weights=w[forged]) + np.average(lost[~forged], weights=w[~forged])) / 2)


def cllr_min(scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Cllr after the monotone map that makes it least: what is lost by the order of the scores alone."""
    x = np.asarray(scores, np.float64)
    levels, ratio = pav(x, labels, weights)
    at = np.minimum(np.searchsorted(levels, x), len(levels) - 1)
    return cllr(ratio[at], labels, weights)


def interval(
    measure: Callable[[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike], float],
    values: npt.ArrayLike,
    labels: npt.ArrayLike,
    unit: Units,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile interval of `cllr` or `cllr_min`, by resampling persons (or videos) as `unit` says."""
    times = draw(unit, labels, draws, np.random.default_rng(seed))
    found = [measure(values, labels, row[unit.group]) for row in times]
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def posterior(log10_lr: npt.ArrayLike, prior: float) -> Array:
    """Probability of forged after the LR, from a stated one before it."""
    odds = np.asarray(log10_lr, np.float64) * LN10 + np.log(prior) - np.log1p(-prior)
    return np.asarray(1 / (1 + np.exp(-odds)))


def reliability(log10_lr: npt.ArrayLike, labels: npt.ArrayLike, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of about equal counts, equal LRs together; the prior is the sample's own share of forged ones."""
    forged = np.asarray(labels).astype(np.bool_)
    predicted = posterior(log10_lr, float(forged.mean()))
    ranks = np.searchsorted(np.sort(predicted), predicted)
    number = ranks * bins // len(ranks)
    made = []
    for at in np.unique(number):
        inside = number == at
        hits, count = int(forged[inside].sum()), int(inside.sum())
        low, high = clopper_pearson(hits, count)
        made.append(Bin(float(predicted[inside].mean()), hits / count, low, high, count))
    return tuple(made)


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: mean distance of observed and predicted, weighted by counts."""
    return sum(b.count * abs(b.observed - b.predicted) for b in bins) / sum(b.count for b in bins)


def tippett(log10_lr: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Array, Array, Array]:
    """Distinct log10 LR (K,), rising, and the shares of forged and of real ones with at least that LR."""
    ratio, forged = np.asarray(log10_lr, np.float64), np.asarray(labels).astype(np.bool_)
    levels = np.unique(ratio)
    shares = [1 - np.searchsorted(np.sort(ratio[c]), levels, side="left") / c.sum() for c in (forged, ~forged)]
    return levels, shares[0], shares[1]
