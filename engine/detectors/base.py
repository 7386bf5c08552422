"""What every detector is to the rest of the engine."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from engine.progress import CancelToken
from engine.results import CropSpec, FloatArray, Picture, Provenance

Notify = Callable[[str], None]
"""Told, in a sentence for the user, when the work goes on in a lesser way."""

Computed = TypeVar("Computed")
Item = TypeVar("Item", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a detector samples a track: one span of `frames` consecutive frames gets one score."""

    frames: int = 1


class Detector(ABC):
    """Scores the crops of faces. For the engine thread.

    Attributes:
        id: as in the registry.
        crop_spec: how it wants its faces.
        sampling: which crops make one score.
        weights_sha256: of the file that was loaded.
        trustworthy: whether its probability may take part in the verdict of a video.
        trust_reason: why, or why not.
        batch: crops that it takes at a time.
        device: name of the torch device.
        precision: float32 or bf16, as it really computes.
    """

    id: str
    crop_spec: CropSpec
    sampling: Sampling
    weights_sha256: str
    trustworthy: bool
    trust_reason: str
    batch: int
    device: str
    precision: str

    @abstractmethod
    def score_crops(
        self, crops: Picture, *, cancel: CancelToken | None = None, notify: Notify | None = None
    ) -> FloatArray:
        """(N, S, S, 3) uint8 RGB -> (N,) float32 logits of fake against real, each independent of its neighbours.

        Raises:
            DeviceError: not even one crop fits into memory.
            CancelledError: cancelled between two batches.
        """

    @abstractmethod
    def exact_logits(self, crops: Picture) -> FloatArray:
        """As `score_crops`, of crops that fit into one batch, and always in float32."""

    @abstractmethod
    def in_batches(
        self,
        items: npt.NDArray[Item],
        compute: Callable[[npt.NDArray[Item]], Computed],
        *,
        cancel: CancelToken | None = None,
        notify: Notify | None = None,
    ) -> Iterator[Computed]:
        """What `compute` makes of crops, or of what stands for a crop each, as many at a time as fit into memory.

        Raises:
            DeviceError: not even one crop fits.
            CancelledError: cancelled between two batches.
        """

    @abstractmethod
    def provenance(self, **settings: object) -> Provenance:
        """What is needed to make its scores again; `settings` are those of the caller."""
