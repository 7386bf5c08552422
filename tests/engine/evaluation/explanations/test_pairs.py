"""Two maps on one grid, their difference and their agreement, against hand-made numbers and scipy."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from engine.evaluation.explanations.maps import enlarged
from engine.evaluation.explanations.pairs import agreement, difference, rank_correlation, scaled, shared_grid


def affine(side: float, cells: int, x: float = 10.0, y: float = 20.0) -> np.ndarray:
    """A crop of `side` pixels at (x, y), in `cells` cells a side."""
    return np.array([[side / cells, 0, x], [0, side / cells, y]], np.float32)


def test_maps_of_one_crop_meet_on_the_grid_that_cuts_no_cell() -> None:
    one, other = np.arange(4.0).reshape(2, 2), np.arange(9.0).reshape(3, 3)
    shared = shared_grid(one, affine(60, 2), other, affine(60, 3))
    assert (shared.one == enlarged(one.astype(np.float32), 6)).all()
    assert (shared.other == enlarged(other.astype(np.float32), 6)).all()
    assert shared.affine == pytest.approx(affine(60, 6))


def test_a_grid_is_never_finer_than_it_may_be() -> None:
    rng = np.random.default_rng(0)
    shared = shared_grid(rng.random((12, 12)), affine(380, 12), rng.random((380, 380)), affine(380, 380))
    assert shared.one.shape == (380, 380)


def test_another_crop_is_laid_where_it_is_on_the_frame() -> None:
    one = np.ones((2, 2))
    other = np.array([[1.0, 2.0], [3.0, 4.0]])
    # The second crop lies one cell (10 pixels) to the right: its left column covers the first one's right column.
    shared = shared_grid(one, affine(20, 2, x=0, y=0), other, affine(20, 2, x=10, y=0))
    assert shared.other[:, 1].tolist() == [1, 3]
    assert np.isnan(shared.other[:, 0]).all()


def test_a_turned_crop_is_turned_back() -> None:
    other = np.array([[1.0, 2.0], [3.0, 4.0]])
    # x of the second map runs down the frame, y to the left.
    turned = np.array([[0, -10, 20], [10, 0, 0]], np.float32)
    shared = shared_grid(np.zeros((2, 2)), affine(20, 2, x=0, y=0), other, turned)
    assert shared.other.tolist() == [[3, 1], [4, 2]]


def test_the_difference_is_of_maps_with_a_largest_value_of_one() -> None:
    found, grid = difference([[2.0, -4.0]], affine(40, 2)[:, :], [[10.0, 5.0]], affine(40, 2))
    assert found.tolist() == [[0.5 - 1.0, -1.0 - 0.5]]
    assert grid == pytest.approx(affine(40, 2))
    same, _ = difference([[2.0, -4.0]], affine(40, 2), [[1.0, -2.0]], affine(40, 2))
    assert (same == 0).all()
    assert scaled([[0.0, 0.0]]).tolist() == [[0, 0]]


@pytest.mark.parametrize("seed", range(4))
def test_rank_correlation_is_that_of_scipy_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 6, 400), rng.normal(size=400).round(1)
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic, abs=1e-12)


def test_a_constant_map_agrees_with_nothing() -> None:
    assert math.isnan(rank_correlation([1, 1, 1], [1, 2, 3]))


def test_agreement_counts_only_what_both_crops_cover() -> None:
    one = np.array([[1.0, 2.0, 3.0, 4.0]])
    wide = np.array([[20 / 2, 0, 0], [0, 10, 0]], np.float32)
    other = np.array([[5.0, 9.0, 7.0, 0.0]])
    moved = wide + np.array([[0, 0, 10], [0, 0, 0]], np.float32)
    # Cells 1 to 3 of the first lie on cells 0 to 2 of the second.
    expected = spearmanr([2, 3, 4], [5, 9, 7]).statistic
    assert agreement(one, wide, other, moved) == pytest.approx(expected)
    assert agreement(one, wide, -one, wide) == pytest.approx(-1)
