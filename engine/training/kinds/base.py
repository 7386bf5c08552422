"""What a whole training asks of a kind of detector: its settings, its faces, its task."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor, nn

from engine.detectors.specs import DetectorSpec
from engine.progress import CancelToken, ProgressCallback
from engine.training.config import DetectorConfig
from engine.training.datasets.base import Dataset
from engine.training.faces.store import FaceStore
from engine.training.loop.distributed import Processes
from engine.training.loop.task import TrainingTask

C = TypeVar("C", bound=DetectorConfig)
Stores = tuple[FaceStore, FaceStore]
"""Faces to train on, and those of held-out persons."""


class DetectorTask(TrainingTask, Protocol):
    """A task whose network becomes a detector's weights."""

    def probe(self) -> Tensor:
        """Some samples to train on as the network takes them; both precisions are compared on them."""
        ...


@runtime_checkable
class KeepsFiles(Protocol):
    """A task whose weights come with more than themselves."""

    def belongings(self, network: nn.Module) -> tuple[Mapping[str, Any], Mapping[str, bytes]]:
        """Of a network that was just validated: entries of the card, and files beside it by name."""
        ...


class Kind(Protocol[C]):
    """One kind of detector."""

    def default_config(self, spec: DetectorSpec, dataset: Dataset, *, trained: bool) -> C:
        """The settings without a recipe; `trained`: whether the training starts from trained weights."""
        ...

    def pretrained(self, spec: DetectorSpec, dataset: Dataset) -> Path | None:
        """Weights that came with the data set and that the trunk begins with, None if there are none that fit."""
        ...

    def gather(
        self, dataset: Dataset, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
    ) -> Stores:
        """The prepared faces.

        Raises:
            DataError: the data give none, or the cache cannot be written.
            CancelledError: cancelled.
        """
        ...

    def task(
        self,
        network: Any,
        stores: Stores,
        config: C,
        processes: Processes,
        cancel: CancelToken | None,
        pretrained: Path | None,
    ) -> DetectorTask:
        """The task, after `pretrained` was put into the network.

        Raises:
            DataError: the faces do not suffice.
            CancelledError: cancelled.
        """
        ...
