"""How faces of a run are aligned for training: as the analysis of a video would align them."""

import numpy as np

from engine.faces.crops import crop_affines
from engine.faces.segments import EVERY
from engine.faces.smoothing import smoothed
from engine.results import CropSpec, FloatArray
from engine.training.faces.shape68 import five_points

_UNIT = CropSpec(1, aligned=True)


def aligned_maps(points: FloatArray) -> FloatArray:
    """Landmarks of successive frames (T, 68, 2) -> (T, 2, 3) from the unit square of an aligned crop to a frame.

    The five landmarks of every eighth frame are smoothed and those in between interpolated, as a face track is:
    landmarks of every frame would let the crops tremble as they never do in a detector.
    """
    looks = np.unique([*range(0, len(points), EVERY), len(points) - 1])
    five = np.stack([five_points(points[look]) for look in looks]).reshape(-1, 10)
    smooth = smoothed(looks, five.astype(np.float64), EVERY)
    frames = np.arange(len(points))
    dense = np.stack([np.interp(frames, looks, column) for column in smooth.T], axis=1)
    return crop_affines(np.zeros((len(points), 4)), dense.reshape(-1, 5, 2), _UNIT)
