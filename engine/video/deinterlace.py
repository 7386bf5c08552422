"""Deinterlacing for display: one field is kept exactly, the lines of the other are interpolated."""

import numpy as np

from engine.results import Picture


def deinterlaced(pixels: Picture, *, keep_top: bool = True) -> Picture:
    """The picture of one field at full height.

    The lines of the kept field (even ones for the top field) stay bit for bit; every other line becomes the
    rounded mean of its two neighbours, or a copy of its only one at the edge. The fields are lines as stored: in a
    picture that was turned by 90 degrees for display they are columns.

    Args:
        pixels: (H, W, 3) uint8.

    Returns:
        (H, W, 3) uint8, a new read-only picture.
    """
    height = len(pixels)
    result = pixels.copy()
    if height > 1:
        lost = np.arange(1 if keep_top else 0, height, 2)
        above = np.where(lost > 0, lost - 1, lost + 1)
        below = np.where(lost < height - 1, lost + 1, lost - 1)
        result[lost] = (pixels[above].astype(np.uint16) + pixels[below] + 1) >> 1
    result.flags.writeable = False
    return result
