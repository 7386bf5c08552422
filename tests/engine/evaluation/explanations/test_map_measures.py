"""V, tau, rho and mu against hand-made maps, loops and published closed values."""

import math

import numpy as np
import pytest

from engine.evaluation.explanations.maps import enlarged, grey
from engine.evaluation.explanations.measures import (
    STABLE,
    centredness,
    correlation,
    deviation,
    face_motion,
    map_measures,
    mean,
    neighbour_correlation,
)

SIDE = 380


def gaussian(side: int = SIDE) -> np.ndarray:
    at = np.arange(side) - (side - 1) / 2
    return np.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * (side / 6) ** 2)).astype(np.float32)


def noise(side: int = SIDE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((side, side), np.float32)


@pytest.mark.parametrize(
    ("made", "variance", "rho", "mu", "tolerance"),
    [
        (gaussian(), 0.0571, 0.823, 0.995, 5e-4),
        (noise(), 1 / 12, -0.003, 269**2 / 380**2, 6e-3),
    ],
)
def test_known_answers_at_the_size_of_the_paper(
    made: np.ndarray, variance: float, rho: float, mu: float, tolerance: float
) -> None:
    assert float(np.var(made)) == pytest.approx(variance, abs=tolerance)
    assert neighbour_correlation(made) == pytest.approx(rho, abs=tolerance)
    assert centredness(made) == pytest.approx(mu, abs=tolerance)


def test_coarse_noise_enlarged_is_hardly_correlated() -> None:
    """Moved by 38 pixels no pixel keeps its cell, which is 32 pixels wide."""
    found = [neighbour_correlation(enlarged(noise(12, seed), SIDE)) for seed in range(40)]
    assert np.mean(found) == pytest.approx(0.0, abs=0.1)


def test_rho_is_the_mean_over_four_shifts() -> None:
    x = noise(20, 3)
    low = x - x.mean(dtype=np.float64)
    total = 0.0
    for i, j in ((0, 2), (0, -2), (2, 0), (-2, 0)):
        for h in range(20):
            for w in range(20):
                if 0 <= h + i < 20 and 0 <= w + j < 20:
                    total += low[h, w] * low[h + i, w + j]
    assert neighbour_correlation(x) == pytest.approx(total / 4 / (low**2).sum(), rel=1e-9)


def test_rho_by_hand() -> None:
    """A 2 x 2 map moves by one: x - mean is +-1/2; down pairs -1/4 each, right pairs +1/4 each: they cancel."""
    assert neighbour_correlation(np.array([[1, 1], [0, 0]], np.float32)) == 0.0
    assert neighbour_correlation(np.array([[1, 0], [0, 1]], np.float32)) == -0.5


def test_mu_by_hand() -> None:
    """Side 4: the inner square is 3 x 3 from 0; side 10: 7 x 7 from 1."""
    x = np.zeros((10, 10), np.float32)
    x[0, 0], x[1, 1], x[7, 7] = 3, 1, 2
    assert centredness(x) == pytest.approx(5 / 14)
    x[8, 8] = 2
    assert centredness(x) == pytest.approx(5 / 18)


def test_correlation_is_pearsons() -> None:
    a, b = noise(9, 1), noise(9, 2)
    assert correlation(a, b) == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1], abs=1e-9)
    assert correlation(a, 3 * a + 1) == pytest.approx(1)
    assert correlation(a, -a) == pytest.approx(-1)


def test_a_constant_map_has_no_correlation() -> None:
    flat = np.full((SIDE, SIDE), 0.5, np.float32)
    assert math.isnan(neighbour_correlation(flat))
    assert math.isnan(correlation(flat, noise()))
    assert centredness(flat) == pytest.approx(269**2 / 380**2)
    assert math.isnan(centredness(np.zeros((4, 4), np.float32)))


def test_undefined_frames_are_left_out_and_counted() -> None:
    maps = np.stack([noise(12, 0), np.zeros((12, 12), np.float32), noise(12, 2), noise(12, 3), noise(12, 4)])
    frames = np.array([0, 5, 10, 15, 25])  # 20 was not seen: no pair
    found = map_measures(maps, frames, 5)
    assert found.counts == (5, 1, 4, 4)
    assert found.inter_frame == pytest.approx(correlation(maps[2], maps[3]))
    assert found.variance == pytest.approx(np.mean([m.var(dtype=np.float64) for m in maps]))
    assert found.centredness == pytest.approx(np.mean([centredness(maps[n]) for n in (0, 2, 3, 4)]))


def test_only_v_depends_on_the_scale() -> None:
    maps = np.stack([noise(14, seed) for seed in range(4)])
    one, other = (map_measures(m, np.arange(4), 1, 28) for m in (maps, np.float32(0.5) * maps))
    assert other.variance == pytest.approx(one.variance / 4)
    np.testing.assert_allclose(other.values[1:], one.values[1:], rtol=1e-6)


def test_grey_divides_by_the_extreme_of_the_frame_and_keeps_what_supports_fake() -> None:
    values = np.array([[[2.0, -4.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [[3.0, 0.0], [-1.0, 1.5]]], np.float32)
    expected = [[[0.5, 0], [0.25, 0]], [[0, 0], [0, 0]], [[1, 0], [0, 0.5]]]
    np.testing.assert_array_equal(grey(values, signed=True), expected)
    np.testing.assert_array_equal(grey(values[:1], signed=False), values[:1])


def test_enlarged_repeats_cells() -> None:
    x = np.array([[1, 2], [3, 4]], np.float32)
    np.testing.assert_array_equal(enlarged(x, 4), np.kron(x, np.ones((2, 2))))
    three = enlarged(np.arange(3, dtype=np.float32)[None, None], 5)
    assert three[0, 0].tolist() == [0, 0, 1, 2, 2]  # centres .5, 1.5 | 2.5 | 3.5, 4.5 of cells 5/3 wide


def test_the_filter_of_stable_faces() -> None:
    frames = np.array([0, 1, 5, 10, 15, 25])
    boxes = np.zeros((6, 4), np.float32)
    boxes[1] = 900  # not a measured frame
    boxes[3] = (1, 0, 1, 0)
    boxes[4] = (1, 2, 1, 2)
    boxes[5] = 500  # further than one step away
    found = face_motion(frames, boxes, np.array([0, 5, 10, 15, 20, 25]), 5, 100, 200)
    assert found == pytest.approx((0 + (2 / 100) / 4 + (4 / 200) / 4) / 3)
    assert found > STABLE
    assert math.isnan(face_motion(frames[:1], boxes[:1], frames, 5, 100, 200))


def test_mean_and_spread_of_what_is_defined() -> None:
    assert mean([1.0, math.nan, 3.0]) == 2.0
    assert deviation([1.0, math.nan, 3.0]) == pytest.approx(math.sqrt(2))
    assert math.isnan(mean([math.nan]))
    assert math.isnan(deviation([1.0]))
