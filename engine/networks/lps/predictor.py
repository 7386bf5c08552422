"""The predictor of P001 (eq 3): what is seen so far -> the features of the next example.

    p = softmax over the slots of phi(c),   z' = sum of p_k m_k

with phi two 1x1 convolutions and m_k the rows of a memory bank that is learnt with all the rest.
"""

from typing import cast

import torch
from torch import Tensor, nn


class Predictor(nn.Module):
    """Contexts (N, context, h, w) -> predicted features (N, channels, h, w).

    Args:
        slots: rows of the memory bank; None to predict the features directly (P001's ablation).
    """

    def __init__(self, context: int, channels: int, slots: int | None) -> None:
        super().__init__()
        self.phi = nn.Sequential(
            nn.Conv2d(context, context, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(context, slots or channels, 1),
        )
        if slots is None:
            self.register_parameter("memory", None)
        else:
            self.memory = nn.Parameter(torch.empty(slots, channels))
            nn.init.normal_(self.memory)

    def hypotheses(self, context: Tensor) -> Tensor:
        """(N, context, h, w) -> the share of each memory slot, (N, slots, h, w), which sum to 1."""
        return cast("Tensor", self.phi(context)).softmax(1)

    def forward(self, context: Tensor) -> Tensor:
        if self.memory is None:
            return cast("Tensor", self.phi(context))
        return torch.einsum("nkhw,kc->nchw", self.hypotheses(context), self.memory)
