"""The overlay of P002's survey: red, the more opaque the more a pixel supports fake."""

import numpy as np
import numpy.typing as npt

from engine.rendering.palette import PALETTES, STEPS, ZERO
from engine.rendering.primitives import Mask
from engine.results import FloatArray, frozen


def red_overlay(values: FloatArray, affine: npt.NDArray[np.floating]) -> Mask:
    """What supports fake in (h, w) values, scaled so that its maximum is 1, and 1 is full red.

    Negative values and values that are not finite are transparent; so is a map without a positive value. Nothing
    is smoothed. (An OverlayStyle scales by the largest |value| instead, so that both signs can be compared.)
    """
    fake = np.maximum(np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0), 0)
    largest = fake.max(initial=0.0)
    share = fake / largest if largest > 0 else fake
    indices = np.round(share * STEPS).astype(np.uint8) + np.uint8(ZERO)
    return Mask(frozen(indices), affine.astype(np.float64), PALETTES["red"].table, 1.0)
