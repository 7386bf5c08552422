"""What every detector is to the rest of the engine."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from engine.progress import CancelToken
from engine.results import CropSpec, FloatArray, Picture, Provenance

Notify = Callable[[str], None]
"""Told, in a sentence for the user, when the work goes on in a lesser way."""


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
        device: name of the torch device.
        precision: float32 or bf16, as it really computes.
    """

    id: str
    crop_spec: CropSpec
    sampling: Sampling
    weights_sha256: str
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
    def provenance(self, **settings: object) -> Provenance:
        """What is needed to make its scores again; `settings` are those of the caller."""
