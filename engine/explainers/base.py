"""What every explainer is to the rest of the engine."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import dataclass

import numpy as np

from engine.detectors.base import Notify
from engine.detectors.frame import FrameDetector
from engine.progress import CancelToken, ProgressCallback
from engine.results import FloatArray, Picture, empty


@dataclass(frozen=True, slots=True)
class Maps:
    """What an explainer makes of crops.

    Attributes:
        values: (F, h, w) float32 at native resolution; positive supports fake.
        logits: (F,) float32, the scores that are explained.
        passes: crops that went through the network.
    """

    values: FloatArray
    logits: FloatArray
    passes: int = 0


class Explainer(ABC):
    """Says which parts of a crop made its score. For the engine thread.

    Attributes:
        id: as in the registry.
        signed: whether negative values, which support real, can occur.
        precision: in which it computes.
        settings: all else on which its maps depend.
    """

    id: str
    signed: bool
    precision: str

    @property
    def settings(self) -> Mapping[str, object]:
        return empty()

    @abstractmethod
    def explain(
        self,
        detector: FrameDetector,
        crops: Picture,
        *,
        cancel: CancelToken | None = None,
        notify: Notify | None = None,
    ) -> Maps:
        """(F, S, S, 3) uint8 crops -> a map each, independent of its neighbours.

        Raises:
            DeviceError: not even one crop fits into memory.
            CancelledError: cancelled between two batches.
        """

    def steps(
        self,
        detector: FrameDetector,
        crops: Picture,
        *,
        cancel: CancelToken | None = None,
        notify: Notify | None = None,
        report: ProgressCallback | None = None,  # noqa: ARG002 - for those that take long
    ) -> Generator[None, None, Maps]:
        """The same in steps, between which other work may come; one that takes long has more than one."""
        yield None
        return self.explain(detector, crops, cancel=cancel, notify=notify)


def map_affines(crop_affines: FloatArray, size: int, height: int, width: int) -> FloatArray:
    """From continuous map coordinates to the frame: (F, 2, 3) float32.

    The map's (height, width) cells tile the crop of `size` x `size` pixels evenly; crop_affines (F, 2, 3) lead
    from the crop to the frame.
    """
    affines = np.array(crop_affines, dtype=np.float64)
    affines[:, :, 0] *= size / width
    affines[:, :, 1] *= size / height
    return affines.astype(np.float32)
