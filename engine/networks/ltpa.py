"""Learn to pay attention (Jetley et al., arXiv 1804.02391) on EfficientNet, as in P002, section 3.5.

    c = compatibility of l at each position with the global descriptor g,   a = softmax of c over the positions,
    d = sum of a l over the positions,   logit = linear(d1, d2, d3)

with l the outputs of the last blocks of the resolutions 1/8, 1/16 and 1/32, and g the average of the map behind
the trunk's last convolution. g itself is not classified.

P002 does not say which compatibility it takes. `parametrised` is c = u (l + P g) with a learned u and a projection
P. Its term u P g is the same at every position and cancels in the softmax: neither P nor g nor the trunk's last
convolution can ever change an answer or get a gradient. So they are left out, and c = u l. `dot` is c = l (P g),
where g does take part. Projecting l up to the width of g instead of g down, as some do, is the same function with
the projection multiplied into P, u and the linear head.
"""

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from engine.networks.frame import Features, FrameNetwork

Compatibility = Literal["parametrised", "dot"]

_TAPS = (2, 4, 6)


class LtpaNetwork(FrameNetwork):
    """A FrameNetwork with the maps "c1" (B, size / 8, size / 8), "c2" (1 / 16) and "c3" (1 / 32); each sums to 1.

    Args:
        tapped: channels of the three maps l, the finest first.
        channels: of the map whose average is g.
        compatibility: see the module.
    """

    attention_names: ClassVar[tuple[str, ...]] = ("c1", "c2", "c3")

    def __init__(
        self,
        trunk: nn.Module,
        tapped: tuple[int, int, int],
        channels: int,
        compatibility: Compatibility,
        **settings: Any,
    ) -> None:
        dot = compatibility == "dot"
        super().__init__(trunk, sum(tapped), map_channels=channels if dot else tapped[-1], **settings)
        if dot:
            self.projections = nn.ModuleList(nn.Linear(channels, width, bias=False) for width in tapped)
        else:
            trunk.conv_head, trunk.bn2 = nn.Identity(), nn.Identity()
            # Zero: a network begins with plain averages and learns where to look.
            self.queries = nn.ParameterList(nn.Parameter(torch.zeros(width)) for width in tapped)
        self.compatibility = compatibility

    def features(self, x: Tensor) -> Features:
        trunk: Any = self.trunk
        x = trunk.bn1(trunk.conv_stem(x))
        local = []
        for number, stage in enumerate(trunk.blocks):
            x = stage(x)
            if number in _TAPS:
                local.append(x)
        last: Tensor = trunk.bn2(trunk.conv_head(x))
        exact = self.head.weight.dtype  # the weights' own, whatever autocast makes of the maps
        queries = self._queries(last)
        attended = [attend(one.to(exact), query.to(exact)) for one, query in zip(local, queries, strict=True)]
        descriptor = torch.cat([d for d, _ in attended], 1)
        maps = (attention.float() for _, attention in attended)
        return Features(last, descriptor, dict(zip(self.attention_names, maps, strict=True)))

    def _queries(self, last: Tensor) -> list[Tensor]:
        """For each l what its positions are compared with: (B, c), or (1, c) where g cancels."""
        if self.compatibility == "dot":
            return [projection(last.mean((2, 3))) for projection in self.projections]
        return [query[None] for query in self.queries]


def attend(local: Tensor, query: Tensor) -> tuple[Tensor, Tensor]:
    """Maps (B, c, h, w) and queries (B or 1, c) -> descriptors (B, c), and attention (B, h, w) that sums to 1.

    Written without matrix products, which autocast would round to bf16: a softmax of such scores is coarse.
    """
    batch, _, height, width = local.shape
    positions = local.flatten(2)
    attention = (positions * query[:, :, None]).sum(1).softmax(1)
    descriptor = (positions * attention[:, None]).sum(2)
    return descriptor, attention.view(batch, height, width)
