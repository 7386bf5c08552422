"""Features of overlapping windows, each example encoded once: the encoder is nearly all of what LPS costs."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn


def stream_windows(
    encoder: nn.Module,
    windows: Sequence[Sequence[int]],
    example_of: Callable[[int], Tensor],
    at_a_time: int = 4,
) -> Iterator[Tensor]:
    """The features z (m, C, h, w) of each window in turn, without gradients.

    An example is asked for and encoded when the first window needs it, and forgotten after the last one that does:
    where windows follow each other in time, no more than two windows' features are in memory.

    Args:
        encoder: (N, 3, T, S, S) -> (N, C, h, w), in eval mode.
        windows: the m examples of each, by number.
        example_of: a number -> its pictures (3, T, S, S), normalised.
        at_a_time: examples that are encoded together, at most.

    Raises:
        ValueError: an encoder in training mode, whose batch normalisation would mix the examples.
    """
    if encoder.training:
        raise ValueError("LPS: the encoder is in training mode; call eval() before streaming features")
    last_use = {example: number for number, row in enumerate(windows) for example in row}
    kept: dict[int, Tensor] = {}
    for number, row in enumerate(windows):
        missing = [example for example in dict.fromkeys(row) if example not in kept]
        for start in range(0, len(missing), at_a_time):
            part = missing[start : start + at_a_time]
            with torch.no_grad():
                kept.update(zip(part, encoder(torch.stack([example_of(one) for one in part])), strict=True))
        yield torch.stack([kept[example] for example in row])
        for example in dict.fromkeys(row):
            if last_use[example] == number:
                del kept[example]
