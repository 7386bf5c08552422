"""Shapley values, with their standard errors, from the values of coalitions.

Kernel SHAP is a weighted regression, and its error comes from what a sum over players cannot express. So a
smooth game (`surrogate`) is fitted to that remainder: its Shapley values are known exactly, and only what it
misses is left to Kernel SHAP. For coalitions of sizes that are taken whole this is what the surrogate misses; for
drawn ones, which stand for others too, it is what a surrogate fitted without them misses.
"""

from dataclasses import dataclass

import numpy as np

from engine.explainers.coalitions import Coalitions, Doubles, pairs_of
from engine.explainers.surrogate import imitate
from engine.results import BoolArray

LEAST = 8
"""Drawn pairs from which on a surrogate is fitted."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Shapley values.

    Attributes:
        values: (M,) summing to everybody's value minus nobody's.
        errors: (M,) standard errors from drawing coalitions; 0 if none was drawn, inf while they cannot be told.
    """

    values: Doubles
    errors: Doubles


def attribute(coalitions: Coalitions, values: Doubles, nobody: float, everybody: float) -> Attribution:
    """What follows from the values (n,) of the first n coalitions; fewer than all give a first estimate."""
    pairs, whole = len(values) // 2, coalitions.whole // 2
    masks = coalitions.masks[: 2 * pairs : 2]
    contrasts = (values[: 2 * pairs : 2] - values[1 : 2 * pairs : 2]) / 2
    drawn = max(0, pairs - whole)
    weights = coalitions.weights[: 2 * pairs : 2]
    if drawn:
        weights = np.append(weights, np.full(drawn, coalitions.rest / drawn / 2))
    half = (everybody - nobody) / 2
    found = solve(masks, weights, contrasts, -half, half)
    if 2 * pairs == len(coalitions.masks) and not drawn:
        return Attribution(found, np.zeros_like(found))
    missed = contrasts + half - masks @ found
    if drawn < LEAST or not missed.any():
        return Attribution(found, np.full_like(found, np.inf))
    surrogate = imitate(masks, missed, found)
    missed = np.append(surrogate.misses[:whole], surrogate.misses_unseen[whole:])
    gap = -surrogate.values.sum() / 2
    found = found + surrogate.values + solve(masks, weights, missed, -gap, gap)
    if pairs <= masks.shape[1]:
        return Attribution(found, np.full_like(found, np.inf))
    return Attribution(found, _errors(masks, weights, missed, drawn))


def solve(masks: BoolArray, weights: Doubles, values: Doubles, nobody: float, everybody: float) -> Doubles:
    """Weighted least squares (M,) under the constraint that they sum to everybody - nobody, without a penalty."""
    gain = everybody - nobody
    target = values - nobody - masks[:, -1] * gain
    root = np.sqrt(weights)
    free = np.linalg.lstsq(_reduced(masks) * root[:, None], target * root, rcond=None)[0]
    return np.append(free, gain - free.sum())


def _reduced(masks: BoolArray) -> Doubles:
    """The unknowns without the last player, whom the constraint gives."""
    z = masks.astype(np.float64)
    reduced: Doubles = z[:, :-1] - z[:, -1:]
    return reduced


def _errors(masks: BoolArray, weights: Doubles, missed: Doubles, drawn: int) -> Doubles:
    """The sandwich estimate over the drawn pairs; what is taken whole adds nothing to the error.

    Drawing without return leaves of a size of which n of N pairs are drawn the share 1 - n / N of the variance.
    """
    x = _reduced(masks)
    bread = np.linalg.pinv(x.T @ (x * weights[:, None]))
    pull = (x * (weights * missed)[:, None])[-drawn:] @ bread
    pull = np.column_stack([pull, -pull.sum(1)])
    pull = pull - pull.mean(0)
    players = masks.shape[1]
    sizes = masks[-drawn:].sum(1)
    sizes = np.minimum(sizes, players - sizes)
    taken = np.bincount(sizes)
    left = np.array([1 - n / pairs_of(players, size) for size, n in enumerate(taken)])
    return np.asarray(np.sqrt((pull**2 * left[sizes, None]).sum(0) * drawn / (drawn - 1)))
