"""The three maps of LTPA (Jetley et al., arXiv 1804.02391; P002, section 3.5), one of them or summed.

Each map of a network sums to 1 over its positions: c1 has 48 x 48 cells at 380 px, c2 24 x 24, c3 12 x 12. Their
sum is taken on the cells of c1, each cell with the value of the coarser cell it lies in. A position of c3, of
which there are fewest, weighs most in it. What is shown is divided by its largest value.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn import functional

from engine.explainers.attention import AttentionExplainer
from engine.explainers.settings import ExplainerSettings, choice

NAMES = ("c1", "c2", "c3")


@dataclass(frozen=True)
class LtpaSettings(ExplainerSettings):
    """What of it can be set."""

    which: str = choice("sum", ("sum", *NAMES), "the map of one scale, the finest first, or the sum of all three")


class Ltpa(AttentionExplainer):
    """See the module; values in (0, 1], the largest of each map 1."""

    id = "ltpa"
    settings_type = LtpaSettings

    def __init__(self, chosen: LtpaSettings | None = None) -> None:
        self._chosen = chosen or LtpaSettings()
        super().__init__(self._chosen)

    @property
    def title(self) -> str:
        return f"{self.id} {self._chosen.which}, where it looks"

    def combine(self, attention: Mapping[str, torch.Tensor]) -> torch.Tensor:
        which = self._chosen.which
        if which != "sum":
            return largest_one(attention[which])
        finest = attention[NAMES[0]]
        coarser = (
            functional.interpolate(attention[name][:, None], finest.shape[1:], mode="nearest-exact")[:, 0]
            for name in NAMES[1:]
        )
        return largest_one(finest + sum(coarser))


def largest_one(maps: torch.Tensor) -> torch.Tensor:
    """Positive maps (B, h, w), each over its largest value."""
    return maps / maps.amax((1, 2), keepdim=True)
