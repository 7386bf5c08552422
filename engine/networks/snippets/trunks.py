"""The trunks of snippet networks, and how a module gets into their blocks.

P003 puts a module into a ResNet bottleneck right before the spatial convolution: behind the activation of the
layer before, where the block is narrow. ResNet-18's blocks have two spatial convolutions; it is the second. In
MobileNetV2 blocks are wide before their spatial convolution and narrow where they begin, so the module begins
the block, inside its residual branch (on the wide map the modules took twice the time of the whole trunk). Its
first block, at half the crop's resolution, has none. The names of the trunk's own weights stay what they are.
"""

from typing import Any

import timm
from torch import nn

from engine.networks.snippets.config import Backbone

_HALF = (0.5, 0.5, 0.5)
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def build_trunk(backbone: Backbone) -> Any:
    """timm's own, with random weights, without a classifier; MobileNetV2 as in `engine.networks.mobilenet`."""
    if backbone == "mobilenetv2":
        return timm.create_model("mobilenetv2_100", pretrained=False, num_classes=0, pad_type="same")
    return timm.create_model(backbone, pretrained=False, num_classes=0)


def descriptor_width(backbone: Backbone, trunk: Any) -> int:
    """Channels of the last map."""
    return int(trunk.head_hidden_size if backbone == "mobilenetv2" else trunk.num_features)


def normalisation(backbone: Backbone) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation per RGB channel that the trunk's ImageNet weights want."""
    return (_HALF, _HALF) if backbone == "mobilenetv2" else _IMAGENET


def stages_of(backbone: Backbone, trunk: Any) -> list[list[Any]]:
    """The blocks of the four stages."""
    if backbone == "mobilenetv2":
        parts = trunk.blocks
        return [[*parts[1]], [*parts[2]], [*parts[3], *parts[4]], [*parts[5], *parts[6]]]
    return [[*trunk.layer1], [*trunk.layer2], [*trunk.layer3], [*trunk.layer4]]


def map_layers(backbone: Backbone) -> tuple[str, ...]:
    """Dotted names of the modules whose outputs are the last map, and those of the stages."""
    if backbone == "mobilenetv2":
        return ("bn2", "blocks.1", "blocks.2", "blocks.4", "blocks.6")
    return ("layer4", "layer1", "layer2", "layer3")


def width_of(backbone: Backbone, block: Any) -> int:
    """Channels at the place of a block's module."""
    return int(block.conv_pw.in_channels if backbone == "mobilenetv2" else block.conv1.out_channels)


def plug(backbone: Backbone, block: Any, module: nn.Module) -> None:
    """Put a module into its place in a block."""
    if backbone == "mobilenetv2":
        # timm's seam for a layer before the first one, empty in MobileNetV2.
        block.conv_s2d, block.bn_s2d = module, nn.Identity()
    else:
        block.act1 = nn.Sequential(block.act1, module)
