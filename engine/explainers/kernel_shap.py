"""Kernel SHAP on superpixels (Lundberg and Lee 2017, as used in P002), of the logit of fake.

The players are superpixels, the value of a coalition is the logit of the crop whose other superpixels have the
mean colour; for a clip it is the mean over its frames. Positive values support fake. They sum to the logit of the
crop minus that of the muted one. Always in float32.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from engine.detectors.base import Notify
from engine.detectors.frame import FrameDetector
from engine.explainers.base import Explainer, Maps
from engine.explainers.coalitions import Attribution, Doubles, attribute, choose_coalitions
from engine.explainers.superpixels import COMPACTNESS, NUMBER, frame_superpixels, muted
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import FloatArray, IntArray, Picture, frozen

SAMPLES = 2000
TOLERANCE = 0.02
"""Share of the largest value below which all standard errors must fall for an early end."""
LOOK = 100
"""Samples between two looks at the standard errors."""


@dataclass(frozen=True, slots=True)
class ClipAttribution:
    """What one run gives, and all that is needed to go on with it.

    Attributes:
        found: a value and a standard error per superpixel.
        logit: of the whole clip.
        samples: (n,) values of the first n coalitions; given back as `stored`, they are not computed again.
        passes: crops that went through the network in this run.
    """

    found: Attribution
    logit: float
    samples: Doubles
    passes: int


class KernelShap(Explainer):
    """See the module. One map per frame, on that frame's own superpixels.

    Args:
        samples: coalitions per frame at most.
        tolerance: see TOLERANCE; 0 takes all samples.
        number: superpixels per frame, about.
        seed: of the coalitions that are drawn.
    """

    id = "kernel-shap"
    signed = True
    precision = "float32"

    def __init__(
        self, samples: int = SAMPLES, tolerance: float = TOLERANCE, number: int = NUMBER, seed: int = 0
    ) -> None:
        self._samples, self._tolerance, self._number, self._seed = samples, tolerance, number, seed

    @property
    def settings(self) -> Mapping[str, object]:
        return {
            "samples": self._samples,
            "tolerance": self._tolerance,
            "superpixels": self._number,
            "compactness": COMPACTNESS,
            "seed": self._seed,
            "muted": "mean colour of the crop",
        }

    def explain(
        self,
        detector: FrameDetector,
        crops: Picture,
        *,
        cancel: CancelToken | None = None,
        notify: Notify | None = None,
    ) -> Maps:
        steps = self.steps(detector, crops, cancel=cancel, notify=notify)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                maps: Maps = end.value
                return maps

    def steps(
        self,
        detector: FrameDetector,
        crops: Picture,
        *,
        cancel: CancelToken | None = None,
        notify: Notify | None = None,
        report: ProgressCallback | None = None,
    ) -> Generator[None, None, Maps]:
        values, logits, passes = [], [], 0
        for crop in crops:
            if cancel is not None:
                cancel.check()
            labels = frame_superpixels(crop[None], self._number)
            run = yield from self.clip_steps(
                detector, crop[None], labels, cancel=cancel, notify=notify, report=report
            )
            values.append(run.found.values[labels[0]])
            logits.append(run.logit)
            passes += run.passes
        return Maps(frozen(np.array(values, np.float32)), frozen(np.array(logits, np.float32)), passes)

    def clip_steps(
        self,
        detector: FrameDetector,
        crops: Picture,
        labels: IntArray,
        *,
        stored: Doubles | None = None,
        cancel: CancelToken | None = None,
        notify: Notify | None = None,
        report: ProgressCallback | None = None,
    ) -> Generator[None, None, ClipAttribution]:
        """One value per label of a clip (F, S, S, 3), a step per batch of the detector.

        Raises:
            DeviceError: not even one crop fits into memory.
            CancelledError: cancelled between two batches.
        """
        players = int(labels.max()) + 1
        coalitions = choose_coalitions(players, self._samples, self._seed)

        def score(masks: np.ndarray) -> Doubles:
            clips = np.concatenate(list(muted(crops, labels, masks)))
            parts = detector.in_batches(clips, partial(_logits, detector), cancel=cancel, notify=notify)
            scores: Doubles = np.concatenate(list(parts)).reshape(len(masks), -1).mean(1)
            return scores

        everybody, nobody = score(np.repeat([[True], [False]], players, axis=1))
        samples = np.zeros(0) if stored is None else stored[: len(coalitions.masks)]
        meter = ProgressMeter("Explaining", len(coalitions.masks), "samples", report)
        start = looked = len(samples)
        found = attribute(coalitions, samples, nobody, everybody)
        while len(samples) < len(coalitions.masks) and not self._settled(found):
            samples = np.append(samples, score(coalitions.masks[len(samples) :][: max(1, detector.batch)]))
            if len(samples) - looked >= LOOK or len(samples) == len(coalitions.masks):
                found, looked = attribute(coalitions, samples, nobody, everybody), len(samples)
            meter.update(len(samples), partial(_told, found))
            yield None
        return ClipAttribution(found, float(everybody), samples, (len(samples) - start + 2) * len(crops))

    def _settled(self, found: Attribution) -> bool:
        return bool(found.errors.max() < self._tolerance * np.abs(found.values).max())


@torch.inference_mode()
def _logits(detector: FrameDetector, crops: Picture) -> Doubles:
    with torch.autocast(detector.device, enabled=False):
        logits: Doubles = detector.network(detector.prepare(crops)).double().cpu().numpy()
    return logits


def _told(found: Attribution) -> str:
    worst = float(found.errors.max())
    return f"standard error up to {worst:.3f}" if np.isfinite(worst) else ""


def volume_moments(values: FloatArray, labels: IntArray) -> tuple[Doubles, Doubles]:
    """Mean and population variance (M,) of frame-wise values (F, S, S) over the pixels of each volume."""
    at = labels.ravel()
    counts = np.bincount(at)
    flat = values.ravel().astype(np.float64)
    mean = np.bincount(at, flat) / counts
    return mean, np.bincount(at, (flat - mean[at]) ** 2) / counts
