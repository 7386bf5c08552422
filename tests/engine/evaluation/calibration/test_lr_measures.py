"""Bounds and measures of likelihood ratios, against hand-made numbers and brute force."""

import math

import numpy as np
import pytest

from engine.evaluation.bootstrap import units
from engine.evaluation.calibration.bounds import elub, normalised_error
from engine.evaluation.calibration.measures import (
    calibration_error,
    cllr,
    cllr_min,
    interval,
    posterior,
    reliability,
    tippett,
)
from engine.evaluation.calibration.scale import support, times


def test_cllr_of_hand_made_ratios() -> None:
    assert cllr([0, 0, 0], [1, 0, 0]) == pytest.approx(1)
    assert cllr([9, -9], [1, 0]) == pytest.approx(0, abs=1e-8)
    assert cllr([math.inf, -math.inf], [1, 0]) == 0
    # LR 3 for both: log2(1 + 1/3) of the forged, log2(1 + 3) of the real one
    assert cllr([math.log10(3)] * 2, [1, 0]) == pytest.approx((math.log2(4 / 3) + 2) / 2)
    assert cllr([math.log10(3), 0, 0], [1, 0, 0]) == pytest.approx((math.log2(4 / 3) + 1) / 2)
    assert cllr([-2, 2], [1, 0]) == pytest.approx(math.log2(101))


def test_cllr_min_looks_at_the_order_alone() -> None:
    rng = np.random.default_rng(0)
    scores, labels = np.concatenate([rng.normal(1, 1, 30), rng.normal(0, 1, 50)]), np.repeat([1, 0], [30, 50])
    least = cllr_min(scores, labels)
    assert least == pytest.approx(cllr_min(np.exp(3 * scores) - 5, labels))
    assert 0 < least < cllr(scores, labels)
    for slope in np.linspace(0.05, 2, 20):  # no line does better than the best monotone map
        for intercept in np.linspace(-1, 1, 9):
            assert least <= cllr(slope * scores + intercept, labels) + 1e-12
    assert cllr_min([1, 2, 3, 4], [0, 0, 1, 1]) == 0
    assert cllr_min([1, 1, 1], [0, 1, 0]) == pytest.approx(1)


def test_two_classes_that_change_places_cost_the_same() -> None:
    rng = np.random.default_rng(1)
    ratio, labels = rng.normal(0, 1, 40), rng.integers(0, 2, 40)
    assert cllr(-ratio, 1 - labels) == pytest.approx(cllr(ratio, labels))
    low, high = elub(ratio, labels)
    assert elub(-ratio, 1 - labels) == pytest.approx((-high, -low))


def test_the_interval_holds_what_it_says() -> None:
    """The mean of the costs of N(1, 1) and N(-1, 1) with their true LR, over many samples."""
    rng = np.random.default_rng(2)

    def sample(n: int) -> tuple[np.ndarray, np.ndarray]:
        scores = np.concatenate([rng.normal(1, 1, n), rng.normal(-1, 1, n)])
        return 2 * scores / np.log(10), np.repeat([1, 0], n)

    truth = cllr(*sample(200_000))
    held = 0
    for _ in range(60):
        ratio, labels = sample(30)
        low, high = interval(cllr, ratio, labels, units(labels, range(60), [()] * 60), draws=200)
        held += low <= truth <= high
    assert 49 <= held <= 60


def test_resampling_counts_each_one_as_often_as_it_is_drawn() -> None:
    rng = np.random.default_rng(4)
    ratio, labels = rng.normal(0, 1, 24), np.repeat([1, 0], 12)
    times = np.concatenate([[0, 0, 3], np.ones(21, int)])
    for measure in (cllr, cllr_min):
        drawn = measure(np.repeat(ratio, times), np.repeat(labels, times))
        assert measure(ratio, labels, times) == pytest.approx(drawn)
    far = ratio.copy()
    far[0] = -np.inf  # never drawn, so it costs nothing
    assert cllr(far, labels, times) == pytest.approx(cllr(ratio, labels, times))
    low, high = interval(cllr_min, ratio, labels, units(labels, range(24), [()] * 24), draws=100)
    assert 0 <= low < high <= 1


