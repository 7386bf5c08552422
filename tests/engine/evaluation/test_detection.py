"""Detection measures against scikit-learn, brute force and closed forms."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

from engine.evaluation.detection import auc, balanced_accuracy, bootstrap_interval, equal_error_rate


@pytest.mark.parametrize("seed", range(8))
def test_auc_and_balanced_accuracy_equal_scikit_learn_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.random(60) < 0.4
    scores = np.round(rng.random(60) * 0.7 + 0.3 * labels, 1 + seed % 3)
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert balanced_accuracy(scores, labels, 0.5) == pytest.approx(balanced_accuracy_score(labels, scores >= 0.5))


def test_auc_equals_counting_pairs() -> None:
    scores, labels = [0.1, 0.4, 0.4, 0.8, 0.9], [0, 1, 0, 0, 1]
    pairs = [(f, r) for f in (0.4, 0.9) for r in (0.1, 0.4, 0.8)]
    assert auc(scores, labels) == pytest.approx(sum((f > r) + 0.5 * (f == r) for f, r in pairs) / 6)


@pytest.mark.parametrize("seed", range(6))
def test_equal_error_rate_lies_on_the_roc_where_the_errors_meet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.random(81) < 0.5
    scores = np.round(rng.normal(size=81) + labels, 1)
    alarms, hits, _ = roc_curve(labels, scores, drop_intermediate=False)
    fine = np.linspace(0, 1, 200_001)
    misses = 1 - np.interp(fine, alarms, hits)
    by_search = fine[np.argmin(np.abs(misses - fine))]
    assert equal_error_rate(scores, labels) == pytest.approx(by_search, abs=2e-5)


def test_equal_error_rate_of_two_normals_has_its_closed_form() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 40_000)
    scores = rng.normal(size=80_000) + 1.5 * labels
    assert equal_error_rate(scores, labels) == pytest.approx(norm.cdf(-0.75), abs=0.005)
    assert auc(scores, labels) == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.005)


def test_perfect_reversed_and_constant_scores() -> None:
    labels = [0, 0, 1, 1]
    assert (auc([1, 2, 3, 4], labels), equal_error_rate([1, 2, 3, 4], labels)) == (1.0, 0.0)
    assert (auc([4, 3, 2, 1], labels), equal_error_rate([4, 3, 2, 1], labels)) == (0.0, 1.0)
    assert (auc([1, 1, 1, 1], labels), equal_error_rate([1, 1, 1, 1], labels)) == (0.5, 0.5)


def test_bootstrap_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = norm.cdf(1 / np.sqrt(2))
    labels = np.repeat([0, 1], 40)
    covered = 0
    for seed in range(120):
        scores = np.random.default_rng(seed).normal(size=80) + labels
        low, high = bootstrap_interval(auc, scores, labels, draws=300, seed=seed)
        covered += low <= truth <= high
    assert 0.88 <= covered / 120 <= 0.995


def test_bootstrap_resamples_within_classes_and_is_reproducible() -> None:
    labels = np.array([0] * 30 + [1])  # resampling all together would often leave no forged one

    def share(_: np.ndarray, drawn: np.ndarray) -> float:
        return float(drawn.sum())

    assert bootstrap_interval(share, np.arange(31.0), labels) == (1.0, 1.0)
    scores = np.random.default_rng(1).random(31)
    first = bootstrap_interval(auc, scores, labels, seed=4)
    assert first == bootstrap_interval(auc, scores, labels, seed=4)
    assert first != bootstrap_interval(auc, scores, labels, seed=5)


def test_one_class_gives_nan_and_nan_is_refused() -> None:
    for measure in (auc, balanced_accuracy, equal_error_rate):
        assert np.isnan(measure([0.1, 0.2], [1, 1]))
    assert np.isnan(bootstrap_interval(auc, [0.1, 0.2], [0, 0])).all()
    with pytest.raises(ValueError, match="not a number"):
        auc([0.1, np.nan], [0, 1])
    with pytest.raises(ValueError, match="scores for"):
        auc([0.1], [0, 1])
