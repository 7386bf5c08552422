"""Stopping in the middle of a step: on a CPU a step of a large network takes many seconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import CancelledError
from engine.progress import CancelToken


@contextmanager
def interruptible(module: nn.Module, cancel: CancelToken | None) -> Iterator[None]:
    """Look at the token at every layer, on the way forward and back.

    Raises:
        CancelledError: cancelled; parameters and buffers are as they were at the beginning of the block, provided
            that the block changes parameters only at its very end.
    """
    if cancel is None:
        yield
        return
    before = [buffer.detach().clone() for buffer in module.buffers()]

    def look_back(_: Tensor) -> None:
        cancel.check()

    def look(_: nn.Module, __: Any, output: Any) -> None:
        cancel.check()
        if isinstance(output, Tensor) and output.requires_grad:
            output.register_hook(look_back)  # type: ignore[no-untyped-call]

    leaves = [part for part in module.modules() if next(part.children(), None) is None]
    handles = [part.register_forward_hook(look) for part in leaves]
    try:
        yield
    except CancelledError:
        with torch.no_grad():
            for buffer, value in zip(module.buffers(), before, strict=True):
                buffer.copy_(value)
        raise
    finally:
        for handle in handles:
            handle.remove()
