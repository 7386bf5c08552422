"""DPNet (P000, section 3.1): a clip is judged by how near its patches come to prototypes of real and of fake."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.networks.dpnet.prototypes import PrototypeLayer, Similarity
from engine.networks.dpnet.trunks import Cell, Trunk, TrunkName, build_trunk

WIDTH = 256
"""Channels of a prototype."""
_NEARER = 0.125
"""Factor of the cells that the network begins with: as He et al. have it, two cells of 256 channels lie 100 to 200
apart, and hardly a similarity of eq 2 is above 0.01. On 158 clips, the trunk frozen, 200 steps brought the
cross-entropy down to 0.42 with it, to 0.68 without (one seed)."""


@dataclass(frozen=True, slots=True)
class DpnetOutput:
    """What the network says of B clips by m prototypes.

    Attributes:
        logits: (B, 2) of real and fake, the sums of `DpNetwork.evidence`.
        similarities: (B, m), of each prototype's nearest cell.
        distances: (B, m), squared, of the same cell.
        maps: (B, m, h, w), similarity of every cell.
    """

    logits: Tensor
    similarities: Tensor
    distances: Tensor
    maps: Tensor


class DpNetwork(nn.Module):
    """Trunk, two 1x1 convolutions, prototypes, and a last layer that is not trained with the rest.

    Attributes:
        weights: (2, m) of the last layer: 1 from a prototype to its own class and -0.5 to the other. A buffer, so
            that no optimiser ever moves it; refining it is a step of its own.
        size: side of the input, pixels.
        channels: of the input: red, green, blue, then planes of flow.
        map_layers: dotted names of modules whose outputs are maps (B, C, h, w): the trunk.
        input_mean, input_std: per RGB channel, for pictures scaled to [0, 1]; flow is not normalised.
    """

    weights: Tensor
    map_layers = ("trunk",)

    def __init__(self, trunk: Trunk, channels: int, size: int, prototypes: PrototypeLayer) -> None:
        super().__init__()
        self.trunk = trunk
        width = prototypes.vectors.shape[1]
        first, last = nn.Conv2d(trunk.channels, width, 1), nn.Conv2d(width, width, 1)
        for layer in (first, last):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        with torch.no_grad():
            last.weight.mul_(_NEARER)
        self.add_on = nn.Sequential(first, nn.BatchNorm2d(width), nn.ReLU(), last)
        self.prototypes = prototypes
        self.register_buffer("weights", fixed_weights(prototypes.class_list))
        self.size, self.channels = size, channels
        self.input_mean, self.input_std = trunk.input_mean, trunk.input_std

    def features(self, x: Tensor) -> Tensor:
        """(B, channels, size, size) -> (B, C, h, w), the cells that are compared with prototypes."""
        z: Tensor = self.add_on(self.trunk(x))
        return z

    def judge(self, z: Tensor) -> DpnetOutput:
        """What `features` gave -> the judgement."""
        similarities, distances, maps = self.prototypes(z)
        return DpnetOutput(self.evidence(similarities).sum(2), similarities, distances, maps)

    def forward(self, x: Tensor) -> DpnetOutput:
        """(B, channels, size, size): normalised colours, then planes of flow in [0, 1]."""
        return self.judge(self.features(x))

    def evidence(self, similarities: Tensor) -> Tensor:
        """(B, m) -> (B, 2, m), what each prototype says for real and for fake; it sums to the logits."""
        return self.weights * similarities[:, None]


def fixed_weights(classes: Iterable[int] | Tensor) -> Tensor:
    """m classes -> (2, m): 1 for a prototype's own class, -0.5 for the other."""
    # Of plain numbers: arithmetic on the device "meta" imports torch's compiler.
    own = [int(each) for each in classes]
    return torch.tensor([[1.0 if each == k else -0.5 for each in own] for k in (0, 1)])


def build_dpnet(
    trunk: TrunkName = "hrnet-w18",
    channels: int = 23,
    per_class: int = 50,
    *,
    cell: Cell = 16,
    similarity: Similarity = "inverse",
    size: int = 256,
) -> DpNetwork:
    """DPNet with random weights. P000 has hrnet-w48 with cells of 64 pixels; cells of 16 point more closely."""
    prototypes = PrototypeLayer(per_class, WIDTH, similarity)
    return DpNetwork(build_trunk(trunk, channels, cell), channels, size, prototypes)
