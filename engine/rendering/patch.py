"""The outline of a patch that matches: white, with a dark seam and heavy corners, unlike the box of a face."""

import numpy as np

from engine.rendering.primitives import Item, Lines, Points

_WHITE, _SEAM = (255, 255, 255, 255), (0, 0, 0, 190)
_CORNER = 0.22


def patch_outline(box: tuple[float, float, float, float], height: int) -> tuple[Item, ...]:
    """Lines around x0, y0, x1, y1 in a picture so many pixels high."""
    stroke = max(1, round(height / 540))
    x0, y0, x1, y1 = box
    closed = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]])
    corners = tuple(_corner(closed, at) for at in range(4))
    return (
        Lines((closed,), _SEAM, stroke + 2),
        Lines(corners, _SEAM, stroke + 4),
        Lines((closed,), _WHITE, stroke),
        Lines(corners, _WHITE, stroke + 2),
    )


def _corner(closed: Points, at: int) -> Points:
    """A short way from a corner along both of its sides."""
    here, before, after = closed[at], closed[at - 1 if at else 3], closed[at + 1]
    corner: Points = np.stack([here + _CORNER * (before - here), here, here + _CORNER * (after - here)])
    return corner
