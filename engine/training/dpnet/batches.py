"""Batches of clips with their flow, which is computed where the batch is made."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset as TorchDataset

from engine.faces.flow import FlowSpec, make_clip, network_input
from engine.results import IntArray, Picture
from engine.training.clips.batches import ClipBatches

Inputs = npt.NDArray[np.float16]
"""(N, channels, S, S) as the network takes them, in half precision: flow is exact to a hundredth of a pixel."""


@dataclass(frozen=True)
class Sight:
    """How crops become what the network sees: flow, and colours less `mean` and over `std`."""

    flow: FlowSpec
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def of(self, clips: Sequence[Picture] | Picture) -> Inputs:
        """Clips (F, side, side, 3) uint8 of all frames that they span."""
        offsets = list(self.flow.offsets)
        seen = [network_input(make_clip(c[offsets], self.flow), self.flow, self.mean, self.std) for c in clips]
        return np.stack(seen).astype(np.float16)


@dataclass(frozen=True, eq=False)
class FlowBatch:
    """B / 2 pairs, the real clips first.

    Attributes:
        number: of the batch.
        inputs: of B clips.
        labels: (B,) int64, 1 = fake.
    """

    number: int
    inputs: Inputs
    labels: IntArray


class FlowBatches(TorchDataset[FlowBatch]):
    """ClipBatches as DPNet sees them."""

    def __init__(self, clips: ClipBatches, sight: Sight) -> None:
        self._clips, self._sight = clips, sight

    def __getitem__(self, number: int) -> FlowBatch:
        batch = self._clips[number]
        return FlowBatch(number, self._sight.of(batch.pictures), batch.labels.astype(np.int64))
