"""Which network judges snippets: its trunk, and where its modules stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Backbone = Literal["resnet50", "resnet26", "resnet18", "mobilenetv2"]
Kind = Literal["intra", "inter"]

STAGES = (1, 2, 3, 4)
"""Of every trunk: where its maps are 1/4, 1/8, 1/16 and 1/32 as wide as the crop (behind the block's stride)."""


@dataclass(frozen=True, slots=True)
class SnippetConfig:
    """All that makes one snippet network different from another.

    Attributes:
        backbone: ResNet-50 is the paper's; ResNet-26, -18 and MobileNetV2 are compact.
        frames: T, successive frames in a snippet.
        size: side of the crops, pixels.
        stages: those with modules (P003, table 6).
        intra, inter: off, the places of that module stay empty and the other does not move up (table 4).
        bidirectional, coordinate, learned_kernel: parts of Intra-SIM (table 5).
    """

    backbone: Backbone = "resnet50"
    frames: int = 4
    size: int = 224
    stages: tuple[int, ...] = STAGES
    intra: bool = True
    inter: bool = True
    bidirectional: bool = True
    coordinate: bool = True
    learned_kernel: bool = True

    def __post_init__(self) -> None:
        if self.frames < 2:
            raise ValueError(f"a snippet of {self.frames} frame has nothing that moves")
        if len(set(self.stages)) < len(self.stages) or not set(self.stages) <= set(STAGES):
            raise ValueError(f"stages must be some of {STAGES}, not {self.stages}")

    def kinds(self, depths: Sequence[int]) -> list[list[Kind | None]]:
        """For each block of each stage the module it gets: Intra, Inter, Intra ..., from Intra anew in each stage.

        Args:
            depths: the number of blocks in each of the four stages.
        """
        return [
            [self._kind(stage, block) for block in range(depth)]
            for stage, depth in zip(STAGES, depths, strict=True)
        ]

    def _kind(self, stage: int, block: int) -> Kind | None:
        kind: Kind = "inter" if block % 2 else "intra"
        wanted = self.inter if kind == "inter" else self.intra
        return kind if wanted and stage in self.stages else None
