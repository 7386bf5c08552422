"""The encoder of P001: 2d3d-ResNet18 as in MemDPC (Han et al., arXiv 2008.01065), and what is left without one.

    stem   7x7, stride 2, pooled       (B, 64, 5, 56, 56)   each frame by itself
    res1   two 2D blocks               (B, 64, 5, 56, 56)
    res2   two 2D blocks, stride 2     (B, 128, 5, 28, 28)
    res3   two 3D blocks, stride 2     (B, 256, 3, 14, 14)
    res4   two 3D blocks, stride 2     (B, 256, 2, 7, 7)    no ReLU at the end
    pool2  mean over time              (B, 256, 7, 7)

Kernels 1 x k x k are written as 2D convolutions over all frames of a batch: the same function and the same batch
statistics in less time (see benchmarks/README.md). P001 writes 256 where ResNet18 has 512.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pixel_unshuffle


class Residual(nn.Module):
    """Basic block of two convolutions, 3 x 3 over frames (`dims` 2) or 3 x 3 x 3 over clips (`dims` 3)."""

    def __init__(self, inputs: int, outputs: int, stride: int, dims: int, *, last: bool = False) -> None:
        super().__init__()
        conv, norm = (nn.Conv2d, nn.BatchNorm2d) if dims == 2 else (nn.Conv3d, nn.BatchNorm3d)
        self.body = nn.Sequential(
            conv(inputs, outputs, 3, stride, 1, bias=False),
            norm(outputs),
            nn.ReLU(inplace=True),
            conv(outputs, outputs, 3, 1, 1, bias=False),
            norm(outputs),
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(conv(inputs, outputs, 1, stride, bias=False), norm(outputs))
        )
        self.end = nn.Identity() if last else nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.end(self.body(x) + self.shortcut(x)))


class ResNet2d3d(nn.Module):
    """Examples (B, 3, T, S, S) -> features (B, widths[3], S / 32, S / 32) before their ReLU.

    14.06 million parameters and 9.3 billion multiplications an example of 5 frames at 224 px with P001's widths.
    """

    def __init__(self, widths: tuple[int, int, int, int]) -> None:
        super().__init__()
        stem, second, third, fourth = widths
        self.channels = fourth
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 7, 2, 3, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        self.res1 = nn.Sequential(Residual(stem, stem, 1, 2), Residual(stem, stem, 1, 2))
        self.res2 = nn.Sequential(Residual(stem, second, 2, 2), Residual(second, second, 1, 2))
        self.res3 = nn.Sequential(Residual(second, third, 2, 3), Residual(third, third, 1, 3))
        self.res4 = nn.Sequential(Residual(third, fourth, 2, 3), Residual(fourth, fourth, 1, 3, last=True))
        initialise_convolutions(self)

    def frame_features(self, x: Tensor) -> Tensor:
        """(B, 3, T, S, S) -> (B, widths[1], T, S / 8, S / 8): the stages that look at each frame alone."""
        frames = x.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        maps: Tensor = self.res2(self.res1(self.stem(frames)))
        return maps.view(-1, x.shape[2], *maps.shape[1:]).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        clips: Tensor = self.res4(self.res3(self.frame_features(x).contiguous()))
        return clips.mean(2)


class RawCells(nn.Module):
    """P001's ablation without encoder: no layer, only averages of the pixels of each cell.

    (B, 3, T, S, S) -> (B, 48 T, S / 32, S / 32): of each cell of 32 x 32 px the 4 x 4 mean colours in each frame.
    """

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.channels = 48 * frames

    def forward(self, x: Tensor) -> Tensor:
        means = avg_pool2d(x.transpose(1, 2).flatten(1, 2), 8)
        return pixel_unshuffle(means, 4)


def initialise_convolutions(module: nn.Module) -> None:
    """He's normal start over the outputs; batch normalisation starts as 1 and 0 by itself."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
