"""How large a likelihood ratio a pool can support: the empirical lower and upper bound.

Vergeer, van Es, de Jongh, Alberink and Stoel, Numerical likelihood ratios outputted by LR systems are often based
on extrapolation: when to stop extrapolating? Science and Justice 56 (2016) 482-491.
"""

import math

import numpy as np
import numpy.typing as npt

from engine.evaluation.calibration.fitting import Array


def normalised_error(log10_lr: npt.ArrayLike, labels: npt.ArrayLike, threshold: float) -> float:
    """Bayes error of deciding by LR >= threshold over that of deciding without evidence, the prior odds being
    1 / threshold; one misleading LR is added to either class.

    Args:
        threshold: of the LR, as log10.
    """
    ratio, forged = np.asarray(log10_lr, np.float64), np.asarray(labels).astype(np.bool_)
    missed = (1 + (ratio[forged] < threshold).sum()) / (1 + forged.sum())
    alarms = (1 + (ratio[~forged] >= threshold).sum()) / (1 + (~forged).sum())
    return float(missed + 10**threshold * alarms) / min(1.0, 10**threshold)


def elub(log10_lr: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[float, float]:
    """Lower and upper bound of log10 LR: as far from 0 as no threshold does worse than no evidence at all.

    Solved exactly: between two neighbouring LRs the error is linear in the threshold. Neither bound is on the
    wrong side of 0; the upper one is at most log10(N0 + 1), the lower one at least -log10(N1 + 1).
    """
    ratio, forged = np.asarray(log10_lr, np.float64), np.asarray(labels).astype(np.bool_)
    return -_upper(-ratio[~forged], -ratio[forged]), _upper(ratio[forged], ratio[~forged])


def _upper(supported: Array, misleading: Array) -> float:
    """The first threshold from 0 upwards at which the error reaches that without evidence."""
    edges = np.unique(np.concatenate([supported, misleading]))
    start = 0.0
    for end in [*edges[edges > 0].tolist(), math.inf]:
        # In (start, end] the counts stay: those at or above `end` are accepted.
        hits = (supported >= end).sum() / (1 + len(supported))
        alarms = (1 + (misleading >= end).sum()) / (1 + len(misleading))
        crossing = math.log10(hits / alarms) if hits > 0 else -math.inf
        if crossing <= end:
            return max(start, crossing)
        start = end
    return start
