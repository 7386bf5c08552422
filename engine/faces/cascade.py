"""MTCNN's three networks with the weights of facenet-pytorch, laid out so that a CPU runs them quickly.

The proposal network is rewritten: its 3 and 10 channels are filled up with zeros to 4 and 16, the scaling of its
input to [-1, 1] is part of its first convolution, its two heads are one convolution and its softmax is left to the
caller as a logit. The numbers are the same up to rounding. The other two are used as they are, channels last.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (the name everyone knows)
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from torch import Tensor, nn

CELL, STRIDE = 12, 2
"""The proposal network sees 12 x 12 pixels from every second pixel."""

_WIDE = 16
_STRIP = 64


class Proposals(nn.Module):
    """P-Net: (N, 4, H, W) float32 in [0, 255], RGB and anything -> (N, 5, h, w): logit, four box offsets.

    h = (H - 12) // 2 + 1; facenet-pytorch adds a last cell that lies half outside of odd pictures.
    """

    @torch.no_grad()
    def __init__(self) -> None:
        super().__init__()
        source = PNet()
        weight = _filled(source.conv1.weight, (_WIDE, 4, 3, 3)) / 128
        self.conv1 = _conv(weight, _filled(source.conv1.bias, (_WIDE,)) - 127.5 * weight.sum(dim=(1, 2, 3)))
        self.slope1 = nn.Parameter(_filled(source.prelu1.weight, (_WIDE,)))
        self.conv2 = _conv(_filled(source.conv2.weight, (_WIDE, _WIDE, 3, 3)), source.conv2.bias)
        self.slope2 = source.prelu2.weight
        self.conv3 = source.conv3
        self.slope3 = source.prelu3.weight
        face, box = source.conv4_1, source.conv4_2
        self.heads = _conv(
            torch.cat([face.weight[1:] - face.weight[:1], box.weight]),
            torch.cat([face.bias[1:] - face.bias[:1], box.bias]),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """On a CPU in strips of rows, whose planes stay in its caches: the same numbers in half the time."""
        rows = (pictures.shape[2] - CELL) // STRIDE + 1
        strip = rows if pictures.is_cuda else _STRIP
        starts = range(0, rows, strip)
        ends = [STRIDE * (min(at + strip, rows) - 1) + CELL for at in starts]
        return torch.cat(
            [self._strip(pictures[:, :, STRIDE * at : end]) for at, end in zip(starts, ends, strict=True)], dim=2
        )

    def _strip(self, pictures: Tensor) -> Tensor:
        x = F.prelu(self.conv1(pictures), self.slope1)
        x = F.max_pool2d(x, 2, 2)
        x = F.prelu(self.conv2(x), self.slope2)
        x = F.prelu(self.conv3(x), self.slope3)
        out: Tensor = self.heads(x)
        return out


def load_cascade(device: torch.device) -> tuple[Proposals, nn.Module, nn.Module]:
    """P-, R- and O-Net, frozen, ready for channels-last input on the device."""
    proposals, refine, output = Proposals(), RNet(), ONet()
    for network in (proposals, refine, output):
        network.eval().requires_grad_(requires_grad=False)
        network.to(device).to(memory_format=torch.channels_last)
    return proposals, refine, output


def _filled(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The values in the first corner of a larger tensor of zeros."""
    out = torch.zeros(shape)
    out[tuple(slice(n) for n in values.shape)] = values
    return out


def _conv(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], (weight.shape[2], weight.shape[3]))
    conv.weight, conv.bias = nn.Parameter(weight), nn.Parameter(bias)
    return conv
