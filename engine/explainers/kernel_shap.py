"""Kernel SHAP on superpixels (Lundberg and Lee 2017, as used in P002), of the logit of fake.

The players are superpixels of a frame (2D), or volumes through a clip (3D); the value of a coalition is the logit
of the crops whose other superpixels have the mean colour. On volumes there is a game of each frame (scope frame)
or one of the whole clip, whose value is the mean over frames (scope video). Positive values support fake. They sum
to the logit of the crops minus that of the muted ones. Always in float32.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.detectors.base import Detector
from engine.errors import UsageError
from engine.explainers.base import UNWATCHED, Explainer, Maps, Watch
from engine.explainers.coalitions import Doubles
from engine.explainers.games import game_of
from engine.explainers.sampling import Estimate, Samples, sample
from engine.explainers.settings import ExplainerSettings, choice, real, whole
from engine.explainers.superpixels import COMPACTNESS, FRAME_SPACING, NUMBER, frame_superpixels, volumes
from engine.progress import part_of
from engine.results import FloatArray, IntArray, Picture, frozen

SAMPLES = 2000
TOLERANCE = 0.02
"""Share of the largest value below which all standard errors must fall for an early end."""


@dataclass(frozen=True)
class KernelShapSettings(ExplainerSettings):
    """What of it can be set."""

    samples: int = whole(SAMPLES, 2, 1_000_000, "coalitions per game at most")
    tolerance: float = real(
        TOLERANCE,
        0,
        1,
        "share of the largest value below which all standard errors must fall to end early; 0: never",
    )
    segments: int = whole(NUMBER, 2, 2000, "superpixels per frame, or volumes of a clip, about")
    segmentation: str = choice("2d", ("2d", "3d"), "superpixels of each frame, or volumes through all frames")
    scope: str = choice("frame", ("frame", "video"), "a game per frame, or one of the clip (with 3d alone)")
    spacing: float = real(FRAME_SPACING, 0.001, 100, "3d: pixels between two frames, as the segmentation sees it")
    seed: int = whole(0, 0, 2**31 - 1, "of the coalitions that are drawn")


class KernelShap(Explainer):
    """See the module."""

    id = "kernel-shap"
    signed = True
    slow = True
    precision = "float32"
    settings_type = KernelShapSettings

    def __init__(self, chosen: KernelShapSettings | None = None) -> None:
        """Raises UsageError if one value for the clip is to stand for superpixels that hold for one frame."""
        self._chosen = chosen or KernelShapSettings()
        if (self._chosen.segmentation, self._chosen.scope) == ("2d", "video"):
            raise UsageError(
                "Superpixels of single frames have no value for the whole clip",
                advice="Set segmentation=3d with scope=video, or scope=frame",
            )
        super().__init__(self._chosen)

    @property
    def settings(self) -> Mapping[str, object]:
        return {**super().settings, "compactness": COMPACTNESS, "muted": "mean colour of the crop"}

    @property
    def together(self) -> bool:
        return self._chosen.segmentation == "3d"

    def steps(self, detector: Detector, crops: Picture, watch: Watch = UNWATCHED) -> Generator[None, None, Maps]:
        values, errors, logits, passes = [], [], [], []
        count = 1 if self._chosen.scope == "video" else len(crops)
        for number, (clip, labels) in enumerate(self._games(crops, watch)):
            own = replace(watch, report=part_of(watch.report, number, count))
            estimates = self.clip_steps(detector, clip, labels, own)
            made = yield from _silent(estimates)
            values.append(made.found.values[labels])
            errors.append(made.found.errors[labels])
            logits.append(np.full(len(clip), made.samples.everybody))
            passes.append(_shared(made.passes, len(clip)))
        return Maps(
            frozen(np.concatenate(values).astype(np.float32)),
            frozen(np.concatenate(logits).astype(np.float32)),
            frozen(np.concatenate(passes)),
            frozen(np.concatenate(errors).astype(np.float32)),
        )

    def _games(self, crops: Picture, watch: Watch) -> Iterator[tuple[Picture, IntArray]]:
        """The clips that are games of their own, each with its labels from 0 without gaps."""
        chosen = self._chosen
        watch.check()
        through = volumes(crops, chosen.segments, chosen.spacing) if chosen.segmentation == "3d" else None
        if through is not None and chosen.scope == "video":
            yield crops, through
            return
        for frame in range(len(crops)):
            watch.check()
            crop = crops[frame : frame + 1]
            if through is None:
                yield crop, frame_superpixels(crop, chosen.segments)
            else:
                here = np.unique(through[frame], return_inverse=True)[1]
                yield crop, here.reshape(1, *through.shape[1:]).astype(np.int64)

    def clip_steps(
        self,
        detector: Detector,
        crops: Picture,
        labels: IntArray,
        watch: Watch = UNWATCHED,
        *,
        stored: Samples | None = None,
    ) -> Generator[Estimate, None, Estimate]:
        """One game: a value per label of a clip (F, S, S, 3), with an estimate after each batch.

        Args:
            stored: what `Estimate.samples` was in an earlier run on the same crops; not computed again.

        Raises:
            DeviceError: not even one crop fits into memory.
            CancelledError: cancelled between two batches.
        """
        chosen = self._chosen
        game = game_of(detector, crops, labels, watch)
        return sample(game, chosen.samples, chosen.tolerance, chosen.seed, stored=stored, watch=watch)


def _silent(estimates: Generator[Estimate, None, Estimate]) -> Generator[None, None, Estimate]:
    """The same steps, of which only the last is told."""
    while True:
        try:
            next(estimates)
        except StopIteration as end:
            made: Estimate = end.value
            return made
        yield None


def _shared(passes: int, frames: int) -> IntArray:
    """(F,) passes of a clip, shared out to its frames as evenly as whole numbers allow."""
    found = np.full(frames, passes // frames, np.int64)
    found[: passes % frames] += 1
    return found


def volume_moments(values: FloatArray, labels: IntArray) -> tuple[Doubles, Doubles]:
    """Mean and population variance (M,) of frame-wise values (F, S, S) over the frames that show a volume."""
    number = int(labels.max()) + 1
    seen = np.zeros((len(labels), number))
    found = np.zeros((len(labels), number))
    for frame, (value, label) in enumerate(zip(values, labels, strict=True)):
        counts = np.bincount(label.ravel(), minlength=number)
        sums = np.bincount(label.ravel(), value.ravel().astype(np.float64), minlength=number)
        seen[frame] = counts > 0
        found[frame] = sums / np.maximum(counts, 1)
    frames = seen.sum(0)
    mean = found.sum(0) / frames
    return mean, ((found - mean) ** 2 * seen).sum(0) / frames
