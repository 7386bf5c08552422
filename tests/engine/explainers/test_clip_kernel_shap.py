"""Kernel SHAP of clips against Shapley values by brute force and the shap package, span by span in float64."""

from collections.abc import Sequence
from itertools import permutations
from typing import Never

import numpy as np
import pytest
import shap
import torch
from random_weights import card_values, noise_crops, random_snippets
from test_samples import IDENTITY

from engine.detectors.base import Clip, ClipDetector, ClipScores
from engine.detectors.cards import parse_card
from engine.detectors.snippets import SnippetDetector
from engine.detectors.specs import SPECS
from engine.errors import CancelledError
from engine.explainers import clip_kernel_shap, kernel_shap
from engine.explainers.attribution import solve
from engine.explainers.base import ClipMaps, Watch, finished
from engine.explainers.clip_kernel_shap import ClipKernelShap, ClipKernelShapSettings
from engine.explainers.games import span_game
from engine.explainers.registry import explainer_settings, load_explainer
from engine.explainers.samples import Growth
from engine.progress import CancelToken, Progress
from engine.results import CropSpec, Picture, Provenance
from engine.runtime.growing import KeptSamples
from engine.runtime.shelf import Shelf
from engine.runtime.store import MemoryStore

SPANS, T, SIDE = 3, 2, 12
FRAMES = SPANS * T


class Tiny(ClipDetector):
    """Three snippets of two frames; each logit bends what it sees of its own frames with what the others see.

    Attributes:
        passes: how often it was asked.
        cancelling: a token that is cancelled during the pass of this number.
    """

    id, device, batch, precision = "snippet-compact", "cpu", 1, "float32"
    weights_sha256, trustworthy, trust_reason = "0" * 64, True, ""
    crop_spec, length = CropSpec(SIDE), FRAMES

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self._weights = rng.normal(size=(SPANS, T, SIDE, SIDE, 3)) / 40
        self.passes, self.cancelling = 0, (CancelToken(), -1)

    def plan(self, *_: object) -> Sequence[Clip]:
        raise NotImplementedError

    def score_clip(self, clip: Clip, crops: Picture) -> ClipScores:
        self.passes += 1
        if self.passes == self.cancelling[1]:
            self.cancelling[0].cancel()
        return ClipScores(self.logits(crops)[: len(clip.spans)])

    def logits(self, crops: Picture) -> np.ndarray:
        """(K,) float64."""
        seen = (self._weights * (crops.reshape(SPANS, T, SIDE, SIDE, 3) / 255.0 - 0.5)).sum((1, 2, 3, 4))
        found: np.ndarray = 3 * np.tanh(2 * seen) + 4 * seen * np.roll(seen, 1) - seen.prod()
        return found

    def in_batches(self, *_: object, **__: object) -> Never:
        raise NotImplementedError

    def provenance(self, **settings: object) -> Provenance:
        return Provenance(self.id, self.weights_sha256, settings, "CPU", "float32", {})


CLIP = Clip(np.arange(40, 40 + FRAMES), np.array([[40, 41], [42, 43], [44, 45]]))


def crops_of(seed: int = 0) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (FRAMES, SIDE, SIDE, 3)).astype(np.uint8)


