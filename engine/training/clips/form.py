"""What a clip of a batch looks like: which frames of a run it takes, and how its crops are cut and treated."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.detectors.snippet_sampling import uniform_clip
from engine.results import IntArray
from engine.training.augmentation.crops import Augmentation, draw_augmentation
from engine.training.pseudo_fakes.recoding import Recoding, draw_recoding

Treatment = Literal["full", "flip", "plain"]
_UNCODED = 0.3
_SCALES = (0.9, 1.08)
"""How much larger or smaller than with its margin a crop may be; with 0.1 the largest is all that is stored."""


@dataclass(frozen=True)
class ClipForm:
    """One form for all clips of a training.

    Attributes:
        frames: F of a clip.
        size: side of the crops, pixels.
        margin: share of the face's square that is added on each side.
        snippets: of which a clip consists; F must be a multiple.
        spread: share of the clips whose snippets stand at places spread over the run (P003); of the others all
            frames are successive.
        treatment: "full": cut, colour, sharpness, noise and coding; "flip": left and right exchanged at random;
            "plain": cut with the margin as it is, and nothing else.
        aligned: whether each frame is cut by its own landmarks, and not all with one square.
    """

    frames: int
    size: int
    margin: float = 0.1
    snippets: int = 1
    spread: float = 0.0
    treatment: Treatment = "full"
    aligned: bool = False

    def __post_init__(self) -> None:
        if self.frames < 1 or self.snippets < 1 or self.frames % self.snippets:
            raise ValueError(f"{self.frames} frames are not {self.snippets} snippets of one length")
        if self.aligned and self.spread:
            raise ValueError("only successive frames can be aligned")

    def rows(self, length: int, rng: np.random.Generator) -> IntArray:
        """(F,) increasing rows of a run of `length` >= F frames."""
        if rng.random() < self.spread:
            each = self.frames // self.snippets
            return uniform_clip(np.arange(length), self.snippets, each, rng).frames.ravel()
        return np.arange(self.frames) + rng.integers(length - self.frames + 1)

    def draw(self, rng: np.random.Generator) -> tuple[Augmentation, Recoding]:
        """How both clips of a pair are treated."""
        whole = 1 + 2 * self.margin
        if self.treatment == "plain":
            return Augmentation(scale=whole), Recoding(1.0, ())
        if self.treatment == "flip":
            return Augmentation(flip=bool(rng.random() < 0.5), scale=whole), Recoding(1.0, ())
        law = draw_augmentation(rng, self.size, (whole * _SCALES[0], whole * _SCALES[1]))
        return law, Recoding(1.0, ()) if rng.random() < _UNCODED else draw_recoding(rng)
