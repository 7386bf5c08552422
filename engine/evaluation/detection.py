"""How well scores tell forged from real: AUC, balanced accuracy, equal error rate, and bootstrap intervals.

Everywhere: `scores` (N,) float, larger means more likely forged; `labels` (N,), 1 = fake; no value may be NaN.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Measure = Callable[[npt.NDArray[np.float64], npt.NDArray[np.bool_]], float]


def auc(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Area under the ROC: the chance that a forged one scores above a real one, ties counted half (Mann-Whitney).

    nan if a class is absent.
    """
    values, fake = _checked(scores, labels)
    n_fake = int(fake.sum())
    n_real = len(fake) - n_fake
    if n_fake == 0 or n_real == 0:
        return float("nan")
    ranks = rankdata(values)
    return float((ranks[fake].sum() - n_fake * (n_fake + 1) / 2) / (n_fake * n_real))


def balanced_accuracy(scores: npt.ArrayLike, labels: npt.ArrayLike, threshold: float = 0.5) -> float:
    """Mean of the shares of forged (score >= threshold) and of real ones judged rightly; nan without a class."""
    values, fake = _checked(scores, labels)
    if fake.all() or not fake.any():
        return float("nan")
    judged = values >= threshold
    return float((judged[fake].mean() + (~judged[~fake]).mean()) / 2)


def equal_error_rate(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Where the share of real ones called forged meets the share of forged ones called real, on the ROC's polygon.

    nan if a class is absent.
    """
    values, fake = _checked(scores, labels)
    if fake.all() or not fake.any():
        return float("nan")
    order = np.argsort(-values, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(values[order])), len(values) - 1)  # last of each run of equal scores
    hits = np.concatenate([[0.0], np.cumsum(fake[order])[ends] / fake.sum()])
    alarms = np.concatenate([[0.0], np.cumsum(~fake[order])[ends] / (~fake).sum()])
    gap = alarms - (1 - hits)  # rises from -1 to 1
    after = int(np.argmax(gap >= 0))
    before = after - 1
    share = -gap[before] / (gap[after] - gap[before])
    return float(alarms[before] + share * (alarms[after] - alarms[before]))


def bootstrap_interval(
    measure: Measure,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of a measure over resampled videos, each class resampled within itself.

    Returns (nan, nan) if a class is absent.
    """
    values, fake = _checked(scores, labels)
    if fake.all() or not fake.any():
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    ones, zeros = values[fake], values[~fake]
    flags = np.repeat([True, False], [len(ones), len(zeros)])
    drawn = np.empty(draws)
    for k in range(draws):
        sample = np.concatenate(
            [ones[rng.integers(len(ones), size=len(ones))], zeros[rng.integers(len(zeros), size=len(zeros))]]
        )
        drawn[k] = measure(sample, flags)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _checked(
    scores: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    values = np.asarray(scores, dtype=np.float64)
    fake = np.asarray(labels).astype(np.bool_)
    if values.shape != fake.shape or values.ndim != 1:
        raise ValueError(f"{values.shape} scores for {fake.shape} labels")
    if np.isnan(values).any():
        raise ValueError("a score is not a number")
    return values, fake
