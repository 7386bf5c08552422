"""Whether a map lies where the forgery is, which only a ground-truth mask can tell."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from engine.results import BoolArray, FloatArray, Picture

DIFFERENCE = 12.0
"""Levels: a pair differs by more where it is forged, and by less, through its coding, everywhere."""

SPREAD = 3.0
"""Deviation in pixels of the blur that joins what the forging left as it was by chance."""


@dataclass(frozen=True, slots=True)
class Localisation:
    """Of one map against one mask.

    Attributes:
        relevance_mass: share of what supports fake that lies on forged pixels (Arras et al. 2022), nan for a map
            without any.
        pointing: share of the largest pixels that is forged: 0 or 1 for a single largest pixel (Zhang et al.
            2016); nan for a map that nowhere supports fake.
        chance: share of the crop that is forged, what a map of noise gets in both.
    """

    relevance_mass: float
    pointing: float
    chance: float


def localisation(values: npt.NDArray[np.float32], forged: BoolArray) -> Localisation:
    """A map (S, S), positive where it supports fake, against the forged pixels (S, S)."""
    positive = np.maximum(np.asarray(values, np.float64), 0)
    chance = float(forged.mean())
    total, largest = positive.sum(), positive.max()
    if total == 0:
        return Localisation(math.nan, math.nan, chance)
    return Localisation(float(positive[forged].sum() / total), float(forged[positive == largest].mean()), chance)


def difference_mask(real: Picture, forged: Picture) -> FloatArray:
    """Two pictures (H, W, 3) of a pair -> (H, W) float32 from 0 to 1, how surely each pixel is forged.

    0.5 lies where the difference is DIFFERENCE levels.
    """
    difference = cv2.GaussianBlur(cv2.absdiff(real, forged).max(axis=2), (0, 0), SPREAD)
    mask: FloatArray = np.clip(difference / np.float32(DIFFERENCE) - 0.5, 0, 1, dtype=np.float32)
    return mask
