"""Numbers of views of a set, against loops and known answers."""

import itertools

import numpy as np
import pytest
import scipy.stats
from observed_samples import faceless, observed, some_videos
from sklearn.manifold import TSNE

from engine.evaluation.views.errors import worst_errors
from engine.evaluation.views.heat import heat_map
from engine.evaluation.views.means import class_means
from engine.evaluation.views.observed import Observed, evenly
from engine.evaluation.views.projection import gathered, project, spread_clips
from engine.evaluation.views.temporal import differences, over_time, steadiness, surprise

HOW = {"draws": 200, "seed": 3}


def test_places_are_spread_evenly() -> None:
    assert evenly(3, 5).tolist() == [0, 1, 2]
    assert evenly(10, 2).tolist() == [2, 7]
    for count, most in itertools.product(range(1, 40), range(1, 12)):
        chosen = evenly(count, most)
        assert len(chosen) == min(count, most)
        assert (np.diff(chosen) > 0).all()
        assert 0 <= chosen[0] <= chosen[-1] < count
        assert abs(int(chosen[0]) - (count - 1 - int(chosen[-1]))) <= 1


def test_means_are_those_of_the_videos_that_have_a_value() -> None:
    values = np.array([[1.0, 2.0], [3.0, np.nan], [10.0, 5.0], [np.nan, 7.0], [20.0, np.nan]])
    found = class_means(values, [0, 0, 1, 1, 1], [()] * 5, **HOW)
    np.testing.assert_allclose(found.real.value, [2.0, 2.0])
    np.testing.assert_allclose(found.fake.value, [15.0, 6.0])
    np.testing.assert_allclose(found.difference.value, [13.0, 4.0])
    assert found.real.videos.tolist() == [2, 1]
    assert found.fake.videos.tolist() == [2, 2]
    assert found.over == "videos"
    nothing = class_means([[np.nan], [1.0]], [0, 1], [()] * 2, **HOW)
    assert np.isnan(nothing.real.value[0])
    assert np.isnan(nothing.difference.low[0])


def test_intervals_agree_with_the_bootstrap_of_scipy() -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.normal(0, 1, 30), rng.normal(1, 2, 40)
    values, labels = np.concatenate([real, fake])[:, None], [0] * 30 + [1] * 40
    found = class_means(values, labels, [()] * 70, draws=20000, seed=0)

    def expected(*samples: np.ndarray, of) -> tuple[float, float]:
        interval = scipy.stats.bootstrap(
            samples, of, n_resamples=20000, method="percentile", vectorized=True, rng=1
        ).confidence_interval
        return interval.low, interval.high

    for mine, theirs in (
        (found.real, expected(real, of=np.mean)),
        (found.fake, expected(fake, of=np.mean)),
        (found.difference, expected(real, fake, of=lambda a, b, axis=-1: b.mean(axis) - a.mean(axis))),
    ):
        assert (mine.low[0], mine.high[0]) == pytest.approx(theirs, abs=0.04)


def test_videos_of_one_person_are_drawn_together() -> None:
    """Ten copies of a person's video tell no more than one: the interval is that of the persons."""
    rng = np.random.default_rng(1)
    persons, label = np.arange(20), np.arange(20) % 2
    value = rng.normal(size=20)
    many = class_means(
        np.repeat(value, 10)[:, None], np.repeat(label, 10), [(str(p),) for p in np.repeat(persons, 10)], **HOW
    )
    alone = class_means(value[:, None], label, [(str(p),) for p in persons], **HOW)
    assert many.over == "persons"
    np.testing.assert_allclose([many.real.low, many.real.high], [alone.real.low, alone.real.high])


