"""3D Inception (Carreira and Zisserman, arXiv 1705.07750) as the encoder of P001's LPS_e.

With the strides of its authors an example of 5 frames at 224 px ends as (1024, 1, 7, 7). P001 does not say how it
goes on; here a 1x1 convolution brings it to the width of the features, which have no ReLU, as with the ResNet.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from engine.networks.lps.encoder import initialise_convolutions


class Unit(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv3d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm3d(outputs, eps=1e-3),
            nn.ReLU(inplace=True),
        )


class Stem(Unit):
    """A unit whose frames are laid side by side as channels, and convolved in 2D: the same function.

    In float32 on a CPU torch's own gradient of 5 frames and a kernel of 7 writes beyond its memory and ends the
    program, and of 6 frames it holds numbers that are none (seen with 2.14).
    """

    def forward(self, x: Tensor) -> Tensor:
        convolution, norm, activation = cast("nn.Conv3d", self[0]), self[1], self[2]
        length, stride, margin = (
            int(each[0])
            for each in (convolution.kernel_size, convolution.stride, cast("Any", convolution.padding))
        )
        seen = pad(x, (0, 0, 0, 0, margin, margin)).unfold(2, length, stride)
        frames = seen.permute(0, 2, 1, 5, 3, 4).flatten(0, 1).flatten(1, 2)
        maps = conv2d(frames, convolution.weight.flatten(1, 2), None, stride, margin)
        joined = maps.view(len(x), -1, *maps.shape[1:]).transpose(1, 2)
        return cast("Tensor", activation(norm(joined)))


class Mixed(nn.Module):
    """Four branches side by side: 1, 1 then 3, 1 then 3, pooling then 1.

    Args:
        widths: of branch 1; of branch 2, reduced and in the end; the same of branch 3; of branch 4.
    """

    def __init__(self, inputs: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        one, two_reduced, two, three_reduced, three, four = widths
        self.branches = nn.ModuleList(
            [
                Unit(inputs, one, 1),
                nn.Sequential(Unit(inputs, two_reduced, 1), Unit(two_reduced, two, 3)),
                nn.Sequential(Unit(inputs, three_reduced, 1), Unit(three_reduced, three, 3)),
                nn.Sequential(nn.MaxPool3d(3, 1, 1), Unit(inputs, four, 1)),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


class Inception3d(nn.Module):
    """Examples (B, 3, T, S, S) -> features (B, channels, S / 32, S / 32), averaged over the time that is left."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.trunk = nn.Sequential(
            Stem(3, 64, 7, 2),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            Unit(64, 64, 1),
            Unit(64, 192, 3),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            Mixed(192, (64, 96, 128, 16, 32, 32)),
            Mixed(256, (128, 128, 192, 32, 96, 64)),
            nn.MaxPool3d(3, 2, 1),
            Mixed(480, (192, 96, 208, 16, 48, 64)),
            Mixed(512, (160, 112, 224, 24, 64, 64)),
            Mixed(512, (128, 128, 256, 24, 64, 64)),
            Mixed(512, (112, 144, 288, 32, 64, 64)),
            Mixed(528, (256, 160, 320, 32, 128, 128)),
            nn.MaxPool3d(2, 2, ceil_mode=True),
            Mixed(832, (256, 160, 320, 32, 128, 128)),
            Mixed(832, (384, 192, 384, 48, 128, 128)),
        )
        self.project = nn.Conv2d(1024, channels, 1)
        initialise_convolutions(self)
        nn.init.zeros_(self.project.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.project(self.trunk(x).mean(2))
        return features
