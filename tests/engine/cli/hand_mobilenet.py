"""MobileNetV2 with one logit from the paper's table and raw tensors alone: nothing of ours, nothing of timm."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone knows)
from safetensors.torch import load_file
from torch import Tensor

STAGES = [(1, 1, 1), (6, 2, 2), (6, 3, 2), (6, 4, 2), (6, 3, 1), (6, 3, 2), (6, 1, 1)]
"""Expansion, number of blocks, stride of the first (Sandler et al. 2018, table 2)."""


class HandMobileNet:
    """Reads the tensors of frame-mobile and computes in float32, layer by layer."""

    def __init__(self, model: Path) -> None:
        self.w = {name: tensor.float() for name, tensor in load_file(model).items()}

    @torch.no_grad()
    def __call__(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N, 224, 224, 3) uint8 -> logits (N,) and, in closed form, signed Grad-CAM maps (N, 7, 7).

        The logit is the head's weights times the mean of the last map, so a channel's mean gradient is its weight
        divided by the number of cells.
        """
        x = torch.tensor(crops).permute(0, 3, 1, 2) / 127.5 - 1
        x = self._step(x, "trunk.conv_stem", "trunk.bn1", 2)
        for stage, (expansion, count, stride) in enumerate(STAGES):
            for block in range(count):
                x = self._block(x, f"trunk.blocks.{stage}.{block}.", expansion, stride if block == 0 else 1)
        x = self._step(x, "trunk.conv_head", "trunk.bn2", 1)
        maps = (self.w["head.weight"][0][None, :, None, None] * x).sum(1) / x[0, 0].numel()
        return (maps.sum((1, 2)) + self.w["head.bias"]).numpy(), maps.numpy()

    def _block(self, x: Tensor, name: str, expansion: int, stride: int) -> Tensor:
        y = x
        norms = iter(("bn1", "bn2", "bn3"))
        if expansion > 1:
            y = self._step(y, name + "conv_pw", name + next(norms), 1)
        y = self._step(y, name + "conv_dw", name + next(norms), stride, groups=y.shape[1])
        y = self._step(y, name + ("conv_pwl" if expansion > 1 else "conv_pw"), name + next(norms), 1, linear=True)
        return x + y if x.shape == y.shape else y

    def _step(self, x: Tensor, conv: str, norm: str, stride: int, groups: int = 1, linear: bool = False) -> Tensor:
        weight = self.w[conv + ".weight"]
        pads = []
        for side, kernel in ((x.shape[3], weight.shape[3]), (x.shape[2], weight.shape[2])):
            total = max(0, (-(-side // stride) - 1) * stride + kernel - side)  # as TensorFlow's SAME
            pads += [total // 2, total - total // 2]
        y = F.conv2d(F.pad(x, pads), weight, stride=stride, groups=groups)
        mean, variance, scale, shift = (
            self.w[f"{norm}.{part}"][None, :, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        y = (y - mean) / torch.sqrt(variance + 1e-5) * scale + shift
        return y if linear else y.clamp(0, 6)


def hand_crop(pixels: np.ndarray, affine: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 3) uint8: every crop pixel is the mean of k x k bilinear samples spread evenly over it.

    The frame's border goes on outside; pixel (0, 0) covers [0, 1) x [0, 1).
    """
    k = max(1, int(np.ceil(np.hypot(affine[0, 0], affine[1, 0]) - 1e-3)))
    at = (np.arange(size * k) + 0.5) / k
    x = affine[0, 0] * at[None] + affine[0, 1] * at[:, None] + affine[0, 2] - 0.5
    y = affine[1, 0] * at[None] + affine[1, 1] * at[:, None] + affine[1, 2] - 0.5
    height, width = pixels.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    x0, y0 = np.minimum(x.astype(int), width - 2), np.minimum(y.astype(int), height - 2)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    picture = pixels.astype(float)
    top = picture[y0, x0] * (1 - fx) + picture[y0, x0 + 1] * fx
    bottom = picture[y0 + 1, x0] * (1 - fx) + picture[y0 + 1, x0 + 1] * fx
    fine = top * (1 - fy) + bottom * fy
    return np.rint(fine.reshape(size, k, size, k, 3).mean((1, 3))).astype(np.uint8)
