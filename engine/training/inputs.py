"""Crops as networks take them."""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import nn

from engine.results import Picture


class Normalising(Protocol):
    """A network that says how its pictures are normalised: mean and deviation per RGB channel of [0, 1]."""

    @property
    def input_mean(self) -> tuple[float, ...]: ...

    @property
    def input_std(self) -> tuple[float, ...]: ...

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]: ...


def to_input(pictures: Picture, network: Normalising) -> torch.Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float as the network wants it, channels last, its type and device."""
    like = next(network.parameters())
    x = torch.from_numpy(pictures).to(like.device).permute(0, 3, 1, 2).to(like.dtype).div_(255)
    mean = torch.tensor(network.input_mean).to(like).view(1, 3, 1, 1)
    std = torch.tensor(network.input_std).to(like).view(1, 3, 1, 1)
    return x.sub_(mean).div_(std)
