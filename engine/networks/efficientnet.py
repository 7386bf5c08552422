"""EfficientNet (Tan and Le, arXiv 1905.11946) with one logit, plain, as compared in P002."""

from typing import Literal

import timm

from engine.networks.frame import FrameNetwork, initialise_head

Variant = Literal["b4", "b7"]

_SIZES: dict[str, int] = {"b4": 380, "b7": 600}
_CHANNELS: dict[str, int] = {"b4": 1792, "b7": 2560}
_DROPOUT: dict[str, float] = {"b4": 0.4, "b7": 0.5}


def build_efficientnet(variant: Variant, size: int | None = None) -> FrameNetwork:
    """EfficientNet-B4 (380 px) or B7 (600 px) with TensorFlow's padding and ImageNet's mean and deviation.

    Grad-CAM looks at the output of the last MBConv block: 448 x 12 x 12 for B4 at 380 px.
    """
    trunk = timm.create_model(f"tf_efficientnet_{variant}", pretrained=False, num_classes=0)
    network = FrameNetwork(
        trunk,
        _CHANNELS[variant],
        size=size or _SIZES[variant],
        input_mean=(0.485, 0.456, 0.406),
        input_std=(0.229, 0.224, 0.225),
        gradcam_layer="trunk.blocks.6",
        dropout=_DROPOUT[variant],
    )
    initialise_head(network)
    return network