def brute(ratio: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """The bounds by walking away from 0 in small steps until the error is that without evidence."""
    found = []
    for sign in (-1, 1):
        at = 0.0
        while normalised_error(ratio, labels, at + sign * 0.0005) < 1:
            at += sign * 0.0005
        found.append(at)
    return found[0], found[1]


@pytest.mark.parametrize("seed", range(12))
def test_elub_is_where_brute_force_ends(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n1, n0 = rng.integers(4, 25, 2)
    ratio = np.concatenate([rng.normal(1.2, 1, n1), rng.normal(-1.2, 1, n0)])
    labels = np.repeat([1, 0], [n1, n0])
    assert elub(ratio, labels) == pytest.approx(brute(ratio, labels), abs=0.001)


def test_elub_of_hand_made_ratios() -> None:
    perfect, labels = np.array([5.0] * 9 + [-5.0] * 19), np.repeat([1, 0], [9, 19])
    # Up to the threshold of the added misleading ones: hits 9/10 over alarms 1/20 above, 19/20 over 1/10 below.
    assert elub(perfect, labels) == pytest.approx((-math.log10(9.5), math.log10(18)))
    assert elub(perfect / 20, labels) == pytest.approx((-0.25, 0.25))  # never beyond what was seen
    assert elub(-perfect, labels) == (0, 0)  # worse than nothing
    assert elub(np.zeros(28), labels) == (0, 0)


def test_a_misleading_ratio_pulls_the_bound_in() -> None:
    ratio, labels = np.array([3.0] * 50 + [-3.0] * 50), np.repeat([1, 0], 50)
    worse = ratio.copy()
    worse[50] = 3.0
    assert elub(worse, labels)[1] == pytest.approx(math.log10(50 / 2))
    assert elub(ratio, labels)[1] == pytest.approx(math.log10(50))


def test_reliability_counts_each_video_once_and_true_posteriors_lie_on_the_line() -> None:
    rng = np.random.default_rng(3)
    truth = rng.uniform(0.05, 0.95, 20_000)
    labels = rng.random(20_000) < truth
    prior = labels.mean()
    ratio = np.log10(truth / (1 - truth)) - np.log10(prior / (1 - prior))
    bins = reliability(ratio, labels)
    assert len(bins) == 10
    assert sum(b.count for b in bins) == 20_000
    for b in bins:
        assert b.low <= b.observed <= b.high
        assert b.observed == pytest.approx(b.predicted, abs=0.04)
    assert calibration_error(bins) < 0.015
    assert calibration_error(reliability(ratio + 1, labels)) > 0.2


def test_reliability_by_hand() -> None:
    labels = np.array([0, 0, 1, 0, 1, 1])
    (only,) = reliability(np.zeros(6), labels)  # equal ratios are one bin: the prior itself
    assert (only.predicted, only.observed, only.count) == (pytest.approx(0.5), 0.5, 6)
    assert calibration_error([only]) == pytest.approx(0)
    low, high = reliability([-1, -1, -1, 1, 1, 1], labels, bins=2)
    assert (low.predicted, high.predicted) == (pytest.approx(1 / 11), pytest.approx(10 / 11))
    assert (low.observed, high.observed) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert calibration_error([low, high]) == pytest.approx(1 / 3 - 1 / 11)


def test_posterior_needs_a_stated_prior() -> None:
    assert posterior(1.0, 0.5) == pytest.approx(10 / 11)
    assert posterior(1.0, 0.001) == pytest.approx(10 / 1009)


def test_tippett_by_hand() -> None:
    levels, forged, real = tippett([0.5, 1, 1, -1, 0.5], [1, 1, 0, 0, 0])
    assert levels.tolist() == [-1, 0.5, 1]
    assert forged.tolist() == [1, 1, 0.5]
    assert real == pytest.approx([1, 2 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.9, "no support for either side"),
        (1 / 1.9, "no support for either side"),
        (2.1, "weak support for a forgery"),
        (1 / 9, "weak support for an authentic video"),
        (10, "moderate support for a forgery"),
        (101, "moderately strong support for a forgery"),
        (1 / 2000, "strong support for an authentic video"),
        (2e4, "very strong support for a forgery"),
        (2e6, "extremely strong support for a forgery"),
    ],
)
def test_words_of_the_scale(ratio: float, words: str) -> None:
    assert support(math.log10(ratio)) == words


def test_a_sentence_is_about_the_score_and_not_about_the_video() -> None:
    assert times(math.log10(12)) == (
        "The score is 12 times as probable if the video is forged by a method of the calibration pool "
        "as if it is authentic"
    )
    assert times(-3).startswith(
        "The score is 1,000 times as probable if the video is authentic as if it is forged"
    )
