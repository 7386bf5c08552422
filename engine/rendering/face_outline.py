"""A face that is nobody's: a few lines behind a prototype's motion, so that one sees where on a face it is."""

import cv2
import numpy as np
import numpy.typing as npt

from engine.results import Picture, frozen

_GROUND, _LINE = (38, 42, 49), (104, 113, 126)
_FINE = 4
Part = tuple[float, float, float, float]
WHOLE: Part = (0.0, 0.0, 1.0, 1.0)


def face_outline(part: Part, margin: float, size: int) -> Picture:
    """Part of the outline, brought to a square as the motion inside a box is.

    Args:
        part: x0, y0, x1, y1 as shares of the crop.
        margin: share of the face's square that is added on each side of a crop.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    picture = np.full((size, size, 3), _GROUND, np.uint8)
    x0, y0, x1, y1 = part
    scale = np.array([size / max(x1 - x0, 1e-6), size / max(y1 - y0, 1e-6)])
    for line in _lines():
        at = ((line + margin) / (1 + 2 * margin) - (x0, y0)) * scale - 0.5
        points = np.round(np.clip(at, -4 * size, 5 * size) * (1 << _FINE)).astype(np.int32)
        cv2.polylines(
            picture, [points], isClosed=False, color=_LINE, thickness=max(1, size // 80), lineType=cv2.LINE_AA,
            shift=_FINE,
        )  # fmt: skip
    return frozen(picture)


def with_box(outline: Picture, part: Part, colour: tuple[int, int, int]) -> Picture:
    """The whole outline with a part of it framed."""
    picture, size = outline.copy(), len(outline)
    x0, y0, x1, y1 = np.clip(np.round(np.array(part) * size), 0, size - 1).astype(int).tolist()
    cv2.rectangle(picture, (x0, y0), (x1, y1), colour, max(1, size // 32))
    return frozen(picture)


def _lines() -> list[npt.NDArray[np.float64]]:
    """In shares of the square around a face's box."""
    head = _arc(0.5, 0.5, 0.37, 0.5, 0, 360)
    eyes = [_arc(x, 0.39, 0.085, 0.04, 0, 360) for x in (0.33, 0.67)]
    brows = [_arc(x, 0.34, 0.11, 0.06, 200, 340) for x in (0.33, 0.67)]
    nose = np.array([(0.49, 0.42), (0.45, 0.58), (0.5, 0.605), (0.55, 0.58)])
    mouth = [_arc(0.5, 0.745, 0.15, 0.05, 0, 180), _arc(0.5, 0.745, 0.15, 0.02, 180, 360)]
    return [head, *eyes, *brows, nose, *mouth]


def _arc(x: float, y: float, wide: float, high: float, start: float, end: float) -> npt.NDArray[np.float64]:
    at = np.radians(np.linspace(start, end, 40))
    return np.stack([x + wide * np.cos(at), y + high * np.sin(at)], axis=1)
