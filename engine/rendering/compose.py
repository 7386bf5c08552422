"""Draws layers on a frame with numpy and OpenCV: the exporter's painter; the window's follows the same rules."""

import cv2
import numpy as np
import numpy.typing as npt

from engine.rendering.primitives import RGBA, Fill, Layers, Lines, Mask, Text
from engine.rendering.strokes import stroke
from engine.rendering.text import coverage
from engine.results import Picture


def render_frame(pixels: Picture, layers: Layers) -> Picture:
    """A copy of an (H, W, 3) RGB frame with the layers on it.

    Raises:
        ValueError: the layers were made for another size.
    """
    if pixels.shape[:2] != (layers.height, layers.width):
        raise ValueError(
            f"layers for {layers.width}x{layers.height} do not fit a frame of {pixels.shape[:2][::-1]}"
        )
    canvas = pixels.copy()
    for item in layers.items:
        match item:
            case Mask():
                _draw_mask(canvas, item)
            case Fill():
                _draw_fill(canvas, item)
            case Lines():
                _draw_lines(canvas, item)
            case Text():
                _draw_text(canvas, item)
    return canvas


def _draw_mask(canvas: Picture, mask: Mask) -> None:
    height, width = mask.indices.shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float) @ mask.affine[:, :2].T
    corners += mask.affine[:, 2]
    x0, y0 = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(corners.max(axis=0)), canvas.shape[1::-1]).astype(int)
    if x0 >= x1 or y0 >= y1:
        return
    inverse = np.linalg.inv(mask.affine[:, :2])
    x = np.arange(x0, x1) + 0.5 - mask.affine[0, 2]
    y = (np.arange(y0, y1) + 0.5 - mask.affine[1, 2])[:, None]
    column = np.floor(inverse[0, 0] * x + inverse[0, 1] * y).astype(np.intp)
    row = np.floor(inverse[1, 0] * x + inverse[1, 1] * y).astype(np.intp)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    entries = mask.indices[np.where(inside, row, 0), np.where(inside, column, 0)]
    colours = mask.table[entries]
    alpha = np.where(inside, colours[..., 3] * mask.opacity, 0.0)
    _blend(canvas[y0:y1, x0:x1], colours[..., :3], alpha[..., None])


def _draw_fill(canvas: Picture, fill: Fill) -> None:
    area = canvas[max(0, fill.y0) : max(0, fill.y1), max(0, fill.x0) : max(0, fill.x1)]
    if area.size:
        ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
        _blend(ramp, np.array(fill.colour[:3]), fill.colour[3])  # what becomes of each value, once for all pixels
        area[:] = cv2.LUT(area, ramp)


def _draw_lines(canvas: Picture, lines: Lines) -> None:
    cover, x, y = stroke(lines.paths, lines.width, canvas.shape[:2])
    area = canvas[y : y + cover.shape[0], x : x + cover.shape[1]]
    touched = np.nonzero(cover)  # few of the pixels in the rectangle around a line
    pixels = area[touched]
    _blend(pixels, np.array(lines.colour[:3]), _alpha(cover[touched], lines.colour))
    area[touched] = pixels


def _draw_text(canvas: Picture, text: Text) -> None:
    cover = coverage(text.text, text.size)
    left, top = max(0, -text.x), max(0, -text.y)
    area = canvas[
        max(0, text.y) : max(0, text.y + cover.shape[0]), max(0, text.x) : max(0, text.x + cover.shape[1])
    ]
    cover = cover[top : top + area.shape[0], left : left + area.shape[1]]
    _blend(area, np.array(text.colour[:3]), _alpha(cover, text.colour))


def _alpha(cover: Picture, colour: RGBA) -> npt.NDArray[np.floating]:
    return cover[..., None] * (colour[3] / 255)


def _blend(area: Picture, colour: npt.NDArray[np.integer], alpha: npt.NDArray[np.floating] | float) -> None:
    """Lay a colour over an area in place, alpha 0 to 255, rounded to the nearest value."""
    share = np.asarray(alpha, np.float32) / np.float32(255)
    area[:] = np.round(area + (colour.astype(np.float32) - area) * share).astype(np.uint8)
