"""The aggregator of P001: a ConvGRU (Ballas et al., arXiv 1511.06432) with kernels of 1x1.

    u = sigmoid(W_u [x, h]),  r = sigmoid(W_r [x, h]),  o = tanh(W_o [x, r h]),  h' = (1 - u) h + u o

At 1x1 every cell of the map has a memory of its own; what lies beside it reaches it through the encoder alone.
"""

import torch
from torch import Tensor, nn


class ConvGru(nn.Module):
    """One layer. The state begins as zeros; in training a tenth of it is dropped after each step, as in MemDPC."""

    def __init__(self, inputs: int, hidden: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.hidden = hidden
        self.update_gate = nn.Conv2d(inputs + hidden, hidden, 1)
        self.reset_gate = nn.Conv2d(inputs + hidden, hidden, 1)
        self.out_gate = nn.Conv2d(inputs + hidden, hidden, 1)
        self.dropout = nn.Dropout(dropout)

    def step(self, x: Tensor, state: Tensor) -> Tensor:
        """One step: (B, inputs, h, w), (B, hidden, h, w) -> the next state (B, hidden, h, w)."""
        both = torch.cat([x, state], 1)
        update = torch.sigmoid(self.update_gate(both))
        reset = torch.sigmoid(self.reset_gate(both))
        out = torch.tanh(self.out_gate(torch.cat([x, reset * state], 1)))
        following: Tensor = self.dropout((1 - update) * state + update * out)
        return following

    def forward(self, x: Tensor) -> Tensor:
        """(B, m, inputs, h, w) -> the state after each step, (B, m, hidden, h, w)."""
        state = x.new_zeros((x.shape[0], self.hidden, *x.shape[3:]))  # len(x) would fix an ONNX file's batch
        states = []
        for one in x.unbind(1):
            state = self.step(one, state)
            states.append(state)
        return torch.stack(states, 1)
