"""Detection measures against scikit-learn, scipy, counting and closed forms."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn import metrics

from engine.evaluation.detection import (
    AUC,
    EER,
    METRICS,
    PARTIAL_AUC,
    PRECISION,
    TAR,
    area,
    at_threshold,
    auc,
    balanced_accuracy,
    clopper_pearson,
    equal_error_rate,
    mean_precision,
    measured,
    partial_area,
    rate_at_far,
    roc,
)


def sample(seed: int, n: int = 60, digits: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.4
    scores = rng.random(n) * 0.7 + 0.3 * labels
    return (np.round(scores, digits) if digits else scores), labels


@pytest.mark.parametrize("digits", [1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_measures_equal_scikit_learn_with_ties(seed: int, digits: int) -> None:
    scores, labels = sample(seed, digits=digits)
    curve = roc(scores, labels)
    assert auc(scores, labels) == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)
    for far in (0.05, 0.1, 0.37, 1.0):
        expected = metrics.roc_auc_score(labels, scores, max_fpr=far)
        assert partial_area(curve, far)[0] == pytest.approx(expected, abs=1e-12)
    assert mean_precision(curve)[0] == pytest.approx(metrics.average_precision_score(labels, scores), abs=1e-12)
    judged = scores >= 0.5
    found = {name: values[0] for name, values in at_threshold(curve, 0.5).items()}
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, judged))
    assert found["balanced accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, judged))
    assert found["recall"] == pytest.approx(metrics.recall_score(labels, judged))
    assert found["precision"] == pytest.approx(metrics.precision_score(labels, judged))
    assert found["false alarm rate"] == pytest.approx(1 - metrics.recall_score(~labels, ~judged))


@pytest.mark.parametrize("seed", range(3))
def test_the_roc_has_scikit_learns_points(seed: int) -> None:
    scores, labels = sample(seed, digits=1)
    far, tpr, thresholds = metrics.roc_curve(labels, scores, drop_intermediate=False)
    curve = roc(scores, labels)
    np.testing.assert_allclose(curve.rates()[0][0], tpr)
    np.testing.assert_allclose(curve.rates()[1][0], far)
    np.testing.assert_array_equal(curve.thresholds, thresholds[1:])


def test_weights_are_the_same_as_repeating() -> None:
    scores, labels = sample(4, digits=1)
    weights = np.random.default_rng(0).integers(0, 4, (3, len(scores)))
    together = measured(roc(scores, labels, weights), 0.6)
    for row, times in enumerate(weights):
        alone = measured(roc(np.repeat(scores, times), np.repeat(labels, times)), 0.6)
        for name in METRICS:
            assert together[name][row] == pytest.approx(alone[name][0], abs=1e-12), name


def test_auc_equals_counting_pairs() -> None:
    scores, labels = [0.1, 0.4, 0.4, 0.8, 0.9], [0, 1, 0, 0, 1]
    pairs = [(f, r) for f in (0.4, 0.9) for r in (0.1, 0.4, 0.8)]
    assert auc(scores, labels) == pytest.approx(sum((f > r) + 0.5 * (f == r) for f, r in pairs) / 6)


def test_tar_at_far_by_hand() -> None:
    # Ten real ones: one false alarm is allowed at 10 %, two are not.
    real = np.arange(10) / 10.0
    fake = [0.95, 0.85, 0.85, 0.75]
    curve = roc([*real, *fake], [0] * 10 + [1] * 4)
    assert rate_at_far(curve, 0.1)[0] == 0.75  # from 0.85 on: real 0.9 alone; 0.75 would let in 0.8
    assert rate_at_far(curve, 0.05)[0] == 0.25
    assert rate_at_far(curve, 0.2)[0] == 1.0
    tied = roc([0.5] * 14, [0] * 10 + [1] * 4)
    assert rate_at_far(tied, 0.1)[0] == 0.0  # all are called forged at once, or none


@pytest.mark.parametrize("seed", range(4))
def test_equal_error_rate_lies_on_the_roc_where_the_errors_meet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.random(81) < 0.5
    scores = np.round(rng.normal(size=81) + labels, 1)
    alarms, hits, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
    fine = np.linspace(0, 1, 200_001)
    misses = 1 - np.interp(fine, alarms, hits)
    by_search = fine[np.argmin(np.abs(misses - fine))]
    assert equal_error_rate(scores, labels) == pytest.approx(by_search, abs=2e-5)


def test_two_normals_have_their_closed_forms() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 40_000)
    scores = rng.normal(size=80_000) + 1.5 * labels
    assert equal_error_rate(scores, labels) == pytest.approx(norm.cdf(-0.75), abs=0.005)
    assert auc(scores, labels) == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=0.005)
    assert rate_at_far(roc(scores, labels))[0] == pytest.approx(norm.sf(norm.isf(0.1) - 1.5), abs=0.01)


def test_perfect_reversed_and_constant_scores() -> None:
    labels = [0, 0, 1, 1]
    expected = {
        (1, 2, 3, 4): {AUC: 1, PARTIAL_AUC: 1, TAR: 1, EER: 0, PRECISION: 1},
        (4, 3, 2, 1): {AUC: 0, PARTIAL_AUC: (1 - 0.05 / 0.95) / 2, TAR: 0, EER: 1, PRECISION: (1 / 3 + 1 / 2) / 2},
        (1, 1, 1, 1): {AUC: 0.5, PARTIAL_AUC: 0.5, TAR: 0, EER: 0.5, PRECISION: 0.5},
    }
    for scores, values in expected.items():
        found = measured(roc(scores, labels), 0.5)
        for name, value in values.items():
            assert found[name][0] == pytest.approx(value), (scores, name)


def test_a_score_equal_to_the_threshold_is_called_forged() -> None:
    found = at_threshold(roc([0.5, 0.5, 0.4999], [1, 0, 0]), 0.5)
    assert (found["recall"][0], found["false alarm rate"][0]) == (1.0, 0.5)
    assert np.isnan(at_threshold(roc([0.1, 0.2], [1, 0]), 0.5)["precision"][0])


@pytest.mark.parametrize(("hits", "of"), [(0, 7), (7, 7), (3, 10), (139, 140), (1, 1)])
def test_exact_intervals_equal_scipy(hits: int, of: int) -> None:
    expected = binomtest(hits, of).proportion_ci(0.95, method="exact")
    assert clopper_pearson(hits, of) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert np.isnan(clopper_pearson(0, 0)).all()


def test_one_class_gives_nan_and_nan_is_refused() -> None:
    for found in measured(roc([0.1, 0.2], [1, 1]), 0.5).values():
        assert np.isnan(found).all()
    assert np.isnan(area(roc([], [])))
    assert np.isnan(balanced_accuracy([0.1], [0]))
    with pytest.raises(ValueError, match="not a number"):
        auc([0.1, np.nan], [0, 1])
    with pytest.raises(ValueError, match="scores for"):
        auc([0.1], [0, 1])
