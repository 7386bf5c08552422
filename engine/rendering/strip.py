"""The strip along the bottom of an exported frame: the probability of every face over the exported stretch.

The curve of a detector that scores frames leads through their middles. Where a score stands for several frames,
such as a snippet, the curve is level over all of them and steps between: it claims no change inside a span.
"""

from itertools import pairwise

import numpy as np

from engine.rendering.palette import face_colour
from engine.rendering.primitives import Fill, Item, Lines, Points
from engine.rendering.scene import CurveShown, FrameShown
from engine.verdict import goes_on

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
        paths = tuple(place(*piece) for piece in pieces(curve, scene.first, scene.last))
        items.append(Lines(paths, (*face_colour(curve.track_id), 255), width))
    x = float(place(np.array([shown.index], float), np.zeros(1))[0, 0])
    items.append(Lines((np.array([[x, top], [x, scene.height]], float),), (255, 255, 255, 230), width))
    return items


def pieces(curve: CurveShown, first: int, last: int) -> list[tuple[Points, Points]]:
    """Points to be joined by a line: (P,) frame coordinates within the stretch first..last, (P,) probabilities.

    A span of one frame is its middle, a longer one the outer edges of its first and its last frame. The line
    breaks where the face was gone for longer than usual.
    """
    longer = curve.spans[:, 1] > curve.spans[:, 0]
    edges: Points = np.clip(curve.spans + np.where(longer[:, None], (-0.5, 0.5), 0.0), first - 0.5, last + 0.5)
    needed = np.stack([np.ones_like(longer), longer], axis=1)
    values: Points = np.repeat(curve.probability.astype(np.float64)[:, None], 2, axis=1)
    breaks = np.flatnonzero(~goes_on(curve.spans)) + 1
    parts = [slice(a, b) for a, b in pairwise([0, *breaks.tolist(), len(curve.spans)])]
    return [(edges[part][needed[part]], values[part][needed[part]]) for part in parts]
