"""EfficientNet (Tan and Le, arXiv 1905.11946) with one logit as compared in P002: plain and with attention.

Taps are the last MBConv blocks of the resolutions 1/8, 1/16 and 1/32: the 10th, 22nd and 32nd of B4, the 18th,
38th and 55th of B7 (P002, section 3.5), that is the ends of the trunk's stages 2, 4 and 6, counted from 0.
"""

from typing import Any, Literal

import timm
from torch import nn

from engine.networks.attention import AttentionNetwork
from engine.networks.frame import FrameNetwork, initialise_head
from engine.networks.ltpa import Compatibility, LtpaNetwork

Variant = Literal["b4", "b7"]

SIZE = 380
"""Side of the crops by default: the larger of the two of P002, for B4 and B7 alike (section 4.1)."""

_CHANNELS: dict[str, int] = {"b4": 1792, "b7": 2560}
_TAPPED: dict[str, tuple[int, int, int]] = {"b4": (56, 160, 448), "b7": (80, 224, 640)}
_DROPOUT: dict[str, float] = {"b4": 0.4, "b7": 0.5}


def build_efficientnet(variant: Variant, size: int | None = None) -> FrameNetwork:
    """EfficientNet-B4 or B7 with TensorFlow's padding and ImageNet's mean and deviation.

    Grad-CAM looks at the output of the last MBConv block: 448 x 12 x 12 for B4 at 380 px, 640 x 12 x 12 for B7.
    """
    network = FrameNetwork(_trunk(variant), _CHANNELS[variant], **_settings(variant, size))
    initialise_head(network)
    return network


def build_attention(variant: Variant, size: int | None = None) -> AttentionNetwork:
    """EfficientNet whose 1/8 maps are weighed by one attention map, 48 x 48 at 380 px (Bonettini et al.)."""
    network = AttentionNetwork(
        _trunk(variant), _CHANNELS[variant], _TAPPED[variant][0], **_settings(variant, size)
    )
    initialise_head(network)
    return network


def build_ltpa(
    variant: Variant, size: int | None = None, compatibility: Compatibility = "parametrised"
) -> LtpaNetwork:
    """EfficientNet that judges by three attended descriptors, 48, 24 and 12 cells wide at 380 px (LTPA)."""
    network = LtpaNetwork(
        _trunk(variant), _TAPPED[variant], _CHANNELS[variant], compatibility, **_settings(variant, size)
    )
    initialise_head(network)
    return network


def _trunk(variant: Variant) -> nn.Module:
    trunk: nn.Module = timm.create_model(f"tf_efficientnet_{variant}", pretrained=False, num_classes=0)
    return trunk


def _settings(variant: Variant, size: int | None) -> dict[str, Any]:
    return {
        "size": size or SIZE,
        "input_mean": (0.485, 0.456, 0.406),
        "input_std": (0.229, 0.224, 0.225),
        "gradcam_layer": "trunk.blocks.6",
        "dropout": _DROPOUT[variant],
    }
