"""What an LPS network is made of: P001's sizes, a compact one, and the switches of P001's ablations."""

from dataclasses import dataclass
from typing import Literal

EncoderKind = Literal["resnet", "inception", "none"]
PredictionMode = Literal["one-step", "recursive"]

OBSERVED = 3
"""Examples that are seen before the first prediction (P001, algorithm 1: i from 3)."""
RECURSIVE_STEPS = 3
"""Examples that the recursive mode foretells (MemDPC)."""


@dataclass(frozen=True, slots=True)
class LpsConfig:
    """The defaults are P001's network.

    Attributes:
        size: side of the aligned crops, pixels, a multiple of 32; maps have size / 32 cells a side.
        frames: of an example.
        examples: of a window, 60 successive frames in all.
        encoder: 2d3d-ResNet18, 3D Inception (P001's LPS_e), or no layers at all.
        widths: channels of the four stages of the ResNet; the last is that of the features, also with Inception.
        hidden: channels of the state of each aggregator.
        aggregator: without it the classifier sees the features of all examples side by side.
        memory: without it the predictor gives the features themselves, not shares of memory slots.
        slots: of the memory bank.
        prediction: from the true examples before it (algorithm 1), or fed with its own predictions (MemDPC).
        gain: of the orthogonal start of aggregator and predictor. 0.1 is for pre-training, 1 for a network that
            is trained as a detector from the beginning (P001's LPS_ri).

    Raises:
        ValueError: for sizes that no network can have.
    """

    size: int = 224
    frames: int = 5
    examples: int = 12
    encoder: EncoderKind = "resnet"
    widths: tuple[int, int, int, int] = (64, 128, 256, 256)
    hidden: int = 256
    aggregator: bool = True
    memory: bool = True
    slots: int = 1024
    prediction: PredictionMode = "one-step"
    gain: float = 0.1

    def __post_init__(self) -> None:
        if self.size < 32 or self.size % 32:
            raise ValueError(f"LPS: crops of {self.size} px; the side must be a multiple of 32")
        if self.examples < 2 * OBSERVED:
            raise ValueError(f"LPS: {self.examples} examples; predictions of both directions need {2 * OBSERVED}")
        if self.prediction == "recursive" and not self.aggregator:
            raise ValueError("LPS: a recursive prediction needs the aggregator, whose state carries it on")

    @property
    def cells(self) -> int:
        """Cells a side of the feature maps."""
        return self.size // 32


COMPACT = LpsConfig(widths=(16, 32, 64, 128), hidden=128, slots=256)
"""For a processor without a GPU: a quarter of the channels where most of the work is."""
