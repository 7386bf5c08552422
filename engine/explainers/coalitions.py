"""Which coalitions Kernel SHAP asks for, and what follows from their values (Lundberg and Lee 2017).

A coalition of s of M players weighs (M - 1) / (C(M, s) s (M - s)). Sizes 1 and M - 1, 2 and M - 2 and so on are
taken whole as long as that many draws are due to them; from the rest, pairs of a coalition and its complement are
drawn (Covert and Lee 2021). The two ends, nobody and everybody, are not samples but constraints.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from engine.results import BoolArray

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Coalitions:
    """Coalitions in the order in which they are asked for; the same for the same players, budget and seed.

    Attributes:
        masks: (N, M) bool, True where the player is there.
        whole: how many of them, from the start, are of sizes that are taken whole.
        weights: (whole,) of those.
        rest: the weight that all drawn ones share evenly; with `weights` it sums to 1.
    """

    masks: BoolArray
    whole: int
    weights: Doubles
    rest: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """Shapley values.

    Attributes:
        values: (M,) summing to everybody's value minus nobody's.
        errors: (M,) standard errors from drawing coalitions; 0 if none was drawn, inf while they cannot be told.
    """

    values: Doubles
    errors: Doubles


def choose_coalitions(players: int, budget: int, seed: int) -> Coalitions:
    """At most `budget` coalitions of `players`, all 2**M - 2 of them if that is within it."""
    sizes = list(range(1, players // 2 + 1))
    counts = {s: comb(players, s) * (1 if 2 * s == players else 2) for s in sizes}
    shares = {s: (players - 1) / (s * (players - s)) * (1 if 2 * s == players else 2) for s in sizes}
    total = sum(shares.values())
    rows: list[BoolArray] = []
    weights: list[Doubles] = []
    left = budget
    while sizes and left * shares[sizes[0]] / sum(shares[s] for s in sizes) >= counts[sizes[0]] * (1 - 1e-9):
        size = sizes.pop(0)
        rows.append(_all_of(players, size))
        weights.append(np.full(counts[size], shares[size] / total / counts[size]))
        left -= counts[size]
    whole = sum(len(part) for part in rows)
    rest = sum(shares[s] for s in sizes) / total if sizes else 0.0
    if sizes:
        rows.append(_drawn(players, sizes, np.array([shares[s] for s in sizes]), left // 2, seed))
    masks = np.concatenate([np.zeros((0, players), np.bool_), *rows])
    return Coalitions(masks, whole, np.concatenate([np.zeros(0), *weights]), rest)


def _all_of(players: int, size: int) -> BoolArray:
    """Every coalition of this size, and each one's complement right behind it."""
    chosen = np.array(list(combinations(range(players), size)))
    one = np.zeros((len(chosen), players), np.bool_)
    np.put_along_axis(one, chosen, values=True, axis=1)
    if 2 * size == players:
        return one
    return np.stack([one, ~one], axis=1).reshape(-1, players)


def _drawn(players: int, sizes: list[int], shares: Doubles, pairs: int, seed: int) -> BoolArray:
    rng = np.random.default_rng(seed)
    size = rng.choice(sizes, size=pairs, p=shares / shares.sum())
    order = rng.random((pairs, players)).argsort(axis=1).argsort(axis=1)
    one = order < size[:, None]
    return np.stack([one, ~one], axis=1).reshape(-1, players)


def attribute(coalitions: Coalitions, values: Doubles, nobody: float, everybody: float) -> Attribution:
    """What follows from the values (n,) of the first n coalitions; fewer than all give a first estimate."""
    drawn = max(0, len(values) - coalitions.whole) // 2 * 2
    count = min(len(values), coalitions.whole) + drawn
    weights = coalitions.weights[:count]
    if drawn:
        weights = np.concatenate([weights, np.full(drawn, coalitions.rest / drawn)])
    masks = coalitions.masks[:count]
    found = solve(masks, weights, values[:count], nobody, everybody)
    if count == len(coalitions.masks) and not drawn:
        return Attribution(found, np.zeros_like(found))
    pairs = drawn // 2
    if pairs <= masks.shape[1]:
        return Attribution(found, np.full_like(found, np.inf))
    return Attribution(found, _errors(masks, weights, values[:count] - nobody - masks @ found, drawn))


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


def _errors(masks: BoolArray, weights: Doubles, residuals: Doubles, drawn: int) -> Doubles:
    """The sandwich estimate over the drawn pairs; what is taken whole adds nothing to the error."""
    x = _reduced(masks)
    bread = np.linalg.pinv(x.T @ (x * weights[:, None]))
    pull = (x * (weights * residuals)[:, None])[-drawn:] @ bread
    pairs = pull.reshape(drawn // 2, 2, -1).sum(1)
    pairs = np.column_stack([pairs, -pairs.sum(1)])
    pairs = pairs - pairs.mean(0)
    return np.asarray(np.sqrt((pairs**2).sum(0) * len(pairs) / (len(pairs) - 1)))
