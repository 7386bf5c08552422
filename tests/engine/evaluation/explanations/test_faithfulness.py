"""Deletion, insertion and localisation on scores that are sums over pixels, whose curves have closed forms."""

import math

import numpy as np
import pytest

from engine.evaluation.explanations.faithfulness import (
    STEPS,
    area,
    block_ranks,
    curves,
    mean_curve,
    painted,
    pixel_ranks,
    superpixels,
)
from engine.evaluation.explanations.localisation import localisation

RNG = np.random.default_rng
SIDE = 20


def linear(weights: np.ndarray):
    """Scores a crop by the weighted mean of its red channel."""
    return lambda crops: (crops[..., 0] * weights).mean((1, 2)).astype(np.float32)


def test_ranks_order_pixels_by_falling_value() -> None:
    values = RNG(0).permutation(SIDE**2).reshape(SIDE, SIDE).astype(np.float32)
    ranks = pixel_ranks(values, RNG(1))
    np.testing.assert_array_equal(ranks, SIDE**2 - 1 - values)


def test_equal_values_are_ordered_by_chance_alone() -> None:
    ranks = [pixel_ranks(np.zeros((SIDE, SIDE), np.float32), RNG(seed)) for seed in (1, 2, 1)]
    assert sorted(ranks[0].ravel().tolist()) == list(range(SIDE**2))
    assert abs(np.corrcoef(ranks[0].ravel(), np.arange(SIDE**2))[0, 1]) < 0.2
    assert (ranks[0] != ranks[1]).any()
    np.testing.assert_array_equal(ranks[0], ranks[2])


def test_blocks_go_whole_by_their_mean() -> None:
    blocks = np.repeat(np.repeat(np.array([[0, 1], [2, 3]]), 10, 0), 10, 1)
    values = np.choose(blocks, [0.1, 0.4, -1.0, 0.2]).astype(np.float32)
    values[0, 0] = 9  # lifts the mean of block 0 to 0.189
    ranks = block_ranks(values, blocks, RNG(0))
    assert [int(ranks[blocks == n][0]) for n in range(4)] == [299, 99, 399, 199]
    assert all(len(np.unique(ranks[blocks == n])) == 1 for n in range(4))


def test_curves_of_a_linear_score_have_a_closed_form() -> None:
    """With one bright half that alone counts, deleting it halves linearly, then nothing is left to lose."""
    weights = np.zeros((SIDE, SIDE))
    weights[:, :10] = 2.0
    crop = np.zeros((SIDE, SIDE, 3), np.uint8)
    crop[:, :10] = 200  # mean colour 100
    ranks = pixel_ranks(weights.astype(np.float32), RNG(0))
    found = curves(linear(weights), crop, ranks)
    share = np.linspace(0, 1, STEPS + 1)
    np.testing.assert_allclose(found.share, share, atol=1e-6)
    np.testing.assert_allclose(found.deletion, np.maximum(200 - 200 * share, 100), atol=1e-3)
    np.testing.assert_allclose(found.insertion, np.minimum(100 + 200 * share, 200), atol=1e-3)
    assert found.logit_gain == pytest.approx(175 - 125)
    worst = curves(linear(weights), crop, ranks.max() - ranks)
    assert worst.logit_gain == pytest.approx(-50)


def test_the_share_is_what_is_painted_when_blocks_do_not_fit_the_steps() -> None:
    blocks = np.repeat(np.array([0, 1, 2]), [3, 4, 13])[None].repeat(SIDE, 0)
    values = np.choose(blocks, [3.0, 2.0, 1.0]).astype(np.float32)
    found = curves(
        linear(np.ones((SIDE, SIDE))), np.zeros((SIDE, SIDE, 3), np.uint8), block_ranks(values, blocks, RNG(0))
    )
    expected = [0, 0, 0.15, 0.15, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 1]
    np.testing.assert_allclose(found.share, expected, atol=1e-6)


def test_no_order_beats_that_of_the_contributions() -> None:
    """For a sum over blocks the best order is by w (x - mean): every permutation of five blocks is tried."""
    from itertools import permutations

    rng = RNG(4)
    blocks = np.repeat(np.arange(5), 4)[None].repeat(SIDE, 0)
    crop = np.choose(blocks, rng.integers(0, 255, 5))[..., None].repeat(3, 2).astype(np.uint8)
    weights = np.choose(blocks, rng.normal(size=5))
    exact = weights * (crop[..., 0] - np.round(crop[..., 0].mean()))

    def gain(values: np.ndarray) -> float:
        return curves(linear(weights), crop, block_ranks(values.astype(np.float32), blocks, RNG(0))).logit_gain

    gains = [gain(np.choose(blocks, order)) for order in permutations(range(5))]
    assert gain(exact) == pytest.approx(max(gains), rel=1e-5)


def test_painting_uses_the_mean_colour() -> None:
    crop = np.zeros((2, 2, 3), np.uint8)
    crop[0, 0] = (200, 100, 40)
    covered = np.array([[True, False], [False, True]])
    found = painted(crop, covered)
    assert found[0, 0].tolist() == found[1, 1].tolist() == [50, 25, 10]
    assert found[0, 1].tolist() == [0, 0, 0]


def test_superpixels_keep_to_edges() -> None:
    crop = np.zeros((40, 40, 3), np.uint8)
    crop[:, 20:] = 255
    found = superpixels(crop)
    assert found.min() == 0
    assert set(np.unique(found[:, :20])).isdisjoint(np.unique(found[:, 20:]))


def test_areas_and_means_of_curves() -> None:
    assert area([0, 0.5, 1], [1, 0, 0]) == 0.25
    found = mean_curve([np.array([0, 1]), np.array([0, 0.5, 1])], [np.array([0, 1]), np.array([1, 0, 1])])
    np.testing.assert_allclose(found, (np.linspace(0, 1, 11) + np.abs(1 - 2 * np.linspace(0, 1, 11))) / 2)


def test_relevance_mass_and_pointing_by_hand() -> None:
    values = np.array([[3.0, -9.0], [1.0, 0.0]], np.float32)
    forged = np.array([[True, False], [False, True]])
    found = localisation(values, forged)
    assert (found.relevance_mass, found.pointing, found.chance) == (0.75, 1.0, 0.5)
    plateau = localisation(np.ones((2, 2), np.float32), np.array([[True, False], [False, False]]))
    assert (plateau.relevance_mass, plateau.pointing) == (0.25, 0.25)
    nothing = localisation(-np.ones((2, 2), np.float32), forged)
    assert math.isnan(nothing.relevance_mass)
    assert math.isnan(nothing.pointing)
