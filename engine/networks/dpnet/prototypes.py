"""The prototype layer (P000, eqs 1 and 2): how near each cell of a map comes to each prototype."""

from typing import Literal

import torch
from torch import Tensor, nn

Similarity = Literal["inverse", "log"]

_LOG_FLOOR = 1e-4


class PrototypeLayer(nn.Module):
    """2 x per_class vectors; the first half stands for real, the second for fake.

    Attributes:
        vectors: (m, C, 1, 1), begun with U[0, 1).
        classes: (m,) int64, 0 real, 1 fake.
        similarity: inverse is 1 / (1 + d) in (0, 1], eq 2; log is ProtoPNet's log((d + 1) / (d + 1e-4)).
    """

    classes: Tensor

    def __init__(self, per_class: int, channels: int, similarity: Similarity = "inverse") -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.rand(2 * per_class, channels, 1, 1))
        self.class_list = (0,) * per_class + (1,) * per_class
        self.register_buffer("classes", torch.tensor(self.class_list), persistent=False)
        self.similarity = similarity

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of cells (B, C, h, w) -> what their nearest cells say, and all of them.

        Returns:
            (B, m) similarity of the nearest cell, (B, m) its squared distance, (B, m, h, w) similarities of all.
        """
        distances = squared_distances(z, self.vectors)
        maps = self.similarity_of(distances)
        similarities, nearest = maps.flatten(2).max(2)
        return similarities, distances.flatten(2).gather(2, nearest[..., None]).squeeze(2), maps

    def similarity_of(self, distances: Tensor) -> Tensor:
        """Squared distances -> similarities, falling."""
        if self.similarity == "log":
            return ((distances + 1) / (distances + _LOG_FLOOR)).log()
        return 1 / (1 + distances)


def squared_distances(z: Tensor, vectors: Tensor) -> Tensor:
    """||z - p||^2 of every cell and prototype: (B, C, h, w), (m, C, 1, 1) -> (B, m, h, w), at least float32.

    Computed as ||z||^2 - 2 z p + ||p||^2, which loses digits where the vectors are long beside their distance. So
    both are taken relative to the mean prototype, which changes no distance; no half precision is let in; and the
    product is a matrix product, since convolutions on a GPU are rounded to TF32.
    """
    with torch.autocast(z.device.type, enabled=False):
        exact = torch.promote_types(z.dtype, torch.float32)
        origin = vectors.detach().to(exact).mean(0)
        p = (vectors.to(exact) - origin).flatten(1)
        cells = (z.to(exact) - origin).flatten(2)
        product = p @ cells
        squares = cells.square().sum(1, keepdim=True) - 2 * product + p.square().sum(1)[:, None]
        return squares.relu().view(-1, len(p), *z.shape[2:])
