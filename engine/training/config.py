"""What every training of a detector is told, whatever its network looks at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from engine.detectors.specs import DetectorSpec
from engine.training.loop.config import LoopConfig


@dataclass(frozen=True)
class Mix:
    """What the pairs of a batch are made of.

    Attributes:
        genuine: share of pairs of a real sample and a genuine forgery of it, per source of the forgery.
        pseudo: share of pairs of a real sample and a pseudo-fake of it, per source of the real one.
    """

    genuine: Mapping[str, float] = field(default_factory=dict)
    pseudo: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class DetectorConfig(LoopConfig):
    """A run that trains a detector on pairs.

    Attributes:
        mix: what is trained on.
        size: side of the crops.
        pairs: real and forged pairs per step, over all processes.
        frozen_stages: leading stages of the trunk that stay as they were, the stem with the first.
        smoothing: of the labels.
        validation_pairs: of each kind.
    """

    mix: Mix = field(default_factory=Mix)
    size: int = 224
    pairs: int = 16
    frozen_stages: int = 2
    smoothing: float = 0.05
    validation_pairs: int = 240

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("size", "pairs", "validation_pairs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.frozen_stages < 0 or not 0 <= self.smoothing < 0.5:
            raise ValueError("frozen_stages must not be negative, smoothing in [0, 0.5)")

    @property
    def crop_margin(self) -> float:
        """Share of the face's box that is added on each side of a crop, for the card."""
        return 0.0

    @property
    def makes_detector(self) -> bool:
        """Whether what it trains can judge; if not, another phase has to follow."""
        return True

    def build(self, spec: DetectorSpec) -> nn.Module:
        """The network that is trained, at its beginning."""
        network: nn.Module = spec.build(self.size)
        return network

    def described(self) -> Mapping[str, Any]:
        """What the card says of the training beyond what holds of all, plain values by name."""
        return {}