def naive_over_time(face, frames: int) -> dict[int, float]:
    series, spans = face.series["prediction-error"], face.scores.spans
    found: dict[int, list[float]] = {}
    for (first, last), row in zip(spans.tolist(), series.tolist(), strict=True):
        for example, value in enumerate(row):
            if first + example * frames <= last:
                found.setdefault((first + example * frames - int(spans[0, 0])) // 30, []).append(value)
    return {place: float(np.mean(values)) for place, values in found.items()}


def test_errors_over_time_are_means_of_the_examples_that_begin_there() -> None:
    rng = np.random.default_rng(0)
    for spans in ([(7, 66), (30, 89), (60, 119), (72, 131)], [(5, 30)], [(0, 59), (300, 359)]):
        series = rng.uniform(size=(len(spans), 12)).astype(np.float32)
        each = observed("a", 0, [0.5] * len(spans), spans=spans, prediction_error=series)
        assert each.face is not None
        curve, known = over_time(each.face, "prediction-error", 5), naive_over_time(each.face, 5)
        for place, value in enumerate(curve.tolist()):
            assert value == pytest.approx(known[place]) if place in known else np.isnan(value)
        assert len(curve) == max(known) + 1


def test_surprise_counts_each_video_once() -> None:
    short = observed("a", 0, [0.5], prediction_error=np.full((1, 12), 0.2, np.float32))
    long = observed("b", 0, [0.5] * 9, prediction_error=np.full((9, 12), 0.8, np.float32))
    fake = observed("c", 1, [0.5], prediction_error=np.linspace(0, 1.1, 12, dtype=np.float32)[None])
    found = surprise([short, faceless("x", 1), long, fake], "prediction-error", 5, **HOW)
    assert found is not None
    assert found.overall.real.value[0] == pytest.approx(0.5)
    np.testing.assert_allclose(found.by_example.real.value, np.full(12, 0.5), rtol=1e-6)
    np.testing.assert_allclose(found.by_example.fake.value, np.linspace(0, 1.1, 12), rtol=1e-6, atol=1e-7)
    assert found.over_time.real.value[:2] == pytest.approx([0.5, 0.5])
    assert found.over_time.real.value[5] == pytest.approx(0.8)
    assert found.over_time.real.videos.tolist() == [2, 2] + [1] * 8
    assert surprise([observed("d", 0, [0.5])], "prediction-error", 5, **HOW) is None


def test_second_differences_are_of_the_middle_window_and_of_all() -> None:
    def video(name: str, label: int, count: int, seed: int) -> Observed:
        rng = np.random.default_rng(seed)
        signed, size = rng.normal(size=(2, count, 4)).astype(np.float32)
        return observed(name, label, [0.5] * count, second_difference=signed, second_difference_size=np.abs(size))

    videos = [video("a", 0, 3, 0), video("b", 0, 4, 1), video("c", 1, 1, 2), video("d", 1, 5, 3)]
    found = differences(videos, "second-difference", "second-difference-size", **HOW)
    assert found is not None
    for label, mean, size in ((0, found.signed.real, found.size.real), (1, found.signed.fake, found.size.fake)):
        faces = [each.face for each in videos if each.judged.sample.label == label]
        signed = [f.series["second-difference"].astype(np.float64)[len(f.scores.spans) // 2] for f in faces]
        np.testing.assert_allclose(mean.value, np.mean(signed, axis=0))
        whole = [f.series["second-difference-size"].astype(np.float64).mean(axis=0) for f in faces]
        np.testing.assert_allclose(size.value, np.mean(whole, axis=0))
    assert differences([observed("e", 0, [0.5])], "second-difference", "x", **HOW) is None


def test_steadiness_is_the_deviation_within_videos() -> None:
    videos = [
        observed("a", 0, [0.1, 0.3]),
        observed("b", 0, [0.5]),
        observed("c", 1, [0.9, 0.8, 0.4]),
        observed("d", 1, [0.6, 0.6]),
    ]
    values = [each.face.scores.probability for each in videos]
    found = steadiness([each.judged for each in videos], values, **HOW)
    assert found.mean.real.value[0] == pytest.approx((0.2 + 0.5) / 2)
    assert found.deviation.real.value[0] == pytest.approx(np.sqrt(0.02))
    assert found.deviation.real.videos[0] == 1
    expected = (np.sqrt(((0.2) ** 2 + 0.1**2 + 0.3**2) / 2) + 0) / 2
    assert found.deviation.fake.value[0] == pytest.approx(expected)


def test_the_heat_map_is_sorted_and_holds_the_similarities() -> None:
    videos = some_videos()
    clips = spread_clips(videos, 3)
    heat = heat_map(videos, clips)
    assert heat.values.shape == (6, len(clips.video))
    kinds = []
    for column, at in enumerate(heat.order.tolist()):
        each = videos[clips.video[at]]
        series = each.face.series["similarity"][clips.clip[at]]
        np.testing.assert_array_equal(heat.values[:, column], series)
        kinds.append((each.judged.sample.label, each.judged.sample.method, clips.video[at], clips.clip[at]))
    assert kinds == sorted(kinds)
    names = [("real", "lips", "swap")[number] for _, number in heat.edges]
    assert names == ["real", "lips", "swap"]
    for column, number in heat.edges:
        assert (kinds[column][1] or "real") == ("real", "lips", "swap")[number]
        assert column == 0 or kinds[column][1] != kinds[column - 1][1]
    pairs = [
        scipy.stats.pearsonr(heat.values[a], heat.values[b])[0]
        for half in (range(3), range(3, 6))
        for a, b in itertools.combinations(half, 2)
    ]
    assert heat.alike == pytest.approx(np.mean(pairs), abs=1e-6)


def test_prototypes_that_say_the_same_are_alike() -> None:
    row = np.linspace(0.1, 0.9, 5)
    same = [observed(str(at), at % 2, [0.5], similarity=np.full((1, 6), row[at], np.float32)) for at in range(5)]
    assert heat_map(same, spread_clips(same, 1)).alike == pytest.approx(1)


def test_the_worst_errors_are_those_furthest_on_the_wrong_side() -> None:
    videos = [
        observed("right", 1, [0.9]),
        observed("missed", 1, [0.3]),
        observed("missed badly", 1, [0.05]),
        observed("missed barely", 1, [0.49]),
        observed("calm", 0, [0.1]),
        observed("alarm", 0, [0.5]),
        observed("great alarm", 0, [0.95]),
        faceless("nobody", 1),
    ]

    def names(threshold: float, most: int) -> list[str]:
        return [each.judged.sample.name for each in worst_errors(videos, threshold, most)]

    assert names(0.5, 2) == ["missed badly", "missed", "great alarm", "alarm"]
    assert names(0.5, 9) == ["missed badly", "missed", "missed barely", "great alarm", "alarm"]
    assert names(0.96, 1) == ["missed badly"]
    assert names(0.5, 0) == []


def test_the_projection_is_that_of_scikit_learn() -> None:
    videos = some_videos()
    clips = spread_clips(videos, 2)
    assert [np.sum(clips.video == at) for at in range(12)] == [min(2, 1 + at % 5) for at in range(12)]
    values = gathered(videos, clips, "features")
    made = project("features", values, 5)
    assert made is not None
    assert made.perplexity == pytest.approx((len(values) - 1) / 3)
    oracle = TSNE(2, perplexity=made.perplexity, init="pca", random_state=5, max_iter=1000)
    np.testing.assert_array_equal(made.places, oracle.fit_transform(values.astype(np.float64)))
    again = project("features", values, 5)
    assert again is not None
    np.testing.assert_array_equal(made.places, again.places)


def test_far_groups_stay_apart_in_the_projection() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, (20, 6)), rng.normal(60, 1, (20, 6))]).astype(np.float32)
    made = project("x", values, 0)
    assert made is not None
    side = np.arange(40) < 20
    for at in range(40):
        apart = np.linalg.norm(made.places - made.places[at], axis=1)
        apart[at] = np.inf
        assert side[apart.argmin()] == side[at]


def test_few_clips_or_clips_that_are_all_alike_do_no_harm() -> None:
    assert project("x", np.zeros((3, 4), np.float32), 0) is None
    made = project("x", np.zeros((5, 4), np.float32), 0)
    assert made is not None
    assert np.isfinite(made.places).all()
