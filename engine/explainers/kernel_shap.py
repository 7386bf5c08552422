"""Kernel SHAP on superpixels (Lundberg and Lee 2017, as used in P002), of the logit of fake.

The players are superpixels of a frame (2D), or volumes through a clip (3D); the value of a coalition is the logit
of the crops whose other superpixels have the mean colour. On volumes there is a game of each frame (scope frame)
or one of the whole clip, whose value is the mean over frames (scope video). Positive values support fake. They sum
to the logit of the crops minus that of the muted ones. Always in float32. Of detectors that judge clips:
engine.explainers.clip_kernel_shap.
"""

import hashlib
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engine.detectors.base import Detector
from engine.errors import CancelledError, UsageError
from engine.explainers.attribution import Attribution
from engine.explainers.base import UNWATCHED, AnyExplainer, Explainer, Maps, Watch
from engine.explainers.coalitions import Doubles, whole_sizes
from engine.explainers.games import Game, game_of
from engine.explainers.samples import Growth, Samples
from engine.explainers.sampling import Estimate, sample
from engine.explainers.settings import ExplainerSettings, choice, real, whole
from engine.explainers.superpixels import COMPACTNESS, FRAME_SPACING, NUMBER, frame_superpixels, volumes
from engine.progress import part_of
from engine.results import FloatArray, IntArray, Picture, frozen

SAMPLES = 2000
TELL_SECONDS, TELL_SHARE = 0.5, 10
"""Between two tellings of a growing map pass at least so many seconds, and so many times what telling took."""
TOLERANCE = 0.02
"""Share of the largest value below which all standard errors must fall for an early end."""


@dataclass(frozen=True)
class SamplingSettings(ExplainerSettings):
    """What of it can be set whatever is muted."""

    samples: int = whole(SAMPLES, 2, 1_000_000, "coalitions per game at most")
    tolerance: float = real(
        TOLERANCE,
        0,
        1,
        "share of the largest value below which all standard errors must fall to end early; 0: never",
    )
    segments: int = whole(NUMBER, 2, 2000, "superpixels per frame, or volumes of a clip, about")
    seed: int = whole(0, 0, 2**31 - 1, "of the coalitions that are drawn")


@dataclass(frozen=True)
class KernelShapSettings(SamplingSettings):
    """What of it can be set on single crops."""

    segmentation: str = choice("2d", ("2d", "3d"), "superpixels of each frame, or volumes through all frames")
    scope: str = choice("frame", ("frame", "video"), "a game per frame, or one of the clip (with 3d alone)")
    spacing: float = real(FRAME_SPACING, 0.001, 100, "3d: pixels between two frames, as the segmentation sees it")


class AnyKernelShap(AnyExplainer):
    """What it is of single crops and of clips."""

    id = "kernel-shap"
    signed = True
    slow = True
    precision = "float32"
    endings = frozenset({"samples", "tolerance"})
    _chosen: SamplingSettings

    @property
    def settings(self) -> Mapping[str, object]:
        return {**super().settings, "compactness": COMPACTNESS, "drawn": "size by size"}

    def estimates(
        self, game: Game, watch: Watch = UNWATCHED, *, stored: Samples | None = None
    ) -> Generator[Estimate, None, Estimate]:
        """One game, with an estimate after each batch.

        Args:
            stored: what `Estimate.samples` was in an earlier run of the same game; not asked again.

        Raises:
            DeviceError: not even one crop, or clip, fits into memory.
            CancelledError: cancelled between two batches.
        """
        chosen = self._chosen
        return sample(game, chosen.samples, chosen.tolerance, chosen.seed, stored=stored, watch=watch)

    def _grown(
        self, game: Game, name: str, labels: IntArray, rows: range, watch: Watch, own: IntArray | None = None
    ) -> Generator[None, None, Growth]:
        """One game from what is remembered of it to its end; what is told on the way is remembered before.

        Args:
            labels: (R, S, S) of the crops `rows`.
            own: (R,) which value of the game each crop shows, by default the first.
        """
        shown = np.zeros(len(labels), np.int64) if own is None else own
        stored = watch.memory.recall(rows, name) if watch.memory is not None else None
        estimates = self.estimates(game, watch, stored=stored)
        latest: Estimate | None = None
        wait = TELL_SECONDS
        told = time.monotonic()
        try:
            while True:
                try:
                    latest = next(estimates)
                except StopIteration as end:
                    latest = end.value
                    break
                if time.monotonic() - told >= wait:
                    began = time.monotonic()
                    _remember(watch, rows, name, latest.samples)
                    if watch.grow is not None:
                        watch.grow(_growth(latest, latest.look(), labels, rows, shown))
                    told = time.monotonic()
                    wait = max(TELL_SECONDS, TELL_SHARE * (told - began))
                yield None
        except (CancelledError, GeneratorExit):
            if latest is not None:
                _remember(watch, rows, name, latest.samples)
            raise
        _remember(watch, rows, name, latest.samples)
        done = _growth(latest, latest.found, labels, rows, shown)
        if watch.grow is not None:
            watch.grow(done)
        return done


