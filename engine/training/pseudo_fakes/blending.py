"""Ways to put one picture into another under a mask, and to match their colours first."""

from typing import Literal, get_args

import cv2
import numpy as np

from engine.results import FloatArray, Picture

Blend = Literal["alpha", "poisson", "pyramid"]
BLENDS: tuple[Blend, ...] = get_args(Blend)


def match_colours(source: Picture, target: Picture, mask: FloatArray, strength: float) -> Picture:
    """Bring the source's mean and deviation under the mask to the target's, per channel of Lab (Reinhard 2001)."""
    if strength == 0 or not (mask > 0.5).any():
        return source
    return recoloured(source, colour_table(source, target, mask, strength))


def colour_table(
    source: Picture, target: Picture, mask: FloatArray, strength: float, most: float = np.inf
) -> Picture:
    """The (1, 256, 3) table of Lab levels by which `match_colours` works; the mask must not be empty.

    `most` bounds the factor by which a channel is stretched.
    """
    inside = (mask > 0.5).astype(np.uint8)
    ours, theirs = cv2.cvtColor(source, cv2.COLOR_RGB2LAB), cv2.cvtColor(target, cv2.COLOR_RGB2LAB)
    (mean, deviation), (wanted, wanted_deviation) = (cv2.meanStdDev(lab, mask=inside) for lab in (ours, theirs))
    factor = np.minimum(wanted_deviation / np.maximum(deviation, 1.0), most)
    levels = (np.arange(256)[None] - mean) * factor + wanted
    mixed = strength * levels + (1 - strength) * np.arange(256)[None]
    return np.ascontiguousarray(np.clip(mixed, 0, 255).T.astype(np.uint8))[None]


def recoloured(source: Picture, table: Picture) -> Picture:
    """The picture through a table of Lab levels (1, 256, 3)."""
    lab = cv2.cvtColor(source, cv2.COLOR_RGB2LAB)
    return np.asarray(cv2.cvtColor(cv2.LUT(lab, table), cv2.COLOR_LAB2RGB), dtype=np.uint8)


def blend(source: Picture, target: Picture, mask: FloatArray, how: Blend, ratio: float) -> Picture:
    """Source over target: alpha (the mask times `ratio`), poisson (gradients: Perez 2003), pyramid (Burt 1983)."""
    if how == "poisson":
        return _poisson(source, target, mask)
    if how == "pyramid":
        return _pyramid(source, target, mask)
    weight = (mask * ratio)[..., None]
    return np.asarray(np.round(target + weight * (source.astype(np.float32) - target)), dtype=np.uint8)


def _poisson(source: Picture, target: Picture, mask: FloatArray) -> Picture:
    inside = np.where(mask > 0.5, 255, 0).astype(np.uint8)
    inside[:2], inside[-2:], inside[:, :2], inside[:, -2:] = 0, 0, 0, 0
    x, y, width, height = cv2.boundingRect(inside)
    if width < 4 or height < 4:
        return target
    centre = (x + width // 2, y + height // 2)
    return np.asarray(cv2.seamlessClone(source, target, inside, centre, cv2.NORMAL_CLONE), dtype=np.uint8)


def _pyramid(source: Picture, target: Picture, mask: FloatArray, levels: int = 4) -> Picture:
    ours, theirs = source.astype(np.float32), target.astype(np.float32)
    weights = [mask.astype(np.float32)]
    bands: list[FloatArray] = []
    for _ in range(levels):
        smaller, smaller_theirs = (np.asarray(cv2.pyrDown(x), dtype=np.float32) for x in (ours, theirs))
        size = (ours.shape[1], ours.shape[0])
        ours_band = ours - cv2.pyrUp(smaller, dstsize=size)
        theirs_band = theirs - cv2.pyrUp(smaller_theirs, dstsize=size)
        weight = weights[-1][..., None]
        bands.append(np.asarray(weight * ours_band + (1 - weight) * theirs_band, dtype=np.float32))
        weights.append(np.asarray(cv2.pyrDown(weights[-1]), dtype=np.float32))
        ours, theirs = smaller, smaller_theirs
    weight = weights[-1][..., None]
    result = np.asarray(weight * ours + (1 - weight) * theirs, dtype=np.float32)
    for band in reversed(bands):
        result = np.asarray(cv2.pyrUp(result, dstsize=(band.shape[1], band.shape[0])) + band, dtype=np.float32)
    return np.asarray(np.clip(np.round(result), 0, 255), dtype=np.uint8)
