"""Whether a map hangs on the picture and on what the network has learnt, and whether explainers agree."""

import copy
import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from engine.results import Picture

Network = TypeVar("Network", bound=nn.Module)

SHARES = (0.1, 0.25, 0.5, 1.0)
"""Shares of the layers, from the output down, whose parameters are random."""
NOISE = 2
"""Largest change of a colour level (of 255) that a sensible explanation must bear."""


def noisy(crops: Picture, rng: np.random.Generator, most: int = NOISE) -> Picture:
    """Crops whose levels are changed by whole numbers from -most to most, drawn evenly and clipped."""
    change = rng.integers(-most, most, crops.shape, dtype=np.int16, endpoint=True)
    changed: Picture = np.clip(crops.astype(np.int16) + change, 0, 255).astype(np.uint8)
    return changed


def relative_change(base: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """|other - base| / |base| (Euclidean, over all pixels); nan where the base is 0 (Yeh et al. 2019)."""
    first = np.asarray(base, np.float64)
    size = float(np.linalg.norm(first))
    return float(np.linalg.norm(np.asarray(other, np.float64) - first)) / size if size else math.nan


def layers_from_output(network: nn.Module, inputs: torch.Tensor) -> list[nn.Module]:
    """All modules that hold parameters of their own, the one that finishes last in a forward pass first."""
    finished: list[nn.Module] = []

    def note(module: nn.Module, _inputs: object, _output: object) -> None:
        if module not in finished:
            finished.append(module)

    owners = [module for module in network.modules() if any(True for _ in module.parameters(recurse=False))]
    handles = [module.register_forward_hook(note) for module in owners]
    try:
        with torch.inference_mode():
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return finished[::-1]


def randomised(network: Network, layers: int, inputs: torch.Tensor, seed: int) -> Network:
    """A copy whose `layers` layers next to the output are random (cascading; Adebayo et al. 2018).

    Each of their tensors is drawn anew from a normal distribution with the tensor's own mean and standard
    deviation, so that activations keep their scale. A tensor's draw hangs on the seed and its place alone: more
    layers keep what fewer have drawn. The network that is given is not touched.
    """
    changed = copy.deepcopy(network)
    for place, layer in enumerate(layers_from_output(changed, inputs)[:layers]):
        generator = torch.Generator().manual_seed(seed * 100_003 + place)
        for parameter in layer.parameters(recurse=False):
            values = parameter.detach().float()
            spread = float(values.std(unbiased=False))
            drawn = torch.randn(values.shape, generator=generator) * spread + float(values.mean())
            with torch.no_grad():
                parameter.copy_(drawn)
    return changed


def depths(count: int, shares: Sequence[float] = SHARES) -> list[int]:
    """How many of `count` layers each share is, one at least."""
    return [max(1, round(count * share)) for share in shares]
