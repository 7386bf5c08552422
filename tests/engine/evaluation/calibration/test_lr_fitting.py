"""Maps from scores to likelihood ratios, against closed forms, scikit-learn and geometry."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from engine.errors import DataError
from engine.evaluation.calibration.fitting import fit_logistic, fit_pav, pav


def gaussian(n_forged: int, n_real: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores N(1, 1) of forged and N(-1, 1) of real ones: their natural log LR is twice the score."""
    rng = np.random.default_rng(seed)
    scores = np.concatenate([rng.normal(1, 1, n_forged), rng.normal(-1, 1, n_real)])
    return scores, np.repeat([1, 0], [n_forged, n_real])


def test_gaussian_scores_give_their_known_likelihood_ratio_whatever_the_sizes_of_the_classes() -> None:
    line = fit_logistic(*gaussian(60_000, 20_000))
    assert line.slope == pytest.approx(2 / np.log(10), rel=0.03)
    assert line.intercept == pytest.approx(0, abs=0.02)


def test_pav_approaches_the_known_likelihood_ratio() -> None:
    steps = fit_pav(*gaussian(40_000, 40_000))
    for score in (-1.0, -0.5, 0.0, 0.5, 1.0):
        assert steps(score) == pytest.approx(2 * score / np.log(10), abs=0.12)


def test_logistic_is_scikit_learns_on_softened_targets() -> None:
    """Each score stands for both classes, by its target and what is left of it."""
    scores, labels = gaussian(13, 29, seed=1)
    n1, n0 = 13, 29
    target = np.where(labels, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    weight = np.where(labels, 0.5 / n1, 0.5 / n0)
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(
        np.concatenate([scores, scores])[:, None],
        np.repeat([1, 0], len(scores)),
        sample_weight=1000 * np.concatenate([weight * target, weight * (1 - target)]),
    )
    line = fit_logistic(scores, labels)
    assert line.slope * np.log(10) == pytest.approx(oracle.coef_[0, 0], rel=1e-5)
    assert line.intercept * np.log(10) == pytest.approx(oracle.intercept_[0], abs=1e-5)


def test_separable_scores_stay_finite_and_no_unit_matters() -> None:
    scores, labels = np.array([-3.0, -2.0, -2.5, 1.0, 2.0, 4.0]), np.array([0, 0, 0, 1, 1, 1])
    line, other = fit_logistic(scores, labels), fit_logistic(1e4 * scores + 7, labels)
    assert 0 < line.slope < 10
    assert other(1e4 * scores + 7) == pytest.approx(line(scores), abs=1e-6)
    assert np.abs(fit_pav(scores, labels)(scores)).max() <= np.log10(4) + 1e-9


def test_a_larger_class_of_the_same_scores_changes_nothing_but_the_softening() -> None:
    scores, labels = gaussian(3000, 3000, seed=2)
    forged = scores[labels == 1]
    more = np.concatenate([scores, forged, forged])
    assert fit_logistic(more, np.concatenate([labels, np.ones(6000)]))(1.0) == pytest.approx(
        fit_logistic(scores, labels)(1.0), abs=0.01
    )


@pytest.mark.parametrize("seed", range(4))
def test_pav_is_scikit_learns_isotonic_regression(seed: int) -> None:
    scores, labels = gaussian(40, 60, seed)
    scores = scores.round(1)  # with ties
    weight = np.where(labels, 1 / 40, 1 / 60)
    oracle = IsotonicRegression(y_min=0, y_max=1).fit(scores, labels, sample_weight=weight)
    levels, ratio = pav(scores, labels)
    posterior = oracle.predict(levels)
    with np.errstate(divide="ignore"):
        expected = np.log10(posterior) - np.log10(1 - posterior)
    inner = (posterior > 1e-9) & (posterior < 1 - 1e-9)
    assert ratio[inner] == pytest.approx(expected[inner], abs=1e-9)
    assert np.isinf(ratio[~inner]).all()


def test_likelihood_ratios_of_pav_are_the_slopes_of_the_rocs_hull() -> None:
    scores, labels = gaussian(25, 35, seed=5)
    order = np.argsort(-scores)
    tpr = np.append(0, np.cumsum(labels[order]) / 25)
    far = np.append(0, np.cumsum(1 - labels[order]) / 35)
    points = np.column_stack([np.append(far, 1), np.append(tpr, 0)])  # closed below
    hull = points[ConvexHull(points).vertices]
    hull = hull[hull[:, 1] >= hull[:, 0]]
    hull = hull[np.lexsort((hull[:, 1], hull[:, 0]))]
    slopes = np.diff(hull[:, 1]) / np.maximum(np.diff(hull[:, 0]), 1e-300)
    finite = slopes[(slopes > 0) & (slopes < 1e200)]
    found = np.unique(pav(scores, labels)[1].round(9))
    assert sorted(np.log10(finite).round(9)) == pytest.approx(found[np.isfinite(found)].tolist(), abs=1e-8)


def test_drawing_twice_is_weighing_twice() -> None:
    scores, labels = gaussian(12, 15, seed=6)
    times = np.random.default_rng(0).integers(0, 3, 27)
    drawn = pav(np.repeat(scores, times), np.repeat(labels, times))
    weighed = pav(scores, labels, times)
    assert drawn[0].tolist() == weighed[0].tolist()
    assert drawn[1] == pytest.approx(weighed[1])


@pytest.mark.parametrize("fit", [fit_logistic, fit_pav])
def test_scores_the_wrong_way_round_are_refused(fit) -> None:
    scores, labels = gaussian(30, 30)
    with pytest.raises(DataError, match="do not score above"):
        fit(-np.sign(labels - 0.5) * np.arange(60), labels)
    with pytest.raises(DataError, match="needs real and forged"):
        fit(scores, np.ones(60))
