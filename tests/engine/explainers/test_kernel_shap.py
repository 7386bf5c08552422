"""Kernel SHAP against Shapley values by brute force, the shap package and closed forms."""

import io
from dataclasses import replace
from itertools import combinations
from math import factorial

import numpy as np
import pytest
import shap
import torch
from random_weights import card_values, noise_crops, random_network

from engine.detectors.cards import parse_card
from engine.detectors.frame import FrameDetector
from engine.errors import CancelledError, DataError, UsageError
from engine.explainers.attribution import attribute, solve
from engine.explainers.base import Watch, finished
from engine.explainers.coalitions import Coalitions, choose_coalitions
from engine.explainers.games import ClipGame, FrameGame, game_of
from engine.explainers.kernel_shap import KernelShap, KernelShapSettings, volume_moments
from engine.explainers.registry import load_explainer
from engine.explainers.samples import Samples
from engine.explainers.sampling import sample
from engine.explainers.superpixels import frame_superpixels, mean_colour, muted, volumes
from engine.progress import CancelToken, Progress


def game(players: int, seed: int = 0):
    """A value for every row of masks, with interactions of two and three players."""
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=players), rng.normal(size=(players, players)) / players
    return lambda z: z @ one + ((z @ two) * z).sum(1) + np.sin(2 * z[:, 0] * z[:, 1] + z @ one) + 3.0


def brute_force(value, players: int) -> np.ndarray:
    """phi_i = sum over S without i of |S|! (M - |S| - 1)! / M! (v(S + i) - v(S))."""
    found = np.zeros(players)
    for i in range(players):
        others = [p for p in range(players) if p != i]
        for size in range(players):
            weight = factorial(size) * factorial(players - size - 1) / factorial(players)
            without = np.zeros((len(list(combinations(others, size))), players))
            for row, chosen in enumerate(combinations(others, size)):
                without[row, list(chosen)] = 1
            within = without.copy()
            within[:, i] = 1
            found[i] += weight * (value(within) - value(without)).sum()
    return found


def run(value, players: int, budget: int, seed: int = 0):
    chosen = choose_coalitions(players, budget, seed)
    ends = value(np.array([np.zeros(players), np.ones(players)]))
    return attribute(chosen, value(chosen.masks.astype(float)), *ends), chosen, ends


@pytest.mark.parametrize("players", [1, 2, 3, 4, 7, 12])
def test_with_all_coalitions_it_gives_the_shapley_values(players: int) -> None:
    value = game(players) if players > 1 else lambda z: 2 * z[:, 0] + 1
    found, chosen, _ = run(value, players, 2**players - 2)
    assert len({row.tobytes() for row in chosen.masks}) == len(chosen.masks) == 2**players - 2
    np.testing.assert_allclose(found.values, brute_force(value, players), atol=1e-9)
    np.testing.assert_array_equal(found.errors, 0)


