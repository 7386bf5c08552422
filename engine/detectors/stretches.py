"""The stretches of a face track without gaps, and how a short one is made longer."""

import numpy as np

from engine.results import IntArray


def stretches(frames: IntArray) -> list[IntArray]:
    """Strictly increasing frame numbers (N,) -> those of each stretch without a gap; none of none."""
    return np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1) if len(frames) else []


def reflect(places: IntArray, count: int) -> IntArray:
    """Places of an endless film -> places of one with `count` frames that is played forth and back.

    The frames at the ends are not shown twice: 0 1 2 1 0 1 2 for three.
    """
    period = max(2 * (count - 1), 1)
    turned = places % period
    return np.minimum(turned, period - turned) if count > 1 else np.zeros_like(places)
