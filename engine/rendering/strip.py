"""The strip along the bottom of an exported frame: the probability of every face over the exported stretch."""

from itertools import pairwise

import numpy as np

from engine.rendering.palette import face_colour
from engine.rendering.primitives import Fill, Item, Lines, Points
from engine.rendering.scene import CurveShown, FrameShown

SHARE = 8
"""The strip is the frame's height divided by this."""


def curve_strip(shown: FrameShown, decision: float, width: int) -> list[Item]:
    """Backdrop, threshold line, one curve per face and the cursor, with lines `width` pixels wide."""
    scene = shown.scene
    height = max(16, scene.height // SHARE)
    top = scene.height - height
    across = max(1, scene.last - scene.first + 1)

    def place(at: Points, probability: Points) -> Points:
        x = (at + 0.5 - scene.first) / across * scene.width
        y = top + width + (1 - probability) * (height - 2 * width)
        return np.stack([x, y], axis=-1)

    line = place(np.array([scene.first - 0.5, scene.last + 0.5]), np.array([decision, decision]))
    items: list[Item] = [
        Fill(0, top, scene.width, scene.height, (12, 14, 18, 165)),
        Lines((line,), (255, 255, 255, 110), 1),
    ]
    for curve in scene.curves():
        paths = tuple(place(curve.at[part], curve.probability[part].astype(np.float64)) for part in pieces(curve))
        items.append(Lines(paths, (*face_colour(curve.track_id), 255), width))
    x = float(place(np.array([shown.index], float), np.zeros(1))[0, 0])
    items.append(Lines((np.array([[x, top], [x, scene.height]], float),), (255, 255, 255, 230), width))
    return items


def pieces(curve: CurveShown) -> list[slice]:
    """Stretches of points to be joined by a line: it breaks where the face was gone for longer than usual."""
    steps = np.diff(curve.at)
    usual = float(np.median(steps)) if len(steps) else 1.0
    breaks = np.flatnonzero(steps > 2 * usual) + 1
    edges = [0, *breaks.tolist(), len(curve.at)]
    return [slice(a, b) for a, b in pairwise(edges)]
