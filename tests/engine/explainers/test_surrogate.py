"""The imitated game against brute force, and what it is worth against the shap package."""

from itertools import product
from math import comb

import numpy as np
import pytest
import shap

from engine.explainers import surrogate
from engine.explainers.attribution import attribute
from engine.explainers.coalitions import choose_coalitions
from engine.explainers.surrogate import imitate, kernel_values


def every(players: int) -> np.ndarray:
    return np.array(list(product((False, True), repeat=players)))


def shapley(masks: np.ndarray, values: np.ndarray) -> np.ndarray:
    """From the values (2**M,) of all coalitions: sum over S of the weight of S for i, times v(S)."""
    players = masks.shape[1]
    sizes = masks.sum(1)
    found = np.zeros(players)
    for i in range(players):
        there = masks[:, i]
        weights = [
            1 / (players * comb(players - 1, s - 1)) if b else -1 / (players * comb(players - 1, s))
            for s, b in zip(sizes, there, strict=True)
        ]
        found[i] = np.dot(weights, values)
    return found


def network(players: int, seed: int):
    """A random network with two layers of rectifiers: interactions of all orders."""
    rng = np.random.default_rng(seed)
    first, bias = rng.normal(size=(players, 48)) * 1.5 / np.sqrt(players), rng.normal(size=48) / 2
    second, last = rng.normal(size=(48, 48)) / 4, rng.normal(size=48) / 7
    return lambda z: np.maximum(np.maximum((2.0 * z - 1) @ first + bias, 0) @ second, 0) @ last


def test_the_values_of_the_kernel_are_those_of_all_its_coalitions() -> None:
    relevance = np.random.default_rng(0).random(7)
    masks = every(7)
    z = 2.0 * masks - 1
    for row in (3, 77, 127):
        game = np.sinh(z @ (z[row] * relevance) / 2) / np.sinh(relevance.sum() / 2)
        np.testing.assert_allclose(
            kernel_values(z[row : row + 1], relevance)[0], shapley(masks, game), rtol=0, atol=1e-12
        )


def test_it_imitates_what_it_has_not_seen() -> None:
    value = network(10, 1)
    masks = every(10)[512:]
    masks = masks[np.random.default_rng(0).permutation(512)]
    contrasts = (value(masks) - value(~masks)) / 2
    made = imitate(masks[:400], contrasts[:400], np.ones(10))
    assert (made.misses_unseen**2).mean() < 0.1 * contrasts.var()
    assert np.abs(made.misses).mean() < np.abs(made.misses_unseen).mean()


def test_pairs_beyond_those_that_are_fitted_are_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    value = network(12, 1)
    masks = every(12)
    exact = shapley(masks, value(masks))
    monkeypatch.setattr(surrogate, "FITTED", 120)
    runs = []
    for seed in range(24):
        chosen = choose_coalitions(12, 700, seed)
        runs.append(attribute(chosen, value(chosen.masks), value(masks[0]), value(masks[-1])))
    off = np.array([run.values for run in runs]) - exact
    told = np.array([run.errors for run in runs])
    assert np.sqrt((off**2).mean() / (told**2).mean()) == pytest.approx(1, abs=0.3)
    seen = np.random.default_rng(0).permutation(2048)[:500]
    half = masks[2048:][seen]
    contrasts = (value(half) - value(~half)) / 2
    made = imitate(half, contrasts, np.ones(12))
    rows = np.linspace(0, 499, 120).round().astype(int)
    others = np.setdiff1d(np.arange(500), rows)
    np.testing.assert_array_equal(made.misses[others], made.misses_unseen[others])
    assert (made.misses_unseen[others] ** 2).mean() < 0.3 * contrasts.var()


def test_what_a_sum_says_stays_exact() -> None:
    shares = np.random.default_rng(2).normal(size=20)
    chosen = choose_coalitions(20, 300, 0)
    found = attribute(chosen, chosen.masks @ shares + 1, 1.0, shares.sum() + 1)
    np.testing.assert_allclose(found.values, shares, atol=1e-9)
    assert found.errors.max() < 1e-9


def test_with_equal_samples_it_is_nearer_than_shap() -> None:
    ours, theirs = [], []
    for seed in range(4):
        value = network(12, seed)
        masks = every(12)
        exact = shapley(masks, value(masks))
        chosen = choose_coalitions(12, 500, seed)
        found = attribute(chosen, value(chosen.masks), value(masks[0]), value(masks[-1]))
        ours.append(np.abs(found.values - exact).mean())
        np.random.seed(seed)  # noqa: NPY002 - shap draws from it
        explainer = shap.KernelExplainer(value, np.zeros((1, 12)))
        told = explainer.shap_values(np.ones((1, 12)), nsamples=500, l1_reg=False, silent=True)[0]
        theirs.append(np.abs(told - exact).mean())
    assert np.mean(ours) < 0.8 * np.mean(theirs)
