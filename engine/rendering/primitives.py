"""What a painter has to be able to draw: four kinds of items, one over the other."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.results import Picture

RGBA = tuple[int, int, int, int]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mask:
    """A grid of palette entries laid over the frame, nearest neighbour.

    Attributes:
        indices: (h, w) uint8.
        affine: (2, 3) float64 from continuous map coordinates to continuous frame coordinates.
        table: (256, 4) uint8 RGBA.
        opacity: multiplies the alpha of the table, 0 to 1.
    """

    indices: Picture
    affine: npt.NDArray[np.float64]
    table: Picture
    opacity: float


@dataclass(frozen=True, slots=True)
class Fill:
    """The pixels x0 <= x < x1, y0 <= y < y1 in one colour; whole numbers."""

    x0: int
    y0: int
    x1: int
    y1: int
    colour: RGBA


@dataclass(frozen=True, slots=True)
class Lines:
    """Separate polylines in one colour and width (whole pixels), anti-aliased; (N, 2) points each."""

    paths: tuple[Points, ...]
    colour: RGBA
    width: int


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text in the font of `engine.rendering.text`; (x, y) is the top left corner of its line box."""

    x: int
    y: int
    text: str
    size: int
    colour: RGBA


Item = Mask | Fill | Lines | Text


@dataclass(frozen=True, slots=True)
class Layers:
    """All that lies over one frame of width x height pixels; items are drawn in their order."""

    width: int
    height: int
    items: tuple[Item, ...]