def regions(number: int) -> np.ndarray:
    """(F, S, S) labels: stripes through all frames; the last region is not seen in the first two."""
    labels = np.broadcast_to(np.arange(SIDE) * (number - 1) // SIDE, (FRAMES, SIDE, SIDE)).copy()
    labels[2:, : SIDE // 3] = number - 1
    return labels


@pytest.fixture
def detector() -> Tiny:
    return Tiny()


def explainer_on(labels: np.ndarray, monkeypatch: pytest.MonkeyPatch, **settings: object) -> ClipKernelShap:
    """Whose volumes are these."""
    monkeypatch.setattr(clip_kernel_shap, "volumes", lambda *_: labels)
    return ClipKernelShap(ClipKernelShapSettings(**settings))  # type: ignore[arg-type]


def muted_by_hand(crops: Picture, labels: np.ndarray, present: Sequence[float]) -> Picture:
    painted = crops.copy()
    mean = [round(float(crops[..., channel].mean())) for channel in range(3)]
    for place in np.ndindex(labels.shape):
        if not present[labels[place]]:
            painted[place] = mean
    return painted


def values_of(detector: Tiny, crops: Picture, labels: np.ndarray) -> dict[tuple[int, ...], np.ndarray]:
    """The logits (K,) of every coalition."""
    every = np.ndindex(*[2] * (int(labels.max()) + 1))
    return {present: detector.logits(muted_by_hand(crops, labels, present)) for present in every}


def shapley(known: dict[tuple[int, ...], np.ndarray]) -> np.ndarray:
    """(M, K): the mean, over all orders in which players come, of what each brings."""
    players = len(next(iter(known)))
    found, count = 0.0, 0
    for order in permutations(range(players)):
        present, brought = [0] * players, np.zeros((players, SPANS))
        for player in order:
            before = known[tuple(present)]
            present[player] = 1
            brought[player] = known[tuple(present)] - before
        found, count = found + brought, count + 1
    return np.asarray(found / count)


def test_every_span_has_its_shapley_values_from_the_same_passes(
    detector: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops, labels = crops_of(), regions(6)
    maps = explainer_on(labels, monkeypatch, samples=62).explain(detector, CLIP, crops)
    assert maps.passes == detector.passes == 2**6, "not once for each span"
    expected = shapley(values_of(detector, crops, labels))
    assert np.abs(expected - expected.mean(1, keepdims=True)).max() > 0.1, "spans differ"
    for row in range(FRAMES):
        np.testing.assert_allclose(maps.values[row], expected[:, row // T][labels[row]], atol=1e-5)
    np.testing.assert_allclose(maps.logits, detector.logits(crops), atol=1e-6)
    assert maps.errors is not None
    assert not maps.errors.any(), "nothing was drawn"


def test_with_the_coalitions_of_shap_it_gives_the_values_of_shap(
    detector: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops, labels = crops_of(1), regions(8)
    game = span_game(detector, CLIP, crops, labels)

    def value(masks: np.ndarray) -> np.ndarray:
        return game(masks > 0.5)

    def theirs(budget: int) -> tuple[shap.KernelExplainer, np.ndarray]:
        np.random.seed(4)  # noqa: NPY002 - shap draws from it
        explainer = shap.KernelExplainer(value, np.zeros((1, 8)))
        return explainer, explainer.shap_values(np.ones((1, 8)), nsamples=budget, l1_reg=False, silent=True)[0]

    _, whole = theirs(254)
    maps = explainer_on(labels, monkeypatch, samples=254).explain(detector, CLIP, crops)
    for row in range(FRAMES):
        np.testing.assert_allclose(maps.values[row], whole[:, row // T][labels[row]], atol=1e-4)
    explainer, part = theirs(120)
    masks = explainer.maskMatrix[: explainer.nsamplesAdded].astype(bool)
    assert len(masks) < 254
    nobody, everybody = game(np.repeat([[False], [True]], 8, axis=1))
    for span, asked in enumerate(game(masks).T):
        weights = explainer.kernelWeights[: explainer.nsamplesAdded]
        found = solve(masks, weights, asked, nobody[span], everybody[span])
        np.testing.assert_allclose(found, part[:, span], atol=1e-4)


def test_the_values_of_each_span_sum_to_its_gain_at_every_moment(detector: Tiny) -> None:
    crops, labels = crops_of(2), regions(9)
    grey = np.broadcast_to(crops.reshape(-1, 3).mean(0).round().astype(np.uint8), crops.shape)
    gains = detector.logits(crops) - detector.logits(grey)
    told = list(
        ClipKernelShap(ClipKernelShapSettings(samples=200, tolerance=0)).estimates(
            span_game(detector, CLIP, crops, labels)
        )
    )
    for estimate in (told[0], told[40], told[150], told[-1]):
        for found in (estimate.found, estimate.look()):
            sums = np.array([each.values.sum() for each in found])
            exact = estimate.samples.everybody.astype(np.float64) - estimate.samples.nobody
            np.testing.assert_allclose(sums, exact, rtol=0, atol=1e-12)
            np.testing.assert_allclose(sums, gains, atol=1e-6)


def test_spans_of_part_of_a_clip_are_those_of_their_frames(
    detector: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of a stretch a clip tells of its last frames alone; here of its first, as `Tiny` scores them."""
    crops, labels = crops_of(), regions(5)
    begin = Clip(CLIP.frames, np.array([[40, 41], [42, 43]]))
    explainer = explainer_on(labels, monkeypatch, samples=30)
    whole, part = (explainer.explain(detector, clip, crops) for clip in (CLIP, begin))
    np.testing.assert_array_equal(part.values[: 2 * T], whole.values[: 2 * T])
    np.testing.assert_array_equal(part.logits, whole.logits[:2])
    to_and_fro = Clip(np.array([7, 8, 9, 8]), np.array([[7, 9]]))
    assert to_and_fro.span_rows.tolist() == [0, 0, 0, 0]
    end = Clip(np.arange(10, 18), np.array([[13, 13], [14, 17]]))
    assert end.span_rows.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


# Watched


def kept(store: MemoryStore, explainer: ClipKernelShap) -> KeptSamples:
    made_by = Provenance("kernel-shap", "cd" * 32, explainer.settings, "cpu", "float32", {})
    shelf = Shelf(store, store.put_video(IDENTITY), 8)
    return KeptSamples(shelf, made_by, explainer, CLIP.frames.tolist())


def same(one: ClipMaps, other: ClipMaps) -> None:
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.errors, other.errors)
    np.testing.assert_array_equal(one.logits, other.logits)
    assert one.passes == other.passes


@pytest.mark.parametrize("at", [1, 2, 3, 77])
def test_a_cancel_acts_after_the_pass_it_comes_in_and_the_rest_gives_the_same_numbers(
    detector: Tiny, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    crops, store, token = crops_of(), MemoryStore(), CancelToken()
    explainer = explainer_on(regions(9), monkeypatch, samples=120, tolerance=0)
    alone = explainer.explain(detector, CLIP, crops)
    detector.passes, detector.cancelling = 0, (token, at)
    with pytest.raises(CancelledError):
        explainer.explain(detector, CLIP, crops, Watch(token, memory=kept(store, explainer)))
    assert detector.passes == at
    again = explainer.explain(detector, CLIP, crops, Watch(memory=kept(store, explainer)))
    asked_twice = detector.passes - alone.passes
    assert asked_twice == (at if at <= 2 else 0), "but for the two ends, every pass counts"
    same(again, alone)
    assert again.seconds is not None
    assert again.seconds > 0


def test_a_cancel_acts_between_two_spans_of_a_look(detector: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    token = CancelToken()
    steps = ClipKernelShap(ClipKernelShapSettings(samples=120)).estimates(
        span_game(detector, CLIP, crops_of(), regions(9)), Watch(token)
    )
    estimate = next(steps)
    token.cancel()
    with pytest.raises(CancelledError):
        estimate.look()


def test_it_grows_frame_by_frame_of_its_span_and_tells_how_far_it_is(
    detector: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_shap, "TELL_SECONDS", 0)
    monkeypatch.setattr(kernel_shap, "TELL_SHARE", 0)
    told: list[Growth] = []
    shown: list[Progress] = []
    labels = regions(9)
    explainer = explainer_on(labels, monkeypatch, samples=100, tolerance=0)
    maps = explainer.explain(detector, CLIP, crops_of(), Watch(report=shown.append, grow=told.append))
    assert [growth.samples for growth in told] == [*range(1, 101), 100]
    assert {growth.rows for growth in told} == {range(FRAMES)}
    np.testing.assert_array_equal(told[-1].values, maps.values)
    for growth in told:
        np.testing.assert_array_equal(growth.logits, np.repeat(maps.logits, T))
        assert growth.passes.sum() == growth.samples * FRAMES + 2 * FRAMES
    assert shown[-1].done == shown[-1].total == 100


def test_clips_of_the_same_pixels_with_other_spans_share_no_samples(
    detector: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    explainer = explainer_on(regions(5), monkeypatch, samples=30)
    one = Clip(CLIP.frames, CLIP.spans[:1])
    explainer.explain(detector, one, crops_of(), Watch(memory=kept(store, explainer)))
    explainer.explain(detector, CLIP, crops_of(), Watch(memory=kept(store, explainer)))
    assert detector.passes == 64
    explainer.explain(detector, CLIP, crops_of(), Watch(memory=kept(store, explainer)))
    assert detector.passes == 64


# With a network of snippets


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_of_snippets_it_explains_the_scores_in_float32(precision: str) -> None:
    network = random_snippets("snippet-compact", 64)
    card = parse_card(card_values("snippet-compact", network) | {"sha256": "0" * 64})
    detector = SnippetDetector("snippet-compact", network, card, torch.device("cpu"), precision)
    clip = Clip(np.arange(8), np.array([[0, 3], [4, 7]]))
    plain = np.random.default_rng(2).integers(0, 255, (1, 4, 4, 3))
    crops = np.repeat(np.kron(plain, np.ones((1, 16, 16, 1))), 8, 0).astype(np.uint8)
    crops[4:] = noise_crops(4, 64) // 8 + crops[4:] // 8 * 7
    explainer = ClipKernelShap(ClipKernelShapSettings(samples=12, segments=6))
    maps = explainer.explain(detector, clip, crops)
    grey = np.broadcast_to(crops.reshape(-1, 3).mean(0).round().astype(np.uint8), crops.shape)
    exact = detector.in_float32()
    full, nothing = (exact.score_clip(clip, each).logits for each in (crops, grey))
    np.testing.assert_array_equal(maps.logits, full)
    assert detector.precision == precision
    assert (detector.score_clip(clip, crops).logits == full).all() == (precision == "float32")
    labels = clip_kernel_shap.volumes(crops, 6)
    for span in range(2):
        inside = labels[span * 4 : span * 4 + 4]
        values = maps.values[span * 4 : span * 4 + 4]
        of_label = {label: np.unique(values[inside == label]) for label in np.unique(labels)}
        assert all(len(each) == 1 for each in of_label.values()), "plain squares last through the clip"
        total = sum(float(each[0]) for each in of_label.values())
        assert total == pytest.approx(float(full[span]) - float(nothing[span]), abs=1e-5)


@pytest.mark.parametrize("detector_id", [spec.id for spec in SPECS.values() if spec.judges_clips])
def test_the_registry_has_it_for_every_detector_of_clips(detector_id: str) -> None:
    assert "kernel-shap" in SPECS[detector_id].explainers
    explainer = load_explainer("kernel-shap", detector_id, {"samples": "500"})
    assert isinstance(explainer, ClipKernelShap)
    assert explainer.settings["samples"] == 500
    assert "span" in explainer.title
    names = [each.name for each in explainer_settings("kernel-shap", detector_id)]
    assert names == ["samples", "tolerance", "segments", "seed", "spacing"]


def test_it_can_be_closed_at_any_step(detector: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    explainer = explainer_on(regions(9), monkeypatch, samples=60)
    steps = explainer.steps(detector, CLIP, crops_of(), Watch(memory=kept(store, explainer)))
    for _ in range(12):
        next(steps)
    steps.close()
    before = detector.passes
    maps = finished(explainer.steps(detector, CLIP, crops_of(), Watch(memory=kept(store, explainer))))
    assert detector.passes == maps.passes
    assert before == 13, "two ends, and a pass for each of the steps behind the first"
