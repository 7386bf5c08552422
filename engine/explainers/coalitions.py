"""Which coalitions Kernel SHAP asks for (Lundberg and Lee 2017).

A coalition of s of M players weighs (M - 1) / (C(M, s) s (M - s)). Sizes 1 and M - 1, 2 and M - 2 and so on are
taken whole as long as that many draws are due to them; of the rest, pairs of a coalition and its complement are
drawn (Covert and Lee 2021), none twice. The sizes of the drawn ones follow a golden-ratio sequence, so that any
first part of them is spread over the sizes as the kernel wants it; each size has random numbers of its own, so
that a larger budget goes on where a smaller one ended. The two ends, nobody and everybody, are not samples but
constraints.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from engine.results import BoolArray

Doubles = npt.NDArray[np.float64]

GOLDEN = (5**0.5 - 1) / 2
BLOCK = 64
"""Coalitions of one size that are drawn together, however many are wanted."""


@dataclass(frozen=True, slots=True)
class Coalitions:
    """Coalitions in the order in which they are asked for; the same for the same players, budget and seed.

    Attributes:
        masks: (N, M) bool, True where the player is there; behind each coalition comes its complement.
        whole: how many of them, from the start, are of sizes that are taken whole.
        weights: (whole,) of those.
        rest: the weight that all drawn ones share evenly; with `weights` it sums to 1.
    """

    masks: BoolArray
    whole: int
    weights: Doubles
    rest: float


def choose_coalitions(players: int, budget: int, seed: int) -> Coalitions:
    """At most `budget` coalitions of `players`, all 2**M - 2 of them if that is within it.

    Those of a smaller budget are the first of those of a larger one, as long as both take the same sizes whole.
    """
    taken = whole_sizes(players, budget)
    sizes = list(range(taken + 1, players // 2 + 1))
    shares = _shares(players)
    total = sum(shares.values())
    rows = [_with_complements(_all_of(players, size)) for size in range(1, taken + 1)]
    weights = [
        np.full(len(part), shares[size] / total / len(part)) for size, part in zip(shares, rows, strict=False)
    ]
    whole = sum(len(part) for part in rows)
    rest = sum(shares[s] for s in sizes) / total if sizes else 0.0
    if sizes:
        drawn = _drawn(players, sizes, np.array([shares[s] for s in sizes]), (budget - whole) // 2, seed)
        rows.append(_with_complements(drawn))
    masks = np.concatenate([np.zeros((0, players), np.bool_), *rows])
    return Coalitions(masks, whole, np.concatenate([np.zeros(0), *weights]), rest)


def whole_sizes(players: int, budget: int) -> int:
    """The largest size that is taken whole, as all below it are; 0: none."""
    shares = _shares(players)
    left = budget
    for size in shares:
        count = 2 * pairs_of(players, size)
        if left * shares[size] / sum(shares[s] for s in shares if s >= size) < count * (1 - 1e-9):
            return size - 1
        left -= count
    return len(shares)


def _shares(players: int) -> dict[int, float]:
    """The kernel's weight of each size up to the half, complements among it."""
    return {
        s: (players - 1) / (s * (players - s)) * (1 if 2 * s == players else 2) for s in range(1, players // 2 + 1)
    }


def pairs_of(players: int, size: int) -> int:
    """How many pairs of a coalition of this size and its complement there are."""
    return comb(players, size) // (2 if 2 * size == players else 1)


def _with_complements(one: BoolArray) -> BoolArray:
    return np.stack([one, ~one], axis=1).reshape(-1, one.shape[1])


def _all_of(players: int, size: int) -> BoolArray:
    """A coalition (P, M) of every pair of this size."""
    chosen = np.array(list(combinations(range(players), size)))
    one = np.zeros((len(chosen), players), np.bool_)
    np.put_along_axis(one, chosen, values=True, axis=1)
    return one[one[:, 0]] if 2 * size == players else one


def _drawn(players: int, sizes: list[int], shares: Doubles, pairs: int, seed: int) -> BoolArray:
    """A coalition (P, M) of each of `pairs` pairs; fewer where a size has no more."""
    at = (np.random.default_rng(seed).random() + GOLDEN * np.arange(pairs)) % 1
    which = np.searchsorted(np.cumsum(shares / shares.sum())[:-1], at, side="right")
    found = np.zeros((pairs, players), np.bool_)
    kept = np.ones(pairs, np.bool_)
    for number, size in enumerate(sizes):
        places = np.flatnonzero(which == number)
        count = min(len(places), pairs_of(players, size))
        found[places[:count]] = _distinct(players, size, count, np.random.default_rng([seed, size]))
        kept[places[count:]] = False
    return found[kept]


def _distinct(players: int, size: int, count: int, rng: np.random.Generator) -> BoolArray:
    """Coalitions (count, M) of this size, no two of them of one pair; fewer are the first of more."""
    found: dict[bytes, BoolArray] = {}
    while len(found) < count:
        order = rng.random((BLOCK, players)).argsort(axis=1).argsort(axis=1)
        block = order < size
        if 2 * size == players:
            block ^= ~block[:, :1]
        for row in block:
            found.setdefault(row.tobytes(), row)
    return np.array(list(found.values())[:count], np.bool_).reshape(count, players)
