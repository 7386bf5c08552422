"""MobileNetV2 1.0 (Sandler et al., arXiv 1801.04381) with one logit, and its start from ImageNet weights.

The compact counterparts of P002's networks: plain, with Bonettini's attention and with LTPA, tapped like the
EfficientNets at the last blocks of the resolutions 1/8, 1/16 and 1/32, which end the trunk's stages 2, 4 and 6.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import timm
import torch
from torch import nn

from engine.networks.attention import AttentionNetwork
from engine.networks.frame import FrameNetwork, initialise_head
from engine.networks.ltpa import LtpaNetwork

CHANNELS = 1280
TAPPED = (32, 96, 320)


def build_mobilenet(size: int = 224) -> FrameNetwork:
    """MobileNetV2 1.0 for crops of `size` pixels in [-1, 1]; the map before pooling is 1280 x 7 x 7 at 224.

    Padding is TensorFlow's SAME (asymmetric at stride 2), as the ImageNet weights at hand were trained with.
    """
    network = FrameNetwork(_trunk(), CHANNELS, gradcam_layer="trunk.bn2", **_settings(size))
    initialise_head(network)
    return network


def build_mobile_attention(size: int = 224) -> AttentionNetwork:
    """MobileNetV2 whose 1/8 maps are weighed by one attention map, 28 x 28 at 224 px (Bonettini et al.)."""
    network = AttentionNetwork(_trunk(), CHANNELS, TAPPED[0], gradcam_layer="trunk.bn2", **_settings(size))
    initialise_head(network)
    return network


def build_mobile_ltpa(size: int = 224) -> LtpaNetwork:
    """MobileNetV2 that judges by three attended descriptors, 28, 14 and 7 cells wide at 224 px (LTPA)."""
    network = LtpaNetwork(
        _trunk(), TAPPED, CHANNELS, "parametrised", gradcam_layer="trunk.blocks.6", **_settings(size)
    )
    initialise_head(network)
    return network


def _trunk() -> nn.Module:
    trunk: nn.Module = timm.create_model("mobilenetv2_100", pretrained=False, num_classes=0, pad_type="same")
    return trunk


def _settings(size: int) -> dict[str, Any]:
    return {"size": size, "input_mean": (0.5, 0.5, 0.5), "input_std": (0.5, 0.5, 0.5), "dropout": 0.2}


def load_folded_imagenet(network: FrameNetwork, path: Path) -> None:
    """Fill the trunk of `build_mobilenet` with weights whose batch normalisation is folded into the convolutions.

    The file is an npz of `NN_w` (out, h, w, in), depth-wise (1, h, w, channels), and `NN_b` in the order of the
    layers, with `ops`, a JSON list of the layers. Every normalisation becomes the identity plus the bias, so the
    trunk must see data (`settle_batch_norm`) before it is trained with batch statistics.

    Raises:
        ValueError: the file's layers are not MobileNetV2's.
    """
    with np.load(path, allow_pickle=False) as archive:
        names = [name for kind, _, name in json.loads(str(archive["ops"])) if kind.endswith("CONV_2D")]
        weights = [archive[f"{name}_w"].astype(np.float32) for name in names]
        biases = [archive[f"{name}_b"].astype(np.float32) for name in names]
    layers = list(convolutions(network))
    if len(layers) + 1 != len(names):  # the last of the file is the classifier of ImageNet
        raise ValueError(f"{path.name} holds {len(names)} layers where MobileNetV2 has {len(layers) + 1}")
    with torch.no_grad():
        for (conv, norm), weight, bias in zip(layers, weights, biases, strict=False):
            axes = (3, 0, 1, 2) if conv.groups > 1 else (0, 3, 1, 2)
            kernel = torch.from_numpy(np.ascontiguousarray(weight.transpose(axes)))
            if kernel.shape != conv.weight.shape:
                raise ValueError(f"{path.name}: a kernel is {tuple(kernel.shape)}, not {tuple(conv.weight.shape)}")
            conv.weight.copy_(kernel)
            norm.weight.fill_(1.0)
            norm.bias.copy_(torch.from_numpy(bias))
            mean, variance = statistics(norm)
            mean.zero_()
            variance.fill_(1.0 - norm.eps)


def convolutions(network: nn.Module) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Each convolution with the normalisation behind it, in the order of computation."""
    conv: nn.Conv2d | None = None
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            conv = module
        elif isinstance(module, nn.BatchNorm2d) and conv is not None:
            yield conv, module
            conv = None


def statistics(norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """The running mean and variance, which trunks of timm always keep."""
    return cast("torch.Tensor", norm.running_mean), cast("torch.Tensor", norm.running_var)


def settle_batch_norm(network: nn.Module, batches: torch.Tensor) -> None:
    """Give every normalisation the statistics of real data without changing what the network computes.

    With folded weights a normalisation is y = x + b. Measured mean m and variance v of x turn it into
    sqrt(v + eps) * (x - m) / sqrt(v + eps) + (b + m): the same function, but one that batch statistics leave
    nearly as it was.

    Args:
        network: with a MobileNetV2 inside, whatever it makes of it.
        batches: (N, C, H, W) as it takes them; one pass, layer by layer as the data flows.
    """
    handles = []

    def settle(module: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        norm, x = cast("nn.BatchNorm2d", module), args[0].detach().float()
        old_mean, old_variance = statistics(norm)
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        old_scale = norm.weight / (old_variance + norm.eps).sqrt()
        norm.bias.add_((mean - old_mean) * old_scale)
        norm.weight.copy_(old_scale * (variance + norm.eps).sqrt())
        old_mean.copy_(mean)
        old_variance.copy_(variance)

    training = network.training
    network.eval()
    try:
        for _, norm in convolutions(network):
            handles.append(norm.register_forward_pre_hook(settle))
        with torch.no_grad():
            network(batches)
    finally:
        for handle in handles:
            handle.remove()
        network.train(training)
