"""Explanation values as indices into a palette, and the lines around what they support."""

import numpy as np
import numpy.typing as npt

from engine.rendering.palette import STEPS, ZERO
from engine.rendering.style import OverlayStyle
from engine.results import FloatArray, Picture

DASH, GAP = 6.0, 4.0
"""Of the lines around what supports real, in pixels of the frame."""

Segments = npt.NDArray[np.float64]


def mask_indices(values: FloatArray, style: OverlayStyle, end: float | None = None) -> Picture:
    """(h, w) uint8 indices of (h, w) values, scaled by the largest |value| of this frame alone, or by `end`.

    128 is zero or below the threshold, 255 is +max, 1 is -max. Nothing is smoothed. Values that are not finite
    count as zero, those beyond a given end as the end.
    """
    clean = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    largest = np.abs(clean).max(initial=0.0) if end is None else end
    if largest == 0:
        return np.full(values.shape, ZERO, np.uint8)
    share = clean / largest if end is None else np.clip(clean / largest, -1, 1)
    share[np.abs(share) < style.threshold] = 0
    return np.asarray(np.round(share * STEPS) + ZERO, np.uint8)


def outline(indices: Picture, fake: bool) -> Segments:
    """(N, 2, 2) straight pieces around the cells that support fake (or real), in map coordinates.

    Pieces lie on the edges of cells, as long as they go straight: N is about the number of corners.
    """
    inside = np.pad(indices > ZERO if fake else indices < ZERO, 1)
    pieces = []
    for vertical in (False, True):
        grid = inside.T if vertical else inside
        # Row r of `edges` is the line between the rows r - 1 and r of the map: an edge where they differ.
        edges = grid[1:] != grid[:-1]
        starts = np.argwhere(np.diff(edges.astype(np.int8), axis=1) == 1)
        ends = np.argwhere(np.diff(edges.astype(np.int8), axis=1) == -1)
        lines = np.stack([starts[:, ::-1], ends[:, ::-1]], axis=1).astype(np.float64)
        pieces.append(lines[..., ::-1] if vertical else lines)
    return np.concatenate(pieces)


def transformed(points: npt.NDArray[np.float64], affine: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """(..., 2) points through a (2, 3) affine."""
    matrix = affine.astype(np.float64)
    moved: npt.NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return moved


def dashed(segments: Segments) -> Segments:
    """The dashes of (N, 2, 2) segments, in pixels of the frame; each segment begins and ends with a dash."""
    if not len(segments):
        return segments
    start, along = segments[:, 0], segments[:, 1] - segments[:, 0]
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    count = np.maximum(1, np.round((length + GAP) / (DASH + GAP))).astype(int)
    owner = np.repeat(np.arange(len(segments)), count)
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    period = ((length + GAP) / count)[owner]
    ends = np.stack([number * period, (number + 1) * period - GAP], axis=1) / length[owner, None]
    dashes: Segments = start[owner, None] + ends[..., None] * along[owner, None]
    return dashes
