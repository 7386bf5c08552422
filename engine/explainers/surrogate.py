"""A smooth game that imitates one of which some values are known: the control variate of our Kernel SHAP.

Only the odd part of a game, o(S) = (v(S) - v(complement)) / 2, bears on its Shapley values. With z = +1 for a
player who is there and -1 for one who is not, o is imitated by a Gaussian process of kernel

    k(z, z') = sinh(u / 2) / sinh(A / 2),   u = sum_j a_j z_j z'_j,   A = sum_j a_j

which holds all interactions of an odd number of players, those of many with less weight. k is the difference of
two products over players, so its Shapley values are integrals of polynomials, and Gauss-Legendre quadrature gives
them exactly: phi_i = integral over t in [0, 1] of (f_i(1) - f_i(0)) prod_{j != i} (t f_j(1) + (1 - t) f_j(0)) dt.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from engine.explainers.coalitions import Doubles
from engine.results import BoolArray

FITTED = 1500
"""Pairs, at most, to which a game is fitted: time grows with their third power, and a fit is one step of a job
that can be cancelled between two. What it misses of the others is known without having seen them."""
TRIED = 400
"""Pairs, at most, on which the parameters of the kernel are chosen: more cost time and choose the same."""
TOTALS = (2.0, 4.0, 8.0, 16.0)
"""A: the larger, the stronger the interactions."""
POWERS = (0.0, 1.0)
"""a_j grows with this power of the size of player j's value."""
NUGGETS = (0.01, 0.1, 0.3)
"""Share of what is rough: known at a coalition, it says nothing of any other."""


TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class Surrogate:
    """A game that imitates another.

    Attributes:
        values: (M,) its Shapley values.
        misses: (P,) what it misses of the contrast of each pair.
        misses_unseen: (P,) what it would miss, had it not seen that pair.
    """

    values: Doubles
    misses: Doubles
    misses_unseen: Doubles


def imitate(masks: BoolArray, contrasts: Doubles, linear: Doubles) -> Surrogate:
    """Fitted by the largest likelihood.

    Args:
        masks: (P, M) a coalition of each pair, no pair twice.
        contrasts: (P,) half the difference of the values of the pair, not all 0.
        linear: (M,) of a linear fit, of which only the sizes count.
    """
    signs: Doubles = np.where(masks, 1.0, -1.0)
    relevance, nugget = _likeliest(signs[:TRIED], contrasts[:TRIED], np.abs(linear))
    rows = np.linspace(0, len(signs) - 1, min(len(signs), FITTED)).round().astype(np.int64)
    fitted = signs[rows]
    factor = _factor(_covariance(fitted, fitted, relevance), nugget)
    inverse = cho_solve(factor, np.eye(len(fitted)), overwrite_b=True, check_finite=False)
    weights = inverse @ contrasts[rows]
    values = kernel_values(fitted, relevance).T @ weights
    misses = contrasts.copy()
    others = np.setdiff1d(np.arange(len(signs)), rows)
    for at in range(0, len(others), FITTED):
        part = others[at : at + FITTED]
        misses[part] -= _covariance(signs[part], fitted, relevance) @ weights
    unseen = misses.copy()
    misses[rows], unseen[rows] = nugget * weights, weights / np.diag(inverse)
    return Surrogate(values, misses, unseen)


def _likeliest(signs: Doubles, contrasts: Doubles, sizes: Doubles) -> tuple[Doubles, float]:
    """a_j of all players, and the nugget."""
    best, least = (np.ones_like(sizes), NUGGETS[0]), np.inf
    for total, power in product(TOTALS, POWERS):
        shape = sizes**power + 1e-6 * max(1.0, sizes.max())
        relevance = total * shape / shape.sum()
        covariance = _covariance(signs, signs, relevance)
        for nugget in NUGGETS:
            factor = _factor(covariance, nugget)
            spread = float(contrasts @ cho_solve(factor, contrasts, check_finite=False))
            cost = 0.5 * len(signs) * np.log(max(spread, TINY)) + np.log(np.diag(factor[0])).sum()
            if cost < least:
                best, least = (relevance, nugget), cost
    return best


def _covariance(one: Doubles, other: Doubles, relevance: Doubles) -> Doubles:
    """(P, Q) of the smooth part of the contrasts of (P, M) with (Q, M) signs, up to a factor."""
    total = relevance.sum()
    rising: Doubles = np.exp(((one * relevance) @ other.T - total) / 2)
    covariance: Doubles = (rising - np.exp(-total) / rising) / (1 - np.exp(-total))
    return covariance


def _factor(covariance: Doubles, nugget: float) -> tuple[Doubles, bool]:
    """Cholesky's, with the rough part."""
    whole = covariance.copy()
    whole[np.diag_indices_from(whole)] += nugget
    factor: tuple[Doubles, bool] = cho_factor(whole, lower=True, overwrite_a=True, check_finite=False)
    return factor


def kernel_values(signs: Doubles, relevance: Doubles) -> Doubles:
    """(P, M) Shapley values of the games S -> k(z, z') for each z' of `signs`."""
    away = np.exp(-relevance)
    there, absent = np.where(signs > 0, 1.0, away), np.where(signs > 0, away, 1.0)
    nodes, shares = np.polynomial.legendre.leggauss(signs.shape[1] // 2 + 1)
    total = np.zeros_like(signs)
    for node, share in zip((nodes + 1) / 2, shares / 2, strict=True):
        factors = node * there + (1 - node) * absent
        total += share * factors.prod(axis=1, keepdims=True) / factors
    values: Doubles = 2 * (there - absent) * total / (1 - np.exp(-relevance.sum()))
    return values
