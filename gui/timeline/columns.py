"""Values of frames as columns of pixels. Free of Qt."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from engine.results import FloatArray
from gui.timeline.scale import FrameScale


def by_column(values_of: Callable[[int, int], FloatArray], scale: FrameScale) -> FloatArray:
    """(W,) the value in each column of pixels: of its frame, or the largest of its frames; nan without one.

    Args:
        values_of: the values of the frames first..last, nan where there is none.
    """
    width = max(1, math.ceil(scale.width))
    edges = scale.start + np.arange(width + 1) * scale.span / width
    frames = np.clip(np.floor(edges + 0.5).astype(np.int64), 0, scale.frames - 1)
    low = int(frames[0])
    values = values_of(low, int(frames[-1]))
    if scale.pixels_per_frame >= 1:
        middles = np.floor((edges[:-1] + edges[1:]) / 2 + 0.5).astype(np.int64)
        return values[np.clip(middles, low, frames[-1]) - low]
    found: FloatArray = np.fmax.reduceat(values, frames[:-1] - low)
    return found
