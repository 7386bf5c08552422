"""The overlay of P002's survey: red, the more opaque the more a pixel supports fake."""

import numpy as np
import numpy.typing as npt

from engine.rendering.primitives import Mask
from engine.results import FloatArray, Picture, frozen


def _table() -> Picture:
    table = np.zeros((256, 4), np.uint8)
    table[:, 0] = 255
    table[:, 3] = np.arange(256)
    return frozen(table)


RED = _table()
"""(256, 4) RGBA: full red of rising alpha."""


def red_overlay(values: FloatArray, affine: npt.NDArray[np.floating]) -> Mask:
    """What supports fake in (h, w) values, scaled so that its maximum is 1, and 1 is full red.

    Negative values and values that are not finite are transparent; so is a map without a positive value. Nothing
    is smoothed.
    """
    fake = np.maximum(np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0), 0)
    largest = fake.max(initial=0.0)
    share = fake / largest if largest > 0 else fake
    return Mask(frozen(np.round(share * 255).astype(np.uint8)), affine.astype(np.float64), RED, 1.0)