class KernelShap(AnyKernelShap, Explainer):
    """See the module."""

    settings_type = KernelShapSettings
    _chosen: KernelShapSettings

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
        return {**super().settings, "muted": "mean colour of the crop"}

    @property
    def together(self) -> bool:
        return self._chosen.segmentation == "3d"

    def steps(self, detector: Detector, crops: Picture, watch: Watch = UNWATCHED) -> Generator[None, None, Maps]:
        chosen = self._chosen
        watch.check()
        through = volumes(crops, chosen.segments, chosen.spacing) if chosen.segmentation == "3d" else None
        count = 1 if chosen.scope == "video" else len(crops)
        parts: list[Growth] = []
        for number, (rows, labels) in enumerate(self._games(crops, through, watch)):
            own = replace(watch, report=part_of(watch.report, number, count))
            seen = crops[rows.start : rows.stop]
            game, name = game_of(detector, seen, labels, own), game_name(seen, labels, chosen.samples)
            parts.append((yield from self._grown(game, name, labels, rows, own)))
        return Maps(
            frozen(np.concatenate([part.values for part in parts])),
            frozen(np.concatenate([part.logits for part in parts])),
            frozen(np.concatenate([part.passes for part in parts])),
            frozen(np.concatenate([part.errors for part in parts])),
            frozen(np.concatenate([part.seconds for part in parts])),
            frozen(through.astype(np.int32)) if through is not None and chosen.scope == "frame" else None,
        )

    def _games(self, crops: Picture, through: IntArray | None, watch: Watch) -> Iterator[tuple[range, IntArray]]:
        """The rows of the crops that are games of their own, each with its labels from 0 without gaps."""
        if through is not None and self._chosen.scope == "video":
            yield range(len(crops)), through
            return
        for row in range(len(crops)):
            watch.check()
            if through is None:
                labels = frame_superpixels(crops[row : row + 1], self._chosen.segments)
            else:
                here = np.unique(through[row], return_inverse=True)[1]
                labels = here.reshape(1, *through.shape[1:]).astype(np.int64)
            yield range(row, row + 1), labels


def game_name(crops: Picture, labels: IntArray, budget: int, told: bytes = b"") -> str:
    """Stands for the pixels, the superpixels and the order of the coalitions: samples of one name are the first of
    those of another budget with the same name, under the same seed.

    Args:
        told: what else says which values a coalition has.
    """
    digest = hashlib.sha256(np.array([*crops.shape, int(labels.max())]).tobytes())
    digest.update(np.ascontiguousarray(crops).data)
    digest.update(np.ascontiguousarray(labels, np.int32).data)
    digest.update(told)
    return f"{digest.hexdigest()[:32]}-{whole_sizes(int(labels.max()) + 1, budget)}"


def _remember(watch: Watch, rows: range, name: str, samples: Samples) -> None:
    if watch.memory is not None:
        watch.memory.keep(rows, name, samples)


def _growth(
    estimate: Estimate, found: Sequence[Attribution], labels: IntArray, rows: range, own: IntArray
) -> Growth:
    """Pixels have the values of their superpixels; passes and seconds of a clip are shared out to its frames."""
    count, samples = len(labels), estimate.samples
    shown = list(zip(own.tolist(), labels, strict=True))
    return Growth(
        rows,
        np.stack([found[which].values[seen] for which, seen in shown]).astype(np.float32),
        np.stack([found[which].errors[seen] for which, seen in shown]).astype(np.float32),
        samples.everybody[own],
        _shared(estimate.passes, count),
        np.full(count, samples.seconds / count, np.float32),
        len(samples.values),
        estimate.most,
    )


def _shared(passes: int, frames: int) -> IntArray:
    """(F,) passes of a clip, shared out to its frames as evenly as whole numbers allow."""
    found = np.full(frames, passes // frames, np.int64)
    found[: passes % frames] += 1
    return found


def volume_moments(values: FloatArray, labels: npt.NDArray[np.integer]) -> tuple[IntArray, Doubles, Doubles]:
    """Of frame-wise values (F, S, S): how many frames show a volume, mean and population variance over them.

    All three are (M,); the mean and the variance of a volume that no frame shows are 0.
    """
    number = int(labels.max()) + 1
    seen = np.zeros((len(labels), number))
    found = np.zeros((len(labels), number))
    for frame, (value, label) in enumerate(zip(values, labels, strict=True)):
        counts = np.bincount(label.ravel(), minlength=number)
        sums = np.bincount(label.ravel(), value.ravel().astype(np.float64), minlength=number)
        seen[frame] = counts > 0
        found[frame] = sums / np.maximum(counts, 1)
    frames = seen.sum(0)
    mean = found.sum(0) / np.maximum(frames, 1)
    variance = ((found - mean) ** 2 * seen).sum(0) / np.maximum(frames, 1)
    return frames.astype(np.int64), mean, variance