@pytest.mark.parametrize(("players", "budget"), [(8, 254), (11, 300), (30, 500)])
def test_given_the_coalitions_of_shap_it_gives_the_values_of_shap(players: int, budget: int) -> None:
    value = game(players, seed=3)
    np.random.seed(5)  # noqa: NPY002 - shap draws from it
    theirs = shap.KernelExplainer(value, np.zeros((1, players)))
    expected = theirs.shap_values(np.ones((1, players)), nsamples=budget, l1_reg=False, silent=True)[0]
    masks = theirs.maskMatrix[: theirs.nsamplesAdded].astype(bool)
    weights = theirs.kernelWeights[: theirs.nsamplesAdded]
    ends = value(np.array([np.zeros(players), np.ones(players)]))
    found = solve(masks, weights, value(masks.astype(float)), *ends)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_whole_sizes_come_first_and_weigh_as_the_kernel_says() -> None:
    chosen = choose_coalitions(20, 2000, seed=1)
    sizes = chosen.masks.sum(1)
    assert chosen.whole == 40 + 380
    assert set(sizes[:40]) == {1, 19}
    assert set(sizes[40:420]) == {2, 18}
    kernel = {s: 19 / (s * (20 - s)) for s in range(1, 20)}
    total = sum(kernel.values())
    np.testing.assert_allclose(chosen.weights[:40], kernel[1] / total / 20)
    np.testing.assert_allclose(chosen.weights[40:], kernel[2] / total / 190)
    assert chosen.weights.sum() + chosen.rest == pytest.approx(1)
    np.testing.assert_array_equal(chosen.masks[420::2], ~chosen.masks[421::2])
    assert sizes[420:].min() >= 3
    assert len(chosen.masks) == 2000
    assert len({row.tobytes() for row in chosen.masks}) == 2000
    drawn = np.minimum(sizes, 20 - sizes)[420::2]
    due = np.array([kernel[s] * (1 if s == 10 else 2) for s in range(3, 11)])
    np.testing.assert_allclose(np.bincount(drawn)[3:], due / due.sum() * 790, atol=3)
    np.testing.assert_allclose(np.bincount(drawn[:200])[3:], due / due.sum() * 200, atol=3)


def test_a_size_that_is_nearly_exhausted_gives_no_coalition_twice() -> None:
    for budget in (30, 100, 120, 124):
        masks = choose_coalitions(7, budget, 0).masks
        assert len({row.tobytes() for row in masks}) == len(masks) <= budget
        assert len(masks) > budget - 6


