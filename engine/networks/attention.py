"""The attention layer of Bonettini et al. (arXiv 2004.07676), one of the explainers compared in P002.

    a = sigmoid(w * l + b),   l <- a l

with l the output of the last block of resolution 1/8 and w a 1x1 convolution to one channel. The map shows where
the network looks, whether the face is real or forged; it does not say for which of the two it speaks.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from engine.networks.frame import Features, FrameNetwork

_TAP = 2


class AttentionNetwork(FrameNetwork):
    """A FrameNetwork with one map "attention" (B, size / 8, size / 8) in (0, 1).

    Args:
        tapped: channels of the map that is weighed.
    """

    attention_names: ClassVar[tuple[str, ...]] = ("attention",)

    def __init__(self, trunk: nn.Module, channels: int, tapped: int, **settings: Any) -> None:
        super().__init__(trunk, channels, **settings)
        self.attention = nn.Conv2d(tapped, 1, 1)

    def features(self, x: Tensor) -> Features:
        trunk: Any = self.trunk
        x = trunk.bn1(trunk.conv_stem(x))
        for stage in trunk.blocks[: _TAP + 1]:
            x = stage(x)
        weight = torch.sigmoid(self.attention(x))
        x = x * weight
        for stage in trunk.blocks[_TAP + 1 :]:
            x = stage(x)
        last: Tensor = trunk.bn2(trunk.conv_head(x))
        return Features(last, last.mean((2, 3)), {"attention": weight.squeeze(1).float()})
