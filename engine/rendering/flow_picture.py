"""Optical flow as pictures: colour tells direction and length, arrows tell both again without colour.

The colour wheel has the four unique hues at the four directions, all equally light: red to the right, yellow
downwards, green to the left, blue upwards. Rest has no colour at all, and what lies behind shows.
"""

import cv2
import numpy as np
import numpy.typing as npt

from engine.rendering.palette import srgb
from engine.results import FloatArray, Picture, frozen

ARROWS = 8
"""Along each side; each is the mean of its square."""
LEAST = 0.25
"""Pixels: shorter motion never gets the whole scale, or the noise of a still face would look like a storm."""
_LIGHTNESS, _CHROMA = 0.72, 0.13
_STRONGEST = 0.9
"""Opacity of the longest motion."""
_GREY = (44, 48, 56)
_REACH = 0.9
"""Length of the longest arrow, in squares."""
_FINE = 3
"""Binary places of what OpenCV calls a shift."""

Backdrop = npt.NDArray[np.uint8]


def full_length(*flows: FloatArray) -> float:
    """The length that gets the whole scale, in the flows' own pixels: few are longer, in any of them.

    Args:
        flows: (F, 2, h, w) each; one scale for several makes them comparable.
    """
    return max([LEAST, *(float(np.percentile(np.hypot(f[:, 0], f[:, 1]), 99)) for f in flows if f.size)])


def flow_frames(
    flow: FloatArray, size: int, full: float | None = None, backdrop: Backdrop | None = None
) -> Picture:
    """One picture of each field.

    Args:
        flow: (F, 2, n, n), motion to the right and downwards. Cells are not smoothed.
        size: side of the pictures, pixels.
        full: the length with the strongest colour and an arrow as long as its square, and so all longer ones;
            `full_length` of this flow if None.
        backdrop: (size, size, 3), or (F, size, size, 3) with one for each field, uint8 RGB; grey if None.

    Returns:
        (F, size, size, 3) uint8 RGB.
    """
    full = full_length(flow) if full is None else full
    behind = np.full((size, size, 3), _GREY, np.uint8) if backdrop is None else backdrop
    behind = np.broadcast_to(behind, (len(flow), size, size, 3))
    pictures = np.empty((len(flow), size, size, 3), np.uint8)
    for picture, field, ground in zip(pictures, flow, behind, strict=True):
        colour = cv2.resize(_coloured(field, full), (size, size), interpolation=cv2.INTER_NEAREST)
        share = colour[..., 3:]
        picture[...] = np.round(colour[..., :3] * share + ground * (1 - share)).astype(np.uint8)
        _draw_arrows(picture, field, full)
    return frozen(pictures)


def direction_wheel(size: int) -> Picture:
    """(size, size, 4) uint8 RGBA: the colour of each direction at its place, stronger outwards, empty outside."""
    at = (np.arange(size) + 0.5) / size * 2 - 1
    field = np.stack(np.meshgrid(at, at)).astype(np.float32)
    wheel = _coloured(field, 1.0)
    wheel[..., 3] *= np.hypot(field[0], field[1]) <= 1
    wheel[..., 3] *= 255
    return frozen(np.round(wheel).astype(np.uint8))


def _coloured(field: FloatArray, full: float) -> FloatArray:
    """(2, n, n) -> (n, n, 4): red, green, blue in [0, 255] and opacity in [0, 1]."""
    length = np.hypot(field[0], field[1])
    unit = field / np.maximum(length, 1e-12)
    lab = np.stack([np.full_like(length, _LIGHTNESS), _CHROMA * unit[0], _CHROMA * unit[1]], axis=-1)
    opacity = _STRONGEST * np.minimum(length / full, 1.0)
    return np.concatenate([srgb(lab.astype(np.float64)) * 255, opacity[..., None]], axis=-1).astype(np.float32)


def _draw_arrows(picture: Picture, field: FloatArray, full: float) -> None:
    """White on a dark rim; a dot where the arrow would be too short to have a direction that can be seen."""
    side = len(picture)
    count = min(ARROWS, field.shape[1])
    means = [cv2.resize(plane, (count, count), interpolation=cv2.INTER_AREA) for plane in field]
    square = side / count
    ways = np.stack(means, axis=-1) / full
    ways *= _REACH * square / np.maximum(np.hypot(ways[..., 0], ways[..., 1]), 1.0)[..., None]
    thick = max(1, round(side / 200))
    for row, column in np.ndindex(count, count):
        middle = (np.array([column, row]) + 0.5) * square - 0.5
        tail, head = _fine(middle - ways[row, column] / 2), _fine(middle + ways[row, column] / 2)
        if np.hypot(*ways[row, column]) < 2:
            cv2.circle(picture, _fine(middle), thick << _FINE, (225, 228, 234), -1, cv2.LINE_AA, _FINE)
            continue
        for ink, width in (((16, 18, 22), thick + 2), ((255, 255, 255), thick)):
            cv2.arrowedLine(picture, tail, head, ink, width, cv2.LINE_AA, _FINE, 0.35)


def _fine(place: npt.NDArray[np.float64]) -> tuple[int, int]:
    x, y = np.round(place * (1 << _FINE)).astype(int).tolist()
    return x, y
