"""Weights and films by a formula, the same with every version of every library."""

import math

import numpy as np
import torch
from torch import Tensor, nn


def wave(shape: tuple[int, ...], seed: float) -> Tensor:
    """Numbers in [-1, 1] that look like noise: the sine of a growing angle."""
    places = np.arange(math.prod(shape), dtype=np.float64) + 1
    return torch.from_numpy(np.sin(places * (places * 0.0001 + seed))).reshape(shape)


def fill(network: nn.Module) -> None:
    """Every parameter and statistic of a network, in the order of their names, of a size that keeps maps alive."""
    for number, (name, value) in enumerate(sorted(network.state_dict().items())):
        noise = wave(tuple(value.shape), 0.7 + 0.013 * number)
        if name.endswith("running_var") or (value.ndim == 1 and name.endswith("weight")):
            value.copy_(1 + 0.3 * noise)
        elif value.ndim < 2:
            value.copy_(0.1 * noise)
        elif name.endswith("memory"):
            value.copy_(noise)
        else:
            value.copy_(noise * math.sqrt(4 / value[0].numel()))


def film(videos: int, examples: int, size: int) -> Tensor:
    """(B, m, 3, 5, size, size) float64."""
    return 1.5 * wave((videos, examples, 3, 5, size, size), 1.1)
