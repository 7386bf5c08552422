"""Superpixels of a face clip (SLIC, Achanta et al. 2012), through its frames or of each, and muting them.

P002 gives no parameters. With a spacing of 1 between frames, most volumes end after half a clip; with
FRAME_SPACING most last through it, which is what they are for.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from engine.results import BoolArray, IntArray, Picture

NUMBER = 100
COMPACTNESS = 10.0
FRAME_SPACING = 0.25
"""Distance between two frames in pixels, as SLIC sees it."""
LARGEST = 192
"""Side in pixels at which they are looked for; larger crops are made smaller, and their labels larger again."""


def volumes(crops: Picture, number: int = NUMBER, frame_spacing: float = FRAME_SPACING) -> IntArray:
    """(F, S, S, 3) uint8 -> (F, S, S) int64 labels from 0 without gaps: a label is one region through the clip."""
    from skimage.segmentation import slic  # takes a while to import

    size = crops.shape[1]
    small = min(size, LARGEST)
    clip = np.stack([cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA) for crop in crops])
    found = slic(
        clip,
        n_segments=number,
        compactness=COMPACTNESS,
        spacing=(frame_spacing, 1, 1),
        start_label=0,
        channel_axis=-1,
    )
    nearest = (np.arange(size) * small) // size
    labels = np.unique(found[:, nearest][:, :, nearest], return_inverse=True)[1]
    return labels.reshape(crops.shape[:3]).astype(np.int64)


def frame_superpixels(crops: Picture, number: int = NUMBER) -> IntArray:
    """The same of each frame alone: labels of different frames have nothing to do with each other."""
    return np.concatenate([volumes(crop[None], number) for crop in crops])


def mean_colour(crops: Picture) -> Picture:
    """(F, S, S, 3) uint8 -> (3,) uint8, of all frames together."""
    colour: Picture = crops.mean(axis=(0, 1, 2)).round().astype(np.uint8)
    return colour


def muted(crops: Picture, labels: IntArray, coalitions: BoolArray) -> Iterator[Picture]:
    """The clip (F, S, S, 3) for each coalition (K, M), its absent superpixels in the clip's mean colour."""
    colour = mean_colour(crops)
    for present in coalitions:
        yield np.where(present[labels][..., None], crops, colour)
