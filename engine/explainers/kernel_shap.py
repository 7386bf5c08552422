"""Kernel SHAP on superpixels (Lundberg and Lee 2017, as used in P002), of the logit of fake.

The players are superpixels, the value of a coalition is the logit of the crop whose other superpixels have the
mean colour; for a clip it is the mean over its frames. Positive values support fake. They sum to the logit of the
crop minus that of the muted one. Always in float32.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.detectors.base import Detector
from engine.explainers.attribution import Attribution, attribute
from engine.explainers.base import UNWATCHED, Explainer, Maps, Watch
from engine.explainers.coalitions import Doubles, choose_coalitions
from engine.explainers.settings import ExplainerSettings, real, whole
from engine.explainers.superpixels import COMPACTNESS, NUMBER, frame_superpixels, muted
from engine.progress import ProgressMeter
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


@dataclass(frozen=True)
class KernelShapSettings(ExplainerSettings):
    """What of it can be set."""

    samples: int = whole(SAMPLES, 2, 1_000_000, "coalitions per frame at most")
    tolerance: float = real(
        TOLERANCE,
        0,
        1,
        "share of the largest value below which all standard errors must fall to end early; 0: never",
    )
    superpixels: int = whole(NUMBER, 2, 2000, "superpixels per frame, about")
    seed: int = whole(0, 0, 2**31 - 1, "of the coalitions that are drawn")


class KernelShap(Explainer):
    """See the module. One map per frame, on that frame's own superpixels."""

    id = "kernel-shap"
    signed = True
    slow = True
    precision = "float32"
    settings_type = KernelShapSettings

    def __init__(self, chosen: KernelShapSettings | None = None) -> None:
        self._chosen = chosen or KernelShapSettings()
        super().__init__(self._chosen)

    @property
    def settings(self) -> Mapping[str, object]:
        return {**super().settings, "compactness": COMPACTNESS, "muted": "mean colour of the crop"}

    def steps(self, detector: Detector, crops: Picture, watch: Watch = UNWATCHED) -> Generator[None, None, Maps]:
        values, logits, passes = [], [], []
        for crop in crops:
            watch.check()
            labels = frame_superpixels(crop[None], self._chosen.superpixels)
            run = yield from self.clip_steps(detector, crop[None], labels, watch)
            values.append(run.found.values[labels[0]])
            logits.append(run.logit)
            passes.append(run.passes)
        return Maps(
            frozen(np.array(values, np.float32)),
            frozen(np.array(logits, np.float32)),
            frozen(np.array(passes, np.int64)),
        )

    def clip_steps(
        self,
        detector: Detector,
        crops: Picture,
        labels: IntArray,
        watch: Watch = UNWATCHED,
        *,
        stored: Doubles | None = None,
    ) -> Generator[None, None, ClipAttribution]:
        """One value per label of a clip (F, S, S, 3), a step per batch of the detector.

        Raises:
            DeviceError: not even one crop fits into memory.
            CancelledError: cancelled between two batches.
        """
        players = int(labels.max()) + 1
        coalitions = choose_coalitions(players, self._chosen.samples, self._chosen.seed)

        def score(masks: np.ndarray) -> Doubles:
            clips = np.concatenate(list(muted(crops, labels, masks)))
            parts = detector.in_batches(clips, detector.exact_logits, cancel=watch.cancel, notify=watch.notify)
            scores: Doubles = np.concatenate(list(parts)).astype(np.float64).reshape(len(masks), -1).mean(1)
            return scores

        everybody, nobody = score(np.repeat([[True], [False]], players, axis=1))
        samples = np.zeros(0) if stored is None else stored[: len(coalitions.masks)]
        meter = ProgressMeter("Explaining", len(coalitions.masks), "samples", watch.report)
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
        return bool(found.errors.max() < self._chosen.tolerance * np.abs(found.values).max())


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
