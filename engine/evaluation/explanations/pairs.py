"""Two maps of one frame beside each other: on one grid, their difference, and whether they put parts in one order.

numpy alone: the window calls this on a worker thread, where importing scipy's statistics would make it stutter.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.results import FloatArray

FINEST = 512
"""Cells a side of the common grid at most."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shared:
    """Two maps on the grid of the first one's crop.

    Attributes:
        one, other: (h, w) float64; `other` is nan where its crop does not reach.
        affine: (2, 3) float32 from continuous grid coordinates to continuous frame coordinates.
    """

    one: Doubles
    other: Doubles
    affine: FloatArray


def shared_grid(
    one: npt.ArrayLike, affine_one: npt.ArrayLike, other: npt.ArrayLike, affine_other: npt.ArrayLike
) -> Shared:
    """Maps (h, w), (h', w') with their (2, 3) affines to the frame, cell by cell, nearest neighbour.

    The grid is the coarsest on which no cell of either is cut, if that has at most FINEST cells a side, else the
    finer of the two.
    """
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    to_frame, from_other = np.asarray(affine_one, np.float64), np.asarray(affine_other, np.float64)
    height, width = (_side(a, b) for a, b in zip(first.shape, second.shape, strict=True))
    affine = to_frame.copy()
    affine[:, 0] *= first.shape[1] / width
    affine[:, 1] *= first.shape[0] / height
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rows = (y * first.shape[0] / height).astype(np.intp)
    columns = (x * first.shape[1] / width).astype(np.intp)
    inverse = np.linalg.inv(from_other[:, :2])
    places = np.stack([x, y], axis=-1) @ affine[:, :2].T + (affine[:, 2] - from_other[:, 2])
    there = np.floor(places @ inverse.T).astype(np.intp)
    across, down = there[..., 0], there[..., 1]
    inside = (across >= 0) & (across < second.shape[1]) & (down >= 0) & (down < second.shape[0])
    found = np.where(inside, second[np.where(inside, down, 0), np.where(inside, across, 0)], math.nan)
    return Shared(first[rows, columns], found, affine.astype(np.float32))


def scaled(values: npt.ArrayLike) -> Doubles:
    """A map divided by its largest absolute value; one that is 0 everywhere stays so."""
    array = np.asarray(values, np.float64)
    largest = float(np.abs(array).max(initial=0.0))
    return array / largest if largest else array


def difference(
    one: npt.ArrayLike, affine_one: npt.ArrayLike, other: npt.ArrayLike, affine_other: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """The first map minus the second, each divided by its own largest absolute value before: from -2 to 2.

    Returns:
        Values (h, w) float32 on the shared grid, nan where only the first crop reaches, and their affine (2, 3).
    """
    shared = shared_grid(scaled(one), affine_one, scaled(other), affine_other)
    return np.asarray(shared.one - shared.other, np.float32), shared.affine


def agreement(
    one: npt.ArrayLike, affine_one: npt.ArrayLike, other: npt.ArrayLike, affine_other: npt.ArrayLike
) -> float:
    """Rank correlation of two maps over what both crops cover of their shared grid; nan if one is constant."""
    shared = shared_grid(one, affine_one, other, affine_other)
    both = np.isfinite(shared.other)
    return rank_correlation(shared.one[both], shared.other[both])


def rank_correlation(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Spearman's coefficient over all values, equal ones at their mean rank; nan if one side is constant."""
    a, b = _centred_ranks(one), _centred_ranks(other)
    size = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / size if size else math.nan


def _centred_ranks(values: npt.ArrayLike) -> Doubles:
    flat = np.ravel(np.asarray(values))
    _, places, counts = np.unique(flat, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(ranks[places] - (len(flat) + 1) / 2)


def _side(one: int, other: int) -> int:
    both = math.lcm(one, other)
    return both if both <= FINEST else max(one, other)
