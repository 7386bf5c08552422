"""Several processes that train one network, as torchrun starts them; alone, everything here does nothing.

The gradient is that of the whole batch: each process adds up the losses of its share, divided by what the whole
batch counts, and the gradients are summed.
"""

import datetime as dt
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from engine.errors import UsageError

_PATIENCE = dt.timedelta(hours=4)  # the others wait while one prepares faces or validates


@dataclass(frozen=True)
class Processes:
    """Who takes part, seen from one of them.

    Attributes:
        rank: number of this process, from 0; process 0 writes and validates.
        count: of all.
        device: where tensors that are exchanged must lie.
    """

    rank: int = 0
    count: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        return self.rank == 0

    def share(self, samples: int) -> range:
        """Which of the samples of a batch are this process's.

        Raises:
            UsageError: there are fewer samples than processes.
        """
        if samples < self.count:
            raise UsageError(
                f"A batch of {samples} cannot be shared by {self.count} processes",
                advice="Start fewer processes, or make the batches larger",
            )
        return range(samples * self.rank // self.count, samples * (self.rank + 1) // self.count)

    def sums(self, values: Sequence[float]) -> list[float]:
        """Each value summed over all processes."""
        if self.count == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        summed: list[float] = tensor.tolist()
        return summed

    def any(self, flag: bool) -> bool:
        """Whether it holds in at least one process."""
        return self.sums([float(flag)])[0] > 0

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Make every gradient the sum over all processes; one that is missing here counts as zero."""
        if self.count == 1:
            return
        asked = [p for p in parameters if p.requires_grad]
        for p in asked:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        flat = torch.cat([_gradient(p).reshape(-1) for p in asked])
        dist.all_reduce(flat)
        at = 0
        for p in asked:
            _gradient(p).copy_(flat[at : at + p.numel()].view_as(p))
            at += p.numel()

    def same(self, module: nn.Module) -> None:
        """Give every process the state of process 0."""
        if self.count > 1:
            for value in module.state_dict().values():
                dist.broadcast(value, src=0)

    def from_first(self, value: Any) -> Any:
        """What process 0 gives, in all of them."""
        if self.count == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device(self.device))
        return box[0]

    def first_then_others(self) -> "Turn":
        """A context in which process 0 works before the others, which then find its results on disk."""
        return Turn(self)


class Turn:
    """See Processes.first_then_others."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    def __enter__(self) -> None:
        if not self._processes.first:
            self._processes.from_first(None)

    def __exit__(self, *_: object) -> None:
        if self._processes.first:
            self._processes.from_first(None)


ALONE = Processes()


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Meet the processes that torchrun started with this one; without torchrun this process is alone.

    Args:
        device: "cuda" exchanges by NCCL, one card per process; anything else by Gloo.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    cuda = device == "cuda"
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if cuda else "gloo", timeout=_PATIENCE)
    try:
        yield Processes(dist.get_rank(), dist.get_world_size(), "cuda" if cuda else "cpu")
    finally:
        dist.destroy_process_group()


def _gradient(parameter: nn.Parameter) -> Tensor:
    if parameter.grad is None:
        raise ValueError("the parameter has no gradient")
    return parameter.grad
