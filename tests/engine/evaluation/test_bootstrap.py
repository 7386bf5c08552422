"""Intervals: how often they hold the truth, what they draw, and how quickly."""

import time

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score, roc_curve

from engine.evaluation import bootstrap
from engine.evaluation.bootstrap import band, draw, intervals, units
from engine.evaluation.detection import AUC


def by_video(labels: np.ndarray) -> bootstrap.Units:
    return units(labels, range(len(labels)), [()] * len(labels))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = norm.cdf(1 / np.sqrt(2))
    labels = np.repeat([0, 1], 40)
    covered = 0
    for seed in range(200):
        scores = np.random.default_rng(seed).normal(size=80) + labels
        found = intervals(scores, labels, by_video(labels), 0.5, draws=300, seed=seed)[AUC]
        covered += found.low <= truth <= found.high
    assert 0.89 <= covered / 200 <= 0.99


def test_persons_widen_the_interval_where_their_videos_agree() -> None:
    """Ten equal videos of each person say no more than one of them: over videos the interval is too small."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20)
    scores = rng.normal(size=40) + labels
    persons = [(f"p{n}",) for n in range(40)]
    alone = intervals(scores, labels, units(labels, range(40), persons), 0.5)[AUC]
    many = np.repeat(scores, 10), np.repeat(labels, 10)
    of_persons = units(many[1], range(400), [p for p in persons for _ in range(10)])
    assert of_persons.over == "persons"
    tied = intervals(*many, of_persons, 0.5)[AUC]
    naive = intervals(*many, by_video(many[1]), 0.5)[AUC]
    assert (tied.low, tied.high) == pytest.approx((alone.low, alone.high), abs=1e-12)  # the very same draws
    assert (tied.high - tied.low) > 2.5 * (naive.high - naive.low)


def test_no_resample_lacks_a_class_and_strata_keep_their_size() -> None:
    labels = np.array([0] * 12 + [1] * 4)
    persons = [(f"r{n // 3}",) for n in range(12)] + [("r0",), ("f1",), ("f2",), ("f3",)]
    unit = units(labels, range(16), persons)
    assert (unit.over, unit.real_groups, unit.fake_groups) == ("persons", 4, 4)
    drawn = draw(unit, labels, 500, np.random.default_rng(0))
    only_real, only_fake, both = [1, 2, 3], [4, 5, 6], [0]
    for stratum in (only_real, only_fake, both):
        assert (drawn[:, stratum].sum(axis=1) == len(stratum)).all()
    weights = drawn[:, unit.group]
    assert (weights[:, labels == 1].sum(axis=1) > 0).all()
    assert (weights[:, labels == 0].sum(axis=1) > 0).all()
    assert (np.ptp(drawn[:, only_real], axis=0) > 0).all()  # and they do vary


def test_unknown_or_too_few_persons_fall_back_to_videos() -> None:
    labels = [0, 0, 1, 1]
    assert units(labels, range(4), [("a",), ("b",), (), ("c",)]).over == "videos"
    assert units(labels, range(4), [("a",), ("b",), ("a",), ("a",)]).over == "videos"  # one group has all forged
    assert units(labels, range(4), [("a",), ("b",), ("a",), ("b",)]).over == "persons"


def test_frames_of_one_video_are_drawn_together() -> None:
    labels = np.repeat([0, 1, 0, 1], 5)
    unit = units(labels, [f"v{n // 5}" for n in range(20)], [()] * 20)
    weights = draw(unit, labels, 50, np.random.default_rng(0))[:, unit.group]
    assert (np.ptp(weights.reshape(50, 4, 5), axis=2) == 0).all()


def test_it_is_reproducible_and_does_not_hang_on_the_memory_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.arange(50) % 2
    scores = np.random.default_rng(1).random(50)
    first = intervals(scores, labels, by_video(labels), 0.5, seed=4)
    assert intervals(scores, labels, by_video(labels), 0.5, seed=5) != first
    monkeypatch.setattr(bootstrap, "_AT_A_TIME", 700)
    assert intervals(scores, labels, by_video(labels), 0.5, seed=4) == first


def test_drawing_by_hand_gives_the_same_quantiles() -> None:
    labels = np.array([0, 0, 0, 1, 1])
    scores = np.array([0.1, 0.5, 0.6, 0.4, 0.9])
    unit = by_video(labels)
    weights = draw(unit, labels, 400, np.random.default_rng(3))
    drawn = [roc_auc_score(np.repeat(labels, w), np.repeat(scores, w)) for w in weights]
    found = intervals(scores, labels, unit, 0.5, draws=400, seed=3)[AUC]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))


def test_the_band_holds_the_roc_and_narrows_with_more_videos() -> None:
    grid = np.linspace(0, 1, 11)
    widths = []
    for n in (40, 400):
        labels = np.arange(n) % 2
        scores = np.random.default_rng(0).normal(size=n) + labels
        low, high = band(scores, labels, by_video(labels), grid, draws=300)
        far, tpr, _ = roc_curve(labels, scores)
        middle = np.interp(grid, far, tpr)[1:-1]
        assert (low[1:-1] <= middle + 1e-9).all()
        assert (high[1:-1] >= middle - 1e-9).all()
        widths.append((high - low).mean())
    assert widths[1] < 0.7 * widths[0]


def test_one_class_has_no_interval() -> None:
    found = intervals([0.1, 0.2], [0, 0], by_video(np.array([0, 0])), 0.5)[AUC]
    assert np.isnan([found.value, found.low, found.high]).all()


def test_two_thousand_resamples_of_a_thousand_videos_take_seconds() -> None:
    labels = np.arange(1000) % 2
    scores = np.random.default_rng(0).normal(size=1000) + labels
    started = time.process_time()
    intervals(scores, labels, by_video(labels), 0.5)
    assert time.process_time() - started < 4
