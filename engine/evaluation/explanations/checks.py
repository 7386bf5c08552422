"""The measures that cost forward passes, on a few crops of one face."""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from engine.detectors.base import Detector
from engine.detectors.frame import FrameDetector
from engine.evaluation.explanations.faithfulness import (
    Curves,
    block_ranks,
    curves,
    mean_curve,
    pixel_ranks,
    probability,
    superpixels,
)
from engine.evaluation.explanations.maps import enlarged
from engine.evaluation.explanations.measures import mean
from engine.evaluation.explanations.pairs import rank_correlation
from engine.evaluation.explanations.record import KINDS, Faithfulness
from engine.evaluation.explanations.sanity import (
    SHARES,
    depths,
    layers_from_output,
    noisy,
    randomised,
    relative_change,
)
from engine.explainers.base import Explainer, Watch
from engine.progress import CancelToken
from engine.results import FloatArray, IntArray, Picture

DRAWS = 2
"""Of noise, per crop."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Change of maps and logits under small noise: mean over crops and draws, and the largest."""

    mean: float
    largest: float
    logit: float


class Checks:
    """Runs them under one detector, which is left as it is.

    Args:
        detector: whose scores are explained.
        seed: of ties, random orders, noise and random parameters.
        cancel: asked between crops and batches.
    """

    def __init__(self, detector: Detector, seed: int, cancel: CancelToken) -> None:
        self._detector, self._seed, self._cancel = detector, seed, cancel
        self._watch = Watch(cancel)
        self._random: list[FrameDetector] | None = None

    def blocks(self, crops: Picture) -> list[IntArray]:
        """The superpixels of each crop, the same for all explainers."""
        found = []
        for crop in crops:
            self._cancel.check()
            found.append(superpixels(crop))
        return found

    def faithfulness(
        self, crops: Picture, values: FloatArray, blocks: list[IntArray]
    ) -> Mapping[str, Faithfulness]:
        """Deletion and insertion in the order of maps (F, h, w), by KINDS."""
        rng = np.random.default_rng(self._seed)
        found: dict[str, list[Curves]] = {kind: [] for kind in KINDS}
        for crop, each, parts in zip(crops, values, blocks, strict=True):
            shown = enlarged(each, crop.shape[0])
            for kind in KINDS:
                ranks = pixel_ranks(shown, rng) if kind == "pixels" else block_ranks(shown, parts, rng)
                found[kind].append(curves(self._score, crop, ranks))
        return {kind: _averaged(kept) for kind, kept in found.items()}

    def by_chance(self, crops: Picture, blocks: list[IntArray]) -> Mapping[str, Faithfulness]:
        """The same in a random order: maps without any differences."""
        return self.faithfulness(crops, np.zeros((len(crops), 1, 1), np.float32), blocks)

    def noise(self, explainer: Explainer, crops: Picture, values: FloatArray, logits: FloatArray) -> Noise:
        """How far maps (F, h, w) of these crops move under noise that nobody sees."""
        rng = np.random.default_rng(self._seed)
        changes, moved = [], []
        for _ in range(DRAWS):
            other = explainer.explain(self._detector, noisy(crops, rng), self._watch)
            changes += [relative_change(a, b) for a, b in zip(values, other.values, strict=True)]
            moved.append(float(np.abs(other.logits - logits).mean()))
        known = [change for change in changes if math.isfinite(change)]
        return Noise(mean(known), max(known, default=math.nan), mean(moved))

    def randomised(self, explainer: Explainer, crops: Picture, values: FloatArray) -> tuple[float, ...]:
        """Mean rank correlation of maps with those of networks whose last SHARES of the layers are random.

        nan for a foreign model, whose layers cannot be had.
        """
        if not isinstance(self._detector, FrameDetector):
            return (math.nan,) * len(SHARES)
        found = []
        for other in self._randomised(self._detector):
            maps = explainer.explain(other, crops, self._watch).values
            found.append(mean([rank_correlation(a, b) for a, b in zip(values, maps, strict=True)]))
        return tuple(found)

    def untaught(self, explainer: Explainer, crops: Picture, values: FloatArray, draws: int) -> float:
        """Mean |rank correlation| of maps with those of `draws` networks without a parameter that was learnt.

        nan for a foreign model, and where maps are constant.
        """
        if not isinstance(self._detector, FrameDetector):
            return math.nan
        found = []
        for draw in range(draws):
            self._cancel.check()
            other = self._random_detector(self._detector, 1.0, self._seed + draw)
            maps = explainer.explain(other, crops, self._watch).values
            found += [abs(rank_correlation(a, b)) for a, b in zip(values, maps, strict=True)]
        return mean(found)

    def _score(self, crops: Picture) -> FloatArray:
        return self._detector.score_crops(crops, cancel=self._cancel)

    def _randomised(self, detector: FrameDetector) -> list[FrameDetector]:
        """Copies of the detector, made when they are first needed."""
        if self._random is None:
            self._random = [self._random_detector(detector, share, self._seed) for share in SHARES]
        return self._random

    def _random_detector(self, detector: FrameDetector, share: float, seed: int) -> FrameDetector:
        """A copy of the detector whose last layers, a share of them all, are random."""
        self._cancel.check()
        size = detector.crop_spec.size
        inputs: torch.Tensor = detector.prepare(np.zeros((1, size, size, 3), np.uint8))
        (number,) = depths(len(layers_from_output(detector.network, inputs)), (share,))
        other = copy.copy(detector)
        other.network = randomised(detector.network, number, inputs, seed)
        # Nothing that is kept under the weights' hash may be taken for one of these.
        other.weights_sha256 = f"{detector.weights_sha256}, {number} layers random ({seed})"
        return other


def rank_agreement(one: FloatArray, other: FloatArray, size: int, cancel: CancelToken) -> float:
    """Mean rank correlation of two explainers' maps (F, h, w) of the same frames, at `size` pixels a side."""
    found = []
    for a, b in zip(one, other, strict=True):
        cancel.check()
        found.append(rank_correlation(enlarged(a, size), enlarged(b, size)))
    return mean(found)


def _averaged(found: list[Curves]) -> Faithfulness:
    shares = [each.share for each in found]
    return Faithfulness(
        tuple(mean_curve(shares, [probability(each.deletion) for each in found]).tolist()),
        tuple(mean_curve(shares, [probability(each.insertion) for each in found]).tolist()),
        mean([each.deletion_area for each in found]),
        mean([each.insertion_area for each in found]),
        mean([each.logit_gain for each in found]),
    )
