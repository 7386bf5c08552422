"""Noise, random parameters and agreement, on networks and numbers small enough to know."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from engine.evaluation.explanations.pairs import rank_correlation
from engine.evaluation.explanations.sanity import (
    NOISE,
    depths,
    layers_from_output,
    noisy,
    randomised,
    relative_change,
)


class Net(nn.Module):
    """Registered in another order than it runs, with a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.last = nn.Linear(8, 4)
        self.first = nn.Linear(5, 8)
        self.scale = nn.Parameter(torch.randn(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(x).relu()) * self.scale


def test_rank_correlation_by_hand_and_with_ties() -> None:
    assert rank_correlation([1, 2, 3, 4], [10, 20, 40, 30]) == pytest.approx(1 - 6 * 2 / (4 * 15))
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (2, 6, 6))
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a.ravel(), b.ravel()).statistic)
    assert math.isnan(rank_correlation(np.ones(4), a.ravel()[:4]))


def test_noise_is_small_even_and_clipped() -> None:
    crops = np.full((2, 50, 50, 3), 128, np.uint8)
    change = noisy(crops, np.random.default_rng(0)).astype(int) - 128
    values, counts = np.unique(change, return_counts=True)
    assert values.tolist() == list(range(-NOISE, NOISE + 1))
    assert counts.max() < 1.1 * counts.min()
    white = noisy(np.full((1, 9, 9, 3), 255, np.uint8), np.random.default_rng(0))
    assert white.min() >= 255 - NOISE


def test_relative_change() -> None:
    assert relative_change([3.0, 4.0], [3.0, 4.0]) == 0
    assert relative_change([3.0, 4.0], [0.0, 0.0]) == 1
    assert relative_change([3.0, 4.0], [6.0, 8.0]) == 1
    assert math.isnan(relative_change([0.0, 0.0], [1.0, 0.0]))


def test_layers_come_in_the_order_of_the_forward_pass() -> None:
    net = Net()
    assert layers_from_output(net, torch.zeros(1, 5)) == [net, net.last, net.first]
    assert not any(module._forward_hooks for module in net.modules())


def test_randomising_cascades_on_a_copy() -> None:
    net, x = Net(), torch.zeros(1, 5)
    before = copy.deepcopy(net.state_dict())
    some = [randomised(net, number, x, 7) for number in (1, 2, 3)]
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[name])
    changed = [
        {name for name, tensor in other.state_dict().items() if not torch.equal(tensor, before[name])}
        for other in some
    ]
    assert changed[0] == {"scale"}
    assert changed[1] == {"scale", "last.weight", "last.bias"}
    assert changed[2] == set(before)
    assert torch.equal(some[0].scale, some[2].scale)
    again = randomised(net, 3, x, 7)
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), some[2].parameters(), strict=True))
    assert not torch.equal(randomised(net, 1, x, 8).scale, some[0].scale)


def test_random_tensors_keep_mean_and_spread() -> None:
    layer = nn.Linear(200, 100)
    with torch.no_grad():
        layer.weight.mul_(0.5).add_(3)
    old = layer.weight.detach().numpy()
    new = randomised(layer, 1, torch.zeros(1, 200), 0).weight.detach().numpy()
    assert new.mean() == pytest.approx(3, abs=0.01)
    assert new.std() == pytest.approx(old.std(), rel=0.05)
    assert abs(np.corrcoef(new.ravel(), old.ravel())[0, 1]) < 0.03


def test_depths() -> None:
    assert depths(53, (0.1, 0.25, 0.5, 1.0)) == [5, 13, 26, 53]
    assert depths(3, (0.1, 1.0)) == [1, 3]
