"""How much of each pixel a line covers. OpenCV's own anti-aliased lines come out half as wide again as asked."""

from itertools import pairwise

import cv2
import numpy as np

from engine.rendering.primitives import Points
from engine.results import Picture

FINE = 4
"""Slanted lines are drawn this many times finer and then averaged."""
CHUNK = 16
"""Pieces of a long curve that are drawn together; few, so that the rectangle around them stays small."""


def stroke(paths: tuple[Points, ...], width: int, shape: tuple[int, int]) -> tuple[Picture, int, int]:
    """Coverage 0 to 255 of polylines, and the column and row at which it lies in a picture of `shape`.

    Upright and level pieces are exact and end flat; slanted ones are good to a quarter of a pixel.
    """
    filled = [path for path in paths if len(path) > 1]
    if not filled:
        return np.zeros((0, 0), np.uint8), 0, 0
    x0, y0, x1, y1 = _around(np.concatenate(filled), width, shape)
    cover = np.zeros((max(0, y1 - y0), max(0, x1 - x0)), np.uint8)
    if cover.size:
        for path in filled:
            moved = path - (x0, y0)
            if (np.diff(path, axis=0) == 0).any(axis=1).all():
                _level(cover, moved, width)
            else:
                _slanted(cover, moved, width)
    return cover, x0, y0


def _around(points: Points, width: int, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    height, across = shape
    low = np.floor(points.min(axis=0) - width).astype(int)
    high = np.ceil(points.max(axis=0) + width).astype(int)
    return (
        int(np.clip(low[0], 0, across)),
        int(np.clip(low[1], 0, height)),
        int(np.clip(high[0], 0, across)),
        int(np.clip(high[1], 0, height)),
    )


def _level(cover: Picture, path: Points, width: int) -> None:
    """Each piece is a rectangle; at the joints of a path it reaches over the corner."""
    half = width / 2
    last = len(path) - 2
    closed = bool((path[0] == path[-1]).all())
    for number, (start, end) in enumerate(pairwise(path)):
        along = int(start[0] == end[0])
        low, high = (start, end) if start[along] <= end[along] else (end, start)
        corner_before, corner_after = closed or number > 0, closed or number < last
        if start[along] > end[along]:
            corner_before, corner_after = corner_after, corner_before
        sides = [
            (low[along] - half * corner_before, high[along] + half * corner_after),
            (start[1 - along] - half, start[1 - along] + half),
        ]
        (x0, x1), (y0, y1) = sides if along == 0 else sides[::-1]
        columns, left = _covered(x0, x1, cover.shape[1])
        rows, top = _covered(y0, y1, cover.shape[0])
        piece = np.round(255 * rows[:, None] * columns).astype(np.uint8)
        place = cover[top : top + len(rows), left : left + len(columns)]
        np.maximum(place, piece, out=place)


def _covered(low: float, high: float, length: int) -> tuple[Points, int]:
    """Share of each pixel between two places, and the first of these pixels."""
    first, end = max(0, int(np.floor(low))), min(length, int(np.ceil(high)))
    pixels = np.arange(first, max(first, end))
    return np.minimum(pixels + 1, high) - np.maximum(pixels, low), first


def _slanted(cover: Picture, path: Points, width: int) -> None:
    """Each piece is a turned rectangle that reaches a little over its ends, so that joints are closed."""
    for begin in range(0, len(path) - 1, CHUNK):
        piece = path[begin : begin + CHUNK + 1]
        x0, y0, x1, y1 = _around(piece, width, (cover.shape[0], cover.shape[1]))
        if x0 >= x1 or y0 >= y1:
            continue
        fine = np.zeros(((y1 - y0) * FINE, (x1 - x0) * FINE), np.uint8)
        for corners in _rectangles((piece - (x0, y0)) * FINE, width * FINE):
            cv2.fillConvexPoly(fine, np.round(corners * 16).astype(np.int32), 255, shift=4)
        place = cover[y0:y1, x0:x1]
        coarse = np.asarray(cv2.resize(fine, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA), np.uint8)
        np.maximum(place, coarse, out=place)


def _rectangles(path: Points, width: int) -> Points:
    """(N - 1, 4, 2) corners around the pieces, as OpenCV wants them.

    OpenCV puts pixel centres at whole numbers, and paints the pixels on the rim of a polygon as well.
    """
    way = np.diff(path, axis=0)
    way = way / np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-9)[:, None]
    side = np.stack([-way[:, 1], way[:, 0]], axis=1) * (width - 1) / 2
    over = way * (width - 1) / 4
    start, end = path[:-1] - over - 0.5, path[1:] + over - 0.5
    return np.stack([start - side, end - side, end + side, start + side], axis=1)
