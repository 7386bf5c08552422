"""Landmarks of a face through a clip: dense ones as they are given, else a shape fitted to the tracker's five."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.signal import savgol_filter

from engine.results import FloatArray, IntArray
from engine.training.faces.shape68 import fit_shape, similarity, transform

_WINDOW, _ORDER = 5, 2
_JUMP = 0.01
"""Mean movement of the landmarks within the face that is believed, widths of the face per frame. FakeSTormer takes
0.35 px on crops that stand still; here the head's own movement is taken off first, and speech must stay."""


def fitted_points(landmarks: FloatArray) -> FloatArray:
    """(T, 5, 2) of the face tracker -> (T, 68, 2): the mean shape on them, which keeps their pose, not their
    expression."""
    return np.stack([fit_shape(five) for five in landmarks])


def run_starts(frames: IntArray) -> IntArray:
    """Rows at which a run of successive frame numbers begins."""
    return np.concatenate([[0], np.flatnonzero(np.diff(frames) != 1) + 1]).astype(np.int64)


def smoothed(points: FloatArray, starts: npt.ArrayLike = (0,)) -> FloatArray:
    """(T, 68, 2) with jumps slowed down and then smoothed (Savitzky and Golay 1964, 5 frames), run by run."""
    bounds = [*np.asarray(starts).tolist(), len(points)]
    parts = [points[first:last] for first, last in pairwise(bounds)]
    return np.concatenate([_smoothed_run(_without_jumps(part)) for part in parts]).astype(np.float32)


def _smoothed_run(points: FloatArray) -> FloatArray:
    if len(points) < _WINDOW:
        return points
    return np.asarray(savgol_filter(points.astype(np.float64), _WINDOW, _ORDER, axis=0), dtype=np.float32)


def _without_jumps(points: FloatArray) -> FloatArray:
    """Landmarks that leap within the face go only a part of the way."""
    out = points.copy()
    for row in range(1, len(points)):
        expected = transform(similarity(out[row - 1], points[row]), out[row - 1])
        step = points[row] - expected
        length = float(np.linalg.norm(step, axis=1).mean())
        most = _JUMP * max(float(np.ptp(points[row, :17, 0])), 1.0)
        if length > most:
            out[row] = expected + step * (most / length)
    return out