def test_a_seed_gives_its_coalitions_and_another_gives_others() -> None:
    one, same, other = (choose_coalitions(30, 300, seed).masks for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_the_values_sum_to_the_gain_at_every_moment() -> None:
    value = game(25)
    chosen = choose_coalitions(25, 400, 0)
    values = value(chosen.masks.astype(float))
    for count in (0, 3, 50, 61, 400):
        assert attribute(chosen, values[:count], 1.5, -2.0).values.sum() == pytest.approx(-3.5)


def test_standard_errors_are_the_spread_over_seeds() -> None:
    value = game(16, seed=4)
    runs = [run(value, 16, 400, seed)[0] for seed in range(60)]
    spread = np.std([r.values for r in runs], axis=0, ddof=1)
    told = np.sqrt(np.mean([r.errors**2 for r in runs], axis=0))
    assert np.sqrt(np.mean((told / spread) ** 2)) == pytest.approx(1, abs=0.25)
    exact = run(value, 16, 2**16)[0].values
    off = np.mean([r.values for r in runs], axis=0) - exact
    assert np.abs(off).max() < 5 * spread.max() / np.sqrt(60)


def test_too_few_samples_have_no_standard_error() -> None:
    chosen = choose_coalitions(40, 100, 0)
    assert isinstance(chosen, Coalitions)
    found = attribute(chosen, np.arange(10.0), 0.0, 1.0)
    assert np.isinf(found.errors).all()


# On crops


@pytest.fixture(scope="module")
def detector() -> FrameDetector:
    network = random_network("frame-mobile", 96)
    card = parse_card(card_values("frame-mobile", network) | {"sha256": "0" * 64})
    return FrameDetector("frame-mobile", network, card, torch.device("cpu"))


def clip(frames: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Crops, and six labels in two rows of three."""
    rows, columns = np.mgrid[:96, :96]
    return noise_crops(frames, 96, 4), np.broadcast_to(rows // 48 * 3 + columns // 32, (frames, 96, 96))


@pytest.mark.parametrize("frames", [1, 2])
def test_on_a_clip_it_gives_the_shapley_values_of_the_mean_logit(detector: FrameDetector, frames: int) -> None:
    crops, labels = clip(frames)
    grey = crops.reshape(-1, 3).mean(0).round()

    def value(masks: np.ndarray) -> np.ndarray:
        scores = []
        for row in masks:
            painted = crops.copy()
            for label in np.flatnonzero(row == 0):
                painted[labels == label] = grey
            scores.append(detector.score_crops(painted).mean(dtype=np.float64))
        return np.array(scores)

    every = np.array([[bit >> i & 1 for i in range(6)] for bit in range(64)])
    known = dict(zip([row.tobytes() for row in every], value(every), strict=True))
    expected = brute_force(lambda z: np.array([known[row.astype(int).tobytes()] for row in z]), 6)
    told = finished(KernelShap(KernelShapSettings(samples=300)).estimates(game_of(detector, crops, labels)))
    np.testing.assert_allclose(told.found[0].values, expected, atol=1e-4)
    assert told.passes == 64 * frames


def blocks(side: int) -> np.ndarray:
    """(1, 96, 96) labels in squares."""
    rows, columns = np.mgrid[:96, :96]
    return (rows // side * (96 // side) + columns // side)[None]


def test_an_interrupted_run_goes_on_to_the_same_bits(detector: FrameDetector) -> None:
    crops, _ = clip()
    shap = KernelShap(KernelShapSettings(samples=200, tolerance=0))
    whole = finished(shap.estimates(FrameGame(detector, crops, blocks(32))))
    first = shap.estimates(FrameGame(detector, crops, blocks(32)))
    parts = [next(first) for _ in range(2)]
    first.close()
    assert 0 < len(parts[1].samples.values) < 200
    for cut in (0, 1):  # at the end of a batch, and within it
        state = parts[1].samples
        state = replace(
            state, masks=state.masks[: len(state.masks) - cut], values=state.values[: len(state.values) - cut]
        )
        file = io.BytesIO()
        np.savez(file, **state.arrays())
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            again = finished(
                shap.estimates(FrameGame(detector, crops, blocks(32)), stored=Samples.of_arrays(arrays))
            )
        np.testing.assert_array_equal(again.found[0].values, whole.found[0].values)
        np.testing.assert_array_equal(again.found[0].errors, whole.found[0].errors)
        np.testing.assert_array_equal(again.samples.values, whole.samples.values)
        assert again.passes == whole.passes == 202
        assert again.fresh == 200 - len(parts[1].samples.values) + (21 if cut else 0)
        assert again.samples.seconds > state.seconds * 20 / 42 > 0


def test_samples_of_other_coalitions_are_not_taken_for_these() -> None:
    value = Counted(12)
    whole = finished(sample(value, 100, 0, 0))
    value.asked = 0
    other = finished(sample(value, 100, 0, 1, stored=whole.samples))
    assert value.asked > 70  # those of size 1 are the same
    np.testing.assert_array_equal(other.found[0].values, finished(sample(value, 100, 0, 1)).found[0].values)
    with pytest.raises(DataError, match="no samples"):
        Samples.of_arrays({"masks": np.ones((3, 4)), "values": np.ones(3)})


class Counted:
    """A game that counts what it is asked."""

    passes, batch = 1, 8

    def __init__(self, players: int) -> None:
        self.players, self.value, self.asked = players, game(players), 0

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        self.asked += len(masks)
        return self.value(masks.astype(float))[:, None]


def test_it_stops_by_itself_when_the_errors_are_small() -> None:
    value = Counted(20)
    told = list(sample(value, 4000, 0.02, 0))
    assert value.asked == len(told[-1].samples.values) + 2 < 3000
    assert told[-1].found[0].errors.max() < 0.02 * np.abs(told[-1].found[0].values).max()
    assert all(not each.found[0].errors.max() < 0.02 * np.abs(each.found[0].values).max() for each in told[:-1])
    worst = [each.found[0].errors.max() for each in told if np.isfinite(each.found[0].errors.max())]
    assert len(set(worst)) > 1
    assert worst[-1] < worst[0] / 2
    for each in told:
        assert each.found[0].values.sum() == pytest.approx(value.value(np.ones((1, 20)))[0] - 3.0)


@pytest.mark.parametrize("frames", [1, 3])
def test_a_model_of_which_only_scores_are_had_gets_the_same_game(detector: FrameDetector, frames: int) -> None:
    crops, labels = clip(frames)
    masks = np.random.default_rng(1).random((5, 6)) < 0.5

    def score(clips: np.ndarray) -> np.ndarray:
        flat = detector.score_crops(clips.reshape(-1, 96, 96, 3))
        return flat.reshape(len(clips), frames).mean(1, dtype=np.float64, keepdims=True)

    near, far = FrameGame(detector, crops, labels), ClipGame(score, crops, labels, batch=2)
    assert (near.players, near.passes) == (far.players, far.passes) == (6, frames)
    np.testing.assert_allclose(near(masks), far(masks), atol=1e-5)


def test_its_map_sums_up_and_tells_how_far_it_is(detector: FrameDetector) -> None:
    shown: list[Progress] = []
    explainer = KernelShap(KernelShapSettings(samples=60, segments=12))
    blocks = np.random.default_rng(6).integers(0, 255, (2, 6, 6, 3))
    crops = np.kron(blocks, np.ones((1, 16, 16, 1))).astype(np.uint8)
    steps = explainer.steps(detector, crops, Watch(report=shown.append))
    maps = finished(steps)
    assert maps.values.shape == (2, 96, 96)
    np.testing.assert_allclose(maps.logits, detector.score_crops(crops), atol=1e-4)
    for crop, values, logit in zip(crops, maps.values, maps.logits, strict=True):
        labels = frame_superpixels(crop[None], 12)[0]
        nobody = detector.score_crops(np.broadcast_to(mean_colour(crop[None]), (1, 96, 96, 3)).copy())[0]
        assert labels.max() > 4
        per_label = [values[labels == label][0] for label in range(labels.max() + 1)]
        assert sum(per_label) == pytest.approx(logit - nobody, abs=1e-3)
    assert shown[-1].done == shown[-1].total <= 2 * 60, "it counts over both games"
    assert [each.done for each in shown] == sorted(each.done for each in shown)
    assert maps.errors is not None
    assert maps.errors.shape == maps.values.shape
    assert maps.passes.tolist() == [62, 62]


def moving(frames: int = 3) -> np.ndarray:
    """Large plain squares that stay, with a little noise."""
    rng = np.random.default_rng(7)
    squares = np.kron(rng.integers(0, 255, (1, 3, 3, 3)), np.ones((1, 32, 32, 1)))
    return (squares + rng.normal(0, 2, (frames, 96, 96, 3))).clip(0, 255).astype(np.uint8)


def test_volumes_have_one_value_for_the_clip_or_one_per_frame(detector: FrameDetector) -> None:
    crops, few = moving(), {"samples": 30, "segments": 9, "segmentation": "3d"}
    labels = volumes(crops, 9)
    logits = detector.score_crops(crops).astype(np.float64)
    grey = np.broadcast_to(mean_colour(crops), (1, 96, 96, 3)).copy()
    video = KernelShap(KernelShapSettings(**few, scope="video")).explain(detector, crops)
    firsts = [np.flatnonzero(labels == label)[0] for label in range(labels.max() + 1)]
    told = video.values.ravel()[firsts]
    np.testing.assert_array_equal(video.values, told[labels])
    np.testing.assert_allclose(video.logits, logits.mean(), atol=1e-4)
    assert told.sum() == pytest.approx(logits.mean() - detector.score_crops(grey)[0], abs=1e-3)
    assert video.passes.sum() == 3 * 32
    frame = KernelShap(KernelShapSettings(**few, scope="frame")).explain(detector, crops)
    alone = KernelShap(KernelShapSettings(samples=30)).estimates(FrameGame(detector, crops[1:2], labels[1:2]))
    np.testing.assert_allclose(frame.values[1], finished(alone).found[0].values[labels[1]], atol=1e-5)
    np.testing.assert_allclose(frame.logits, logits, atol=1e-4)
    assert frame.volumes is not None
    np.testing.assert_array_equal(frame.volumes, labels)
    assert video.volumes is None
    seen, mean, variance = volume_moments(frame.values, frame.volumes)
    assert seen.tolist() == [3] * len(firsts)
    per_frame = frame.values.reshape(3, -1)[:, [index % 96**2 for index in firsts]]
    np.testing.assert_allclose(mean, per_frame.mean(0), atol=1e-6)
    np.testing.assert_allclose(variance, per_frame.var(0), atol=1e-6)


def test_superpixels_of_single_frames_have_no_value_for_the_clip() -> None:
    with pytest.raises(UsageError, match="no value"):
        KernelShap(KernelShapSettings(scope="video"))


def test_it_is_cancelled_between_batches(detector: FrameDetector) -> None:
    token = CancelToken()
    steps = KernelShap().estimates(FrameGame(detector, *clip()), Watch(token))
    next(steps)
    token.cancel()
    with pytest.raises(CancelledError):
        next(steps)


def test_the_registry_has_it_for_every_frame_detector() -> None:
    for detector_id in ("frame-mobile", "frame-b4"):
        assert isinstance(load_explainer("kernel-shap", detector_id), KernelShap)


# Superpixels


def test_volumes_last_through_a_still_clip_and_frames_have_their_own() -> None:
    rng = np.random.default_rng(0)
    still = np.repeat(np.kron(rng.integers(0, 255, (1, 8, 8, 3)), np.ones((1, 12, 12, 1))), 6, 0).astype(np.uint8)
    labels = volumes(still, 30)
    assert labels.shape == (6, 96, 96)
    np.testing.assert_array_equal(np.unique(labels), np.arange(labels.max() + 1))
    alive = [len({f for f in range(6) if (labels[f] == label).any()}) for label in range(labels.max() + 1)]
    assert np.median(alive) == 6
    np.testing.assert_array_equal(frame_superpixels(still, 30)[3], volumes(still[3:4], 30)[0])


def test_a_wider_spacing_makes_shorter_volumes() -> None:
    rng = np.random.default_rng(0)
    clip = np.kron(rng.integers(0, 255, (1, 6, 6, 3)), np.ones((1, 8, 8, 1)))
    clip = (clip + rng.normal(0, 20, (40, 48, 48, 3))).clip(0, 255).astype(np.uint8)

    def lives(spacing: float) -> float:
        labels = volumes(clip, 40, spacing)
        return np.median([(labels == label).any((1, 2)).sum() for label in range(labels.max() + 1)])

    assert lives(0.25) == 40
    assert lives(2.0) < 30


def test_muting_paints_the_mean_colour_of_the_clip() -> None:
    crops = np.zeros((2, 2, 2, 3), np.uint8)
    crops[1] = (40, 80, 201)
    labels = np.array([[[0, 1], [0, 1]]] * 2)
    (painted,) = muted(crops, labels, np.array([[True, False]]))
    assert painted[1, 0].tolist() == [[40, 80, 201], [20, 40, 100]]
    assert painted[0, 0].tolist() == [[0, 0, 0], [20, 40, 100]]


def test_moments_are_over_the_frames_in_which_a_volume_is_seen() -> None:
    values = np.array([[[2.0, 2.0, 9.0]], [[5.0, 9.0, 9.0]], [[9.0, 9.0, 6.0]]], np.float32)
    frames, mean, variance = volume_moments(values, np.array([[[0, 0, 1]], [[0, 1, 1]], [[1, 1, 3]]]))
    assert frames.tolist() == [2, 3, 0, 1]
    assert mean.tolist() == [3.5, 9, 0, 6]
    assert variance.tolist() == [2.25, 0, 0, 0]


def test_moments_over_a_volume() -> None:
    values = np.array([[[1.0, 5.0]], [[3.0, 5.0]]], np.float32)
    _, mean, variance = volume_moments(values, np.array([[[0, 1]], [[0, 1]]]))
    assert mean.tolist() == [2, 5]
    assert variance.tolist() == [1, 0]
