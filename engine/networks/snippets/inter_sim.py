"""The Inter-Snippet Interaction Module of P003, equations 7 to 11: what differs from snippet to snippet.

From G, the means of the feature F over each picture, and its squeeze S, with u counting snippets and t frames:

    F1 = sigmoid(conv1x1(BN(conv3x1(G)))),  three snippets wide,                             (7)
    D_u = S_u - conv1x3(S_{u+1})  and  S_u - conv1x3'(S_{u-1}),  three frames wide,          (8, 9)
    F2 = sigmoid(conv1x1(both together)),                                                    (10)
    O = conv_U(F1 F2 F + F),  three snippets wide.                                           (11)

"The intra-snippet interaction is first captured by conv1x3" is taken for the convolution inside (8) and (9). What
else P003 leaves open: r = 16, conv1x3 and conv_U work in each channel alone, zero where a difference has no second
snippet, and conv_U begins as the identity, which keeps weights from ImageNet useful.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from engine.networks.snippets.taps import squeezed_width, three_taps


class InterSim(nn.Module):
    """(N, T, C, U, H, W), a batch of clips of any number U of snippets -> the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        width = squeezed_width(channels)
        self.snippets = nn.Conv2d(channels, width, (3, 1), padding=(1, 0), bias=False)
        self.snippets_norm = nn.BatchNorm2d(width)
        self.snippets_recover = nn.Conv2d(width, channels, 1)
        self.squeeze = nn.Conv2d(channels, width, 1, bias=False)
        self.squeeze_norm = nn.BatchNorm2d(width)
        self.next_snippet = nn.Conv2d(width, width, (1, 3), padding=(0, 1), groups=width, bias=False)
        self.previous_snippet = nn.Conv2d(width, width, (1, 3), padding=(0, 1), groups=width, bias=False)
        self.motion_recover = nn.Conv2d(width, channels, 1)
        self.mix = nn.Parameter(torch.tensor([[0.0], [1.0], [0.0]]).repeat(1, channels))
        """(3, C): what conv_U takes from snippet u - 1, u and u + 1."""

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_with_attention(x)[0]

    def forward_with_attention(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `forward`, and F1 F2 (N, C, U, T) in (0, 1), whose mean over C is the U-T map."""
        frames = x.permute(0, 3, 1, 2, 4, 5)  # (N, U, T, C, H, W)
        attention = self.attention(frames.mean((4, 5)).permute(0, 3, 1, 2))
        gain = 1 + attention.permute(0, 2, 3, 1)[..., None, None]
        mixed = three_taps(frames, *(gain * taps[:, None, None] for taps in self.mix))
        return mixed.permute(0, 2, 3, 1, 4, 5), attention

    def attention(self, means: Tensor) -> Tensor:
        """Equations 7 to 10: (N, C, U, T) -> (N, C, U, T)."""
        first = torch.sigmoid(self.snippets_recover(self.snippets_norm(self.snippets(means))))
        squeezed = self.squeeze_norm(self.squeeze(means))
        return first * torch.sigmoid(self.motion_recover(self.differences(squeezed)))

    def differences(self, squeezed: Tensor) -> Tensor:
        """Equations 8 and 9: (N, m, U, T) -> both directions added."""
        ahead = squeezed[:, :, :-1] - self.next_snippet(squeezed)[:, :, 1:]
        back = squeezed[:, :, 1:] - self.previous_snippet(squeezed)[:, :, :-1]
        return pad(ahead, (0, 0, 0, 1)) + pad(back, (0, 0, 1, 0))
