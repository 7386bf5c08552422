"""Evidence from stored similarities against the network, hand-made numbers and rationals."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from engine.detectors.prototype_evidence import activation_box, evidence, logits, patch_box
from engine.networks.dpnet.network import DpNetwork, build_dpnet, fixed_weights

WEIGHTS = fixed_weights(torch.arange(100) // 50).numpy()


def stored(count: int) -> np.ndarray:
    return (1 / (1 + np.random.default_rng(0).exponential(3, (count, 100)))).astype(np.float32)


def test_evidence_of_a_video_adds_up_without_any_rounding() -> None:
    similarities = stored(50)
    shares, sums = evidence(similarities, WEIGHTS), logits(similarities, WEIGHTS)
    for k in range(2):
        exact = [
            sum(Fraction(float(w)) * Fraction(float(s)) for w, s in zip(WEIGHTS[k], row, strict=True))
            for row in similarities
        ]
        assert [Fraction(float(value)) for value in sums[:, k]] == exact
        assert Fraction(float(shares[:, k].sum())) == sum(exact)
    assert np.array_equal(shares.sum(0).sum(1), sums.sum(0))  # over time first, or over prototypes first


def test_leaving_prototypes_out_is_a_network_without_them() -> None:
    torch.manual_seed(0)
    whole, part = build_dpnet("mobilenet", 3, 4, size=64).eval(), build_dpnet("mobilenet", 3, 4, size=64).eval()
    x = torch.randn(3, 3, 64, 64)
    part.load_state_dict(whole.state_dict())
    with torch.no_grad():
        part.weights[:, [1, 6]] = 0
        similarities = whole(x).similarities.numpy()
        expected, all_of_them = part(x).logits.numpy(), whole(x).logits.numpy()
    weights = whole.weights.numpy()
    np.testing.assert_allclose(logits(similarities, weights), all_of_them, rtol=1e-6)
    np.testing.assert_allclose(logits(similarities, weights, [6, 1]), expected, rtol=1e-6)
    assert not np.allclose(expected, all_of_them, rtol=1e-3)
    assert not evidence(similarities, weights, {1})[:, :, 1].any()
    assert np.array_equal(weights, whole.weights.numpy())
    assert isinstance(whole, DpNetwork)


def test_leaving_out_by_hand() -> None:
    similarities = np.array([[0.5, 0.25, 1.0, 0.125]], np.float32)
    weights = fixed_weights(torch.tensor([0, 0, 1, 1])).numpy()
    assert logits(similarities, weights).tolist() == [[0.75 - 0.5625, 1.125 - 0.375]]
    assert logits(similarities, weights, [2]).tolist() == [[0.75 - 0.0625, 0.125 - 0.375]]
    assert logits(similarities, weights, range(4)).tolist() == [[0, 0]]


def bicubic(cells: np.ndarray, factor: int) -> np.ndarray:
    """Keys' cubic convolution with a = -0.75, pixel centres on pixel centres, the border's cells repeated."""

    def kernel(x: float) -> float:
        a, x = -0.75, abs(x)
        if x <= 1:
            return (a + 2) * x**3 - (a + 3) * x**2 + 1
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0

    count = len(cells)
    weights = np.zeros((count * factor, count))
    for pixel in range(count * factor):
        place = (pixel + 0.5) / factor - 0.5
        for cell in range(int(np.floor(place)) - 1, int(np.floor(place)) + 3):
            weights[pixel, min(max(cell, 0), count - 1)] += kernel(place - cell)
    return weights @ cells @ weights.T


@pytest.mark.parametrize("sign", [1.5, -1.5])
def test_the_box_of_a_map_lies_on_the_frame(sign: float) -> None:
    similarity = np.random.default_rng(1).uniform(0.1, 0.3, (8, 8))
    similarity[5:7, 1] = 0.8, 0.7
    large = bicubic(similarity, 16)
    rows, columns = np.nonzero(large >= np.sort(large.ravel())[int(0.95 * (large.size - 1)) + 1])
    scale, left, top = 12.5, 40.25, 30.0  # of a cell, and of the crop's corner
    x0, y0, x1, y1 = (side * scale / 16 for side in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    affine = np.array([[scale, 0, left], [0, scale, top]], np.float32)
    found = patch_box((sign * similarity).astype(np.float32), affine)
    assert found == pytest.approx((left + x0, top + y0, left + x1, top + y1))
    assert found[0] < left + 1.5 * scale < found[2] <= left + 3 * scale
    assert found[1] < top + 6 * scale < found[3] <= top + 8 * scale


@pytest.mark.parametrize(("row", "column"), [(2, 5), (0, 0), (7, 7)])
def test_a_single_hot_cell_is_outlined(row: int, column: int) -> None:
    activation = np.full((8, 8), 0.1, np.float32)
    activation[row, column] = 0.9
    x0, y0, x1, y1 = activation_box(activation, 64)
    assert x0 <= 8 * column + 4 < x1
    assert y0 <= 8 * row + 4 < y1
    assert 64**2 * 0.05 * 0.9 <= (x1 - x0) * (y1 - y0) <= 64**2 * 0.05 * 2  # a twentieth, and its corners


def test_a_flat_map_points_at_the_whole_crop() -> None:
    assert activation_box(np.full((4, 4), 0.3, np.float32), 64) == (0, 0, 64, 64)
