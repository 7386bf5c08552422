"""What the trainer asks of whatever is trained: a network, batches by number, a loss in parts, a validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from engine.progress import CancelToken


@dataclass(frozen=True)
class LossPart:
    """One term of a loss, as a sum and what to divide it by.

    Both are kept apart so that several processes, each with its share of a batch, come to the mean over the whole
    batch: the sums are added, and so are the counts.

    Attributes:
        total: scalar, summed over the terms of this batch (or share of one).
        count: how many terms that are; 0 for none, which makes the part 0.
        weight: of the part's mean in the loss.
    """

    total: Tensor
    count: float
    weight: float = 1.0


def wide(x: Tensor) -> Tensor:
    """Logits as losses take them: in float32 at least."""
    return x if x.dtype == torch.float64 else x.float()


class TrainingTask(Protocol):
    """One thing to train. The trainer knows nothing of what a sample is."""

    @property
    def network(self) -> nn.Module:
        """What is averaged, validated and kept."""
        ...

    @property
    def module(self) -> nn.Module:
        """All that is trained: the network, and heads that serve the training alone."""
        ...

    @property
    def frozen(self) -> Sequence[nn.Module]:
        """Parts that stay as they were; they run in evaluation mode."""
        ...

    @property
    def samples(self) -> int:
        """Of a whole batch, to count the speed in."""
        ...

    @property
    def unit(self) -> str:
        """What a sample is called, plural ("crops")."""
        ...

    @property
    def batches_per_epoch(self) -> int:
        """How many batches show as many samples as there are videos to train on."""
        ...

    def batches(self) -> Dataset[Any]:
        """Batches by number, for a loader with `batch_size=None`; number and seed determine one alone.

        With several processes: this process's share of each batch.
        """
        ...

    def loss(self, batch: Any) -> Mapping[str, LossPart]:
        """The named parts of the loss of one batch; called in training mode, in mixed precision if so set."""
        ...

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Figures of `network` (a copy of `self.network`) on held-out samples; "mean" steers, higher is better.

        Called in one process only. Leaves the network in evaluation mode.
        """
        ...


@runtime_checkable
class BetweenSteps(Protocol):
    """A task that has something to do between two steps, beyond what the optimiser does."""

    def before_step(self, step: int, cancel: CancelToken | None) -> Mapping[str, Mapping[str, Any]]:
        """Do what is to be done before the step of this number, in every process; what came of it, for the log.

        It may come twice before the same step, if a run is stopped in it and taken up again: the second time must
        change nothing.

        Returns:
            events by name, plain values each.

        Raises:
            CancelledError: cancelled; nothing was changed.
        """
        ...
