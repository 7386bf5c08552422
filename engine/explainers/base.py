"""What every explainer is to the rest of the engine."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from engine.detectors.base import Clip, ClipDetector, Detector, Notify
from engine.detectors.frame import FrameDetector
from engine.errors import UsageError
from engine.explainers.samples import Growth, SampleMemory
from engine.explainers.settings import NO_NAMES, ExplainerSettings
from engine.progress import CancelToken, ProgressCallback
from engine.results import FloatArray, IntArray, Picture

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Maps:
    """What an explainer makes of crops.

    Attributes:
        values: (F, h, w) float32 at native resolution; positive supports fake.
        logits: (F,) float32, the scores that are explained.
        passes: (F,) int64, crops that went forward through the network for each map.
        errors: (F, h, w) float32 standard errors, of an explainer that draws samples.
        seconds: (F,) float32 that each map took, earlier runs among them, where the explainer can tell.
        volumes: (F, h, w) int32, which region through the crops each cell belongs to, from 0, where each region
            has a value of its own on every crop.
    """

    values: FloatArray
    logits: FloatArray
    passes: IntArray
    errors: FloatArray | None = None
    seconds: FloatArray | None = None
    volumes: npt.NDArray[np.int32] | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """How work is watched from outside; each part may be left out.

    Attributes:
        cancel: asked between two batches.
        notify: told when the work goes on in a lesser way.
        report: told how far it is.
        memory: keeps samples between runs; what is shown as grown is kept.
        grow: told what the samples so far say, not more often than about twice a second.
    """

    cancel: CancelToken | None = None
    notify: Notify | None = None
    report: ProgressCallback | None = None
    memory: SampleMemory | None = None
    grow: Callable[[Growth], None] | None = None

    def check(self) -> None:
        """Raise CancelledError if it was cancelled."""
        if self.cancel is not None:
            self.cancel.check()


UNWATCHED = Watch()


class AnyExplainer(ABC):
    """Says what made the score of a face. For the engine thread.

    Attributes:
        id: as in the registry.
        signed: whether negative values, which support real, can occur.
        slow: whether a map takes so long that it cannot follow a playhead.
        precision: in which it computes.
        settings_type: what of it can be set.
        endings: names of those settings that only say when it ends, so that samples serve whatever they are.
    """

    id: str
    signed: bool
    slow: bool = False
    precision: str
    settings_type: type[ExplainerSettings] = ExplainerSettings
    endings: frozenset[str] = frozenset()

    def __init__(self, chosen: ExplainerSettings | None = None) -> None:
        """`chosen` is of `settings_type`; by default all that it has by default."""
        self._settings = MappingProxyType(asdict(chosen or self.settings_type()))

    @property
    def settings(self) -> Mapping[str, object]:
        """All on which its maps depend, beside the detector and the precision: part of the key of a stored map."""
        return self._settings

    @property
    def title(self) -> str:
        """What stands over its maps: its id, and what nobody may overlook."""
        return self.id

    @classmethod
    def names(cls, detector_id: str) -> Mapping[str, Sequence[str]]:  # noqa: ARG003 - most hang on no detector
        """For each of its `named` settings what it may be on a detector, the default first."""
        return NO_NAMES


class Explainer(AnyExplainer):
    """Says which parts of a crop made its score. For the engine thread."""

    @property
    def together(self) -> bool:
        """Whether a map depends on the other crops: they must then be those of one face, in order."""
        return False

    @abstractmethod
    def steps(self, detector: Detector, crops: Picture, watch: Watch = UNWATCHED) -> Generator[None, None, Maps]:
        """(F, S, S, 3) uint8 crops -> a map each, unless `together` the same alone; other work may come between.

        Raises:
            DeviceError: not even one crop fits into memory.
            CancelledError: cancelled between two batches.
        """

    def explain(self, detector: Detector, crops: Picture, watch: Watch = UNWATCHED) -> Maps:
        """The same at a stretch."""
        return finished(self.steps(detector, crops, watch))


def explaining_crops(explainer: AnyExplainer, detector_id: str) -> Explainer:
    """The explainer, if it explains single crops.

    Raises:
        UsageError: it explains the clips that the detector judges.
    """
    if not isinstance(explainer, Explainer):
        raise UsageError(
            f"Maps are compared on single frames, and {detector_id} looks at several at once",
            advice="Choose a frame detector such as frame-mobile",
        )
    return explainer


@dataclass(frozen=True, slots=True)
class ClipMaps:
    """What an explainer makes of a clip.

    Attributes:
        values: (F, h, w) float32, a map for each frame that the detector sees, in its order; positive supports
            fake. Of a frame that comes more than once the first counts.
        logits: (K,) float32, the scores of the clip's spans; a frame's map explains that of its span.
        passes: how many times the clip went forward through the network.
        errors: (F, h, w) float32 standard errors, of an explainer that draws samples.
        seconds: what it took, earlier runs among it, where the explainer can tell.
    """

    values: FloatArray
    logits: FloatArray
    passes: int = 1
    errors: FloatArray | None = None
    seconds: float | None = None


class ClipExplainer(AnyExplainer):
    """Says which parts of the frames of a clip made its scores. For the engine thread."""

    @abstractmethod
    def steps(
        self, detector: ClipDetector, clip: Clip, crops: Picture, watch: Watch = UNWATCHED
    ) -> Generator[None, None, ClipMaps]:
        """Maps of all frames of a clip: crops (F, S, S, 3) uint8 RGB. Independent of clips before it.

        One that is done after a pass or two yields nothing; of many passes, other work may come between two.

        Raises:
            UsageError: it cannot look into this detector.
            DeviceError: the clip does not fit into memory.
            CancelledError: cancelled between two passes.
        """

    def explain(self, detector: ClipDetector, clip: Clip, crops: Picture, watch: Watch = UNWATCHED) -> ClipMaps:
        """The same at a stretch."""
        return finished(self.steps(detector, clip, crops, watch))


def finished(steps: Generator[None, None, Made]) -> Made:
    """What steps come to when nothing comes between them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Made = end.value
            return made


def white_box(detector: Detector) -> FrameDetector:
    """The detector as one whose network can be looked into.

    Raises:
        UsageError: it is a foreign model, of which only the scores can be had.
    """
    if not isinstance(detector, FrameDetector):
        raise UsageError(
            f"This explainer looks into the network, and {detector.id} is a foreign model that only gives scores",
            advice="Choose an explainer that asks for scores alone, such as kernel-shap",
        )
    return detector


def timed(steps: Generator[None, None, Made]) -> Generator[None, None, tuple[Made, float]]:
    """The same steps; beside what they come to, the seconds they took themselves."""
    seconds = 0.0
    while True:
        began = time.perf_counter()
        try:
            next(steps)
        except StopIteration as end:
            return end.value, seconds + time.perf_counter() - began
        seconds += time.perf_counter() - began
        yield None


def map_affines(crop_affines: FloatArray, size: int, height: int, width: int) -> FloatArray:
    """From continuous map coordinates to the frame: (F, 2, 3) float32.

    The map's (height, width) cells tile the crop of `size` x `size` pixels evenly; crop_affines (F, 2, 3) lead
    from the crop to the frame.
    """
    affines = np.array(crop_affines, dtype=np.float64)
    affines[:, :, 0] *= size / width
    affines[:, :, 1] *= size / height
    return affines.astype(np.float32)
