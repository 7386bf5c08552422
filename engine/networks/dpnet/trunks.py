"""What turns a clip into a map of cells: HRNet as P000 has it, and MobileNetV2 for computers without a GPU.

A trunk gives one vector for each cell of 16 or 64 pixels. HRNet's four branches are brought to the finest one's
resolution, a quarter of the input's, stacked and averaged over the cell. Of MobileNetV2 the maps whose cells have
8, 16 and 32 pixels meet at 16.
"""

from collections.abc import Mapping
from typing import Any, Literal

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

TrunkName = Literal["hrnet-w18", "hrnet-w48", "mobilenet"]
Cell = Literal[16, 64]
CrossModality = Literal["flow", "all"]

_WIDTHS = {"hrnet-w18": (18, 36, 72, 144), "hrnet-w48": (48, 96, 192, 384), "mobilenet": (32, 96, 320)}
_TAPS = (2, 4, 6)


class Trunk(nn.Module):
    """A timm network without its head: (B, in_channels, S, S) -> (B, channels, S / cell, S / cell).

    Attributes:
        name: as `build_trunk` takes it.
        channels: of the map.
        first: name of the first convolution's weight in the state of `net`.
        input_mean, input_std: per RGB channel, for pictures in [0, 1].
    """

    first: str
    input_mean: tuple[float, float, float]
    input_std: tuple[float, float, float]

    def __init__(self, name: TrunkName, net: nn.Module, cell: Cell) -> None:
        super().__init__()
        self.name: TrunkName = name
        self.net = net
        self.channels = sum(_WIDTHS[name])
        self.cell = cell


class HrnetTrunk(Trunk):
    """HRNetV2 as for segmentation, with its four branches."""

    first = "conv1.weight"
    input_mean = (0.485, 0.456, 0.406)
    input_std = (0.229, 0.224, 0.225)

    def __init__(self, name: Literal["hrnet-w18", "hrnet-w48"], in_channels: int, cell: Cell) -> None:
        net = timm.create_model(name.replace("-", "_"), num_classes=0, head="", in_chans=in_channels)
        super().__init__(name, net, cell)

    def forward(self, x: Tensor) -> Tensor:
        net: Any = self.net
        x = net.act1(net.bn1(net.conv1(x)))
        x = net.act2(net.bn2(net.conv2(x)))
        finest, *coarser = net.stages(x)
        side = finest.shape[-2:]
        enlarged = [functional.interpolate(branch, side, mode="bilinear") for branch in coarser]
        return functional.avg_pool2d(torch.cat([finest, *enlarged], 1), self.cell // 4)


class MobileTrunk(Trunk):
    """MobileNetV2 1.0, tapped where the compact LTPA is, too; its last convolution is left out."""

    first = "conv_stem.weight"
    input_mean = (0.5, 0.5, 0.5)
    input_std = (0.5, 0.5, 0.5)

    def __init__(self, in_channels: int, cell: Cell) -> None:
        net = timm.create_model("mobilenetv2_100", num_classes=0, pad_type="same", in_chans=in_channels)
        net.conv_head, net.bn2 = nn.Identity(), nn.Identity()
        super().__init__("mobilenet", net, cell)

    def forward(self, x: Tensor) -> Tensor:
        net: Any = self.net
        x = net.bn1(net.conv_stem(x))
        taps = []
        for number, stage in enumerate(net.blocks):
            x = stage(x)
            if number in _TAPS:
                taps.append(x)
        fine, middle, coarse = taps
        coarse = functional.interpolate(coarse, middle.shape[-2:], mode="bilinear")
        return functional.avg_pool2d(
            torch.cat([functional.avg_pool2d(fine, 2), middle, coarse], 1), self.cell // 16
        )


def build_trunk(name: TrunkName, in_channels: int, cell: Cell) -> Trunk:
    """A trunk with random weights (He et al.), the flow's channels included."""
    return MobileTrunk(in_channels, cell) if name == "mobilenet" else HrnetTrunk(name, in_channels, cell)


def widened(weight: Tensor, channels: int, how: CrossModality = "flow") -> Tensor:
    """Filters that saw a picture, for a picture with more planes behind it (cross-modality initialisation).

    Args:
        weight: (O, 3, k, k).
        channels: wanted, at least 3.
        how: flow keeps the filters of the colours and gives every other plane their average, as P000 words it; all
            gives every plane the average, the colours included, as its authors' program does.

    Returns:
        (O, channels, k, k).
    """
    average = weight.mean(1, keepdim=True)
    if how == "all":
        return average.repeat(1, channels, 1, 1)
    return torch.cat([weight, average.repeat(1, channels - 3, 1, 1)], 1)


def load_picture_weights(trunk: Trunk, state: Mapping[str, Tensor], how: CrossModality = "flow") -> None:
    """Start a trunk from the weights of the same network for pictures, ImageNet's for example.

    Args:
        state: of the timm network with 3 channels; what belongs to its head is passed over.

    Raises:
        ValueError: a layer of the trunk is missing or has another shape.
    """
    own = trunk.net.state_dict()
    missing = sorted(own.keys() - state.keys())
    if missing:
        raise ValueError(f"{len(missing)} layers of the trunk are missing, the first is {missing[0]}")
    chosen = {name: state[name] for name in own}
    chosen[trunk.first] = widened(chosen[trunk.first], own[trunk.first].shape[1], how)
    for name, value in chosen.items():
        if value.shape != own[name].shape:
            raise ValueError(f"{name} is {tuple(value.shape)}, not {tuple(own[name].shape)}")
    trunk.net.load_state_dict(chosen)
