"""Scene cuts, exact to the frame, from small grey pictures of every frame."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.results import Picture

CONTEXT = 4
"""Frames on each side of a frame that decide whether it begins a new scene."""


def thumbnail(pixels: Picture) -> Picture:
    """(H, W, 3) -> the small picture, (36, 64) uint8, by which cuts are found."""
    raise NotImplementedError


def find_cuts(thumbnails: Sequence[Picture] | npt.NDArray[np.uint8], first: int = 0) -> tuple[int, ...]:
    """Frames that begin a new scene. thumbnails (N, 36, 64) of the consecutive frames first, first + 1, ..."""
    raise NotImplementedError
