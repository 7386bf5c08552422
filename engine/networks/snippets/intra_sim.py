"""The Intra-Snippet Inconsistency Module of P003, equations 1 to 6: what moves inside a snippet, and where.

One half of the channels passes. The other, X, is squeezed to F and compared with the next and the previous frame,

    D_t = F_t - conv(F_{t+1})  and  F_t - conv'(F_{t-1}),                                    (1)
    E = BN(conv1x1(BN(conv3x3(D)) + D))  over the planes height x time and time x width,   (2, 3)
    A = sigmoid(mean of both directions of E),
    K = softmax(linear(ReLU(linear(mean of X over the picture)))),  three taps,               (4)
    O = K along time on (A_H A_W X + X).                                                      (5)

Between (1) and the sigmoid everything is affine and shared by both directions, so they are averaged at once and
not after (3): the same function in half the work as soon as the normalisations' statistics stand. In training
those statistics are of the mean, not of either direction.

What P003 leaves open: r = 16, gamma = 2, k = 3, kernels of both directions in (1) their own, those of (2) and (3)
shared, zero where a difference has no second frame, no normalisation in (4). `conv` works in each channel alone.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from engine.networks.snippets.taps import squeezed_width, three_taps

_Axes = tuple[int, ...]
_HEIGHT_TIME: _Axes = (0, 4, 2, 3, 1)
"""(B, T, m, H, W) -> (B, W, m, H, T)"""
_TIME_WIDTH: _Axes = (0, 3, 2, 1, 4)
_HEIGHT_WIDTH: _Axes = (0, 1, 2, 3, 4)

_GAMMA = 2
_TAPS = 3
_CENTRE = 4.0
"""Bias of the middle tap: a new module hands on 0.96 of a frame itself, so weights from ImageNet stay useful."""


class IntraSim(nn.Module):
    """(B, C, T, H, W), a batch of snippets -> the same shape.

    Args:
        channels: C, even.
        frames: T, for good: the learned kernel looks at exactly so many.
        bidirectional: off, each frame is compared with the next alone (BP of P003's table 5).
        coordinate: off, one attention over height x width, frame by frame, stands for the two over height x time
            and time x width (CA).
        learned_kernel: off, nothing is blended along time (LK).
    """

    def __init__(
        self,
        channels: int,
        frames: int,
        *,
        bidirectional: bool = True,
        coordinate: bool = True,
        learned_kernel: bool = True,
    ) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"Intra-SIM splits its channels in halves; {channels} are odd")
        half = channels // 2
        width = squeezed_width(half)
        self.squeeze = nn.Conv2d(half, width, 1, bias=False)
        self.squeeze_norm = nn.BatchNorm2d(width)
        self.next_frame = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.previous_frame = (
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False) if bidirectional else None
        )
        planes = (_HEIGHT_TIME, _TIME_WIDTH) if coordinate else (_HEIGHT_WIDTH,)
        self.paths = nn.ModuleList(_Path(width, half, plane) for plane in planes)
        self.kernel = TemporalKernel(frames) if learned_kernel else None

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_with_attention(x)[0]

    def forward_with_attention(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, and A_H A_W (B, C / 2, T, H, W) in (0, 1)."""
        frames = x.transpose(1, 2)
        passed, moving = frames.chunk(2, 2)  # (B, T, C / 2, H, W) each
        attention = self._attention(moving)
        blended = torch.addcmul(moving, moving, attention)
        if self.kernel is not None:
            taps = self.kernel(moving.mean((3, 4)).transpose(1, 2))
            spread = taps[:, None, :, :, None, None].expand(-1, moving.shape[1], -1, -1, -1, -1)
            blended = three_taps(blended, *spread.unbind(3))
        # Of pictures, not of clips: so the layout of their memory stays.
        joined = torch.cat((passed.flatten(0, 1), blended.flatten(0, 1)), 1)
        return joined.view(frames.shape).transpose(1, 2), attention.transpose(1, 2)

    def differences(self, squeezed: Tensor) -> Tensor:
        """Equation 1: (B, T, m, H, W) -> the mean of both directions, of the forward one alone without BP."""
        flat = squeezed.flatten(0, 1)
        ahead = squeezed[:, :-1] - self.next_frame(flat).view(squeezed.shape)[:, 1:]
        ahead = pad(ahead, (0, 0) * 3 + (0, 1))
        if self.previous_frame is None:
            return ahead
        back = squeezed[:, 1:] - self.previous_frame(flat).view(squeezed.shape)[:, :-1]
        return (ahead + pad(back, (0, 0) * 3 + (1, 0))) / 2

    def _attention(self, moving: Tensor) -> Tensor:
        """(B, T, C / 2, H, W) -> the product of the attentions, of the same shape."""
        squeezed = self.squeeze_norm(self.squeeze(moving.flatten(0, 1)))
        difference = self.differences(squeezed.view(*moving.shape[:2], *squeezed.shape[1:]))
        attention: Tensor = self.paths[0](difference)
        for path in self.paths[1:]:
            attention = attention * path(difference)
        return attention


class _Path(nn.Module):
    """Equation 2 or 3 and the sigmoid: (B, T, m, H, W) -> (B, T, c, H, W) in (0, 1).

    Args:
        plane: the axes of the input in the order that puts the two of the path's plane last.
    """

    def __init__(self, width: int, channels: int, plane: _Axes) -> None:
        super().__init__()
        self.axes = plane
        self.plane = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.plane_norm = nn.BatchNorm2d(width)
        self.recover = nn.Conv2d(width, channels, 1, bias=False)
        self.recover_norm = nn.BatchNorm2d(channels)

    def forward(self, difference: Tensor) -> Tensor:
        planes = difference.permute(self.axes)
        flat = planes.flatten(0, 1)
        summed = (self.plane_norm(self.plane(flat)) + flat).view(planes.shape)
        frames = summed.permute(_inverse(self.axes)).flatten(0, 1)
        recovered: Tensor = self.recover_norm(self.recover(frames))
        return recovered.sigmoid_().view(*difference.shape[:2], *recovered.shape[1:])


def _inverse(axes: _Axes) -> list[int]:
    return [axes.index(axis) for axis in range(len(axes))]


class TemporalKernel(nn.Module):
    """Equation 4: means over pictures (B, c, T) -> taps for t - 1, t and t + 1 (B, c, 3), which sum to 1."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.widen = nn.Linear(frames, _GAMMA * frames)
        self.choose = nn.Linear(_GAMMA * frames, _TAPS)
        with torch.no_grad():
            self.choose.bias.copy_(torch.tensor([0.0, _CENTRE, 0.0]))

    def forward(self, means: Tensor) -> Tensor:
        logits: Tensor = self.choose(self.widen(means).relu())
        return logits.softmax(-1)
