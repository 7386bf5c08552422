"""A trained network that shows a new trunk what to look at (the hints of Romero et al. 2015, FitNets).

A large trunk without pre-training learns little from one label per crop on a computer without a GPU; the maps of
a trained one tell it something in each cell of each resolution. Both are tapped where their maps are 1/8, 1/16
and 1/32 of the crop, and one 1x1 convolution per tap, which serves the training alone, brings the pupil's channels
to the teacher's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from engine.networks.frame import FrameNetwork
from engine.results import Picture
from engine.training.inputs import to_input

_TAPS = ("trunk.blocks.2", "trunk.blocks.4", "trunk.blocks.6")


class Teacher(nn.Module):
    """The hints of one teacher to one pupil. Its parameters are those of the 1x1 convolutions alone."""

    def __init__(self, teacher: FrameNetwork, pupil: FrameNetwork, probe: Picture) -> None:
        """Measure the teacher's channels on crops (N, S, S, 3) uint8, by which they are normalised for good."""
        super().__init__()
        teacher.eval().requires_grad_(requires_grad=False)
        self._teacher = [teacher]  # in a list, so that it is no part of what is trained and kept
        hints = self._hints(probe)
        self._scales = [(hint.mean((0, 2, 3), keepdim=True), hint.std((0, 2, 3), keepdim=True)) for hint in hints]
        with torch.no_grad(), tapped(pupil) as seen:
            training = pupil.training
            pupil.eval()(to_input(probe[:2], pupil))
            pupil.train(training)
        self.adapters = nn.ModuleList(
            nn.Conv2d(own.shape[1], hint.shape[1], 1) for own, hint in zip(seen, hints, strict=True)
        )

    def loss(self, seen: Sequence[Tensor], pictures: Picture) -> Tensor:
        """Squared distance from the hints, each channel of a hint of variance 1, summed over crops and taps.

        Args:
            seen: what the pupil's taps gave for the pictures (B, S, S, 3) uint8.
        """
        hints = self._hints(pictures)
        total = torch.zeros((), device=hints[0].device)
        for own, hint, adapter, (mean, deviation) in zip(seen, hints, self.adapters, self._scales, strict=True):
            wanted = (hint - mean) / (deviation + 1e-3)
            total = total + mse_loss(adapter(own).float(), wanted, reduction="mean") * len(pictures)
        return total

    @torch.no_grad()
    def _hints(self, pictures: Picture) -> list[Tensor]:
        (teacher,) = self._teacher
        with tapped(teacher) as seen:
            teacher(to_input(pictures, teacher))
        return [each.float() for each in seen]


@contextmanager
def tapped(network: FrameNetwork) -> Iterator[list[Tensor]]:
    """Within it, each pass through the network leaves its three maps, the finest first; no hook stays behind."""
    seen: list[Tensor] = []
    handles = [
        network.get_submodule(name).register_forward_hook(lambda _module, _args, output: seen.append(output))
        for name in _TAPS
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
