"""The contrastive loss of P001 (eq 4): a predicted cell must be more like the true one than like any other.

    loss = mean over all predicted cells i of  -log( exp(z'_i z_i) / sum over j of exp(z'_i z_j) )

where j runs over all true cells of a batch, of all videos, examples and places. P001 prints a sum; its mean, with
temperature 1, no normalisation and gradients to the true features, too, is MemDPC's.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ROWS_AT_A_TIME = 1024


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Pairs of a predicted and a true cell in one loss, by what they share (Han et al., arXiv 1909.04656).

    Attributes:
        positives: the same video, example and place.
        temporal: negatives of the same video and place, another example.
        spatial: negatives of the same video, another place, any example.
        batch: negatives of other videos.
    """

    positives: int
    temporal: int
    spatial: int
    batch: int


def count_pairs(videos: int, examples: int, cells: int) -> PairCounts:
    """For predictions of `examples` examples of each of `videos` videos, `cells` places each."""
    rows = videos * examples * cells
    return PairCounts(
        rows, rows * (examples - 1), rows * examples * (cells - 1), rows * (videos - 1) * examples * cells
    )


def contrastive_loss(predicted: Tensor, true: Tensor, rows_at_a_time: int = ROWS_AT_A_TIME) -> Tensor:
    """Predicted and true features (B, P, C, h, w) -> the loss, a scalar in float32 or better.

    The scores of all pairs, 199 MB for 16 videos of P001, are never in memory at once, in either pass: so many
    rows are made at a time. Gradients go to both; there are no second derivatives.
    """
    rows, columns = _cells(predicted), _cells(true)
    with torch.autocast(predicted.device.type, enabled=False):
        loss: Tensor = _ChunkedInfoNce.apply(rows, columns, rows_at_a_time)
    return loss


@torch.no_grad()
def contrastive_hits(predicted: Tensor, true: Tensor, rows_at_a_time: int = ROWS_AT_A_TIME) -> Tensor:
    """Predicted and true features (B, P, C, h, w) -> (B P h w,) bool: the true cell scores more than any other."""
    rows, columns = _cells(predicted), _cells(true)
    own = torch.arange(len(rows), device=rows.device)
    found = []
    for part, places in zip(*(torch.split(each, rows_at_a_time) for each in (rows, own)), strict=True):
        scores = part @ columns.T
        mine = scores.gather(1, places[:, None]).squeeze(1)
        found.append((scores >= mine[:, None]).sum(1) == 1)
    return torch.cat(found)


def _cells(features: Tensor) -> Tensor:
    """(B, P, C, h, w) -> (B P h w, C) in float32 or better."""
    exact = torch.promote_types(features.dtype, torch.float32)
    return features.movedim(2, -1).reshape(-1, features.shape[2]).to(exact)


class _ChunkedInfoNce(torch.autograd.Function):
    """Cross-entropy of rows @ columns.T with the diagonal as targets; the softmax is made again to go back."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, columns: Tensor, at_a_time: int) -> Tensor:
        totals = torch.cat([(part @ columns.T).logsumexp(1) for part in torch.split(rows, at_a_time)])
        ctx.save_for_backward(rows, columns, totals)
        ctx.at_a_time = at_a_time
        return (totals - (rows * columns).sum(1)).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        rows, columns, totals = ctx.saved_tensors
        to_rows, to_columns = [], -rows
        for part, total in zip(torch.split(rows, ctx.at_a_time), torch.split(totals, ctx.at_a_time), strict=True):
            shares = (part @ columns.T - total[:, None]).exp()
            to_rows.append(shares @ columns)
            to_columns = to_columns.addmm(shares.T, part)
        scale = grad / len(rows)
        return (torch.cat(to_rows) - columns) * scale, to_columns * scale, None
