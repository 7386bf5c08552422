"""Small pictures of frames and faces for lists and lanes, decoded on a worker thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSize, QSizeF, Qt
from PySide6.QtGui import QImage

from engine.errors import FrameUnavailableError
from engine.progress import CancelToken
from engine.results import FloatArray, Picture

if TYPE_CHECKING:
    from engine.video.media import Media

FACE_MARGIN = 0.15
"""Share of a face's larger side that is shown around it."""


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """One small picture.

    Attributes:
        frame: of which frame.
        size: the picture is made to fit into it, proportions kept.
        box: (4,) x0, y0, x1, y1 of a face; None for the whole frame.
    """

    frame: int
    size: QSize
    box: FloatArray | None = None


def small_pictures(media: Media, wishes: Sequence[Wish], cancel: CancelToken) -> list[tuple[Wish, QImage]]:
    """Decode and scale; frames that cannot be had are left out. Worker threads only."""
    made = []
    aspect = float(media.facts.stream.shown_pixel_aspect)
    reader = media.reader(stepping=True)
    try:
        for wish in wishes:
            cancel.check()
            try:
                pixels = reader.read(wish.frame).pixels
            except FrameUnavailableError:
                continue  # the player says so when the user goes there
            part = pixels if wish.box is None else face_square(pixels, wish.box)
            made.append((wish, scaled(part, wish.size, aspect)))
    finally:
        reader.close()
    return made


def face_square(pixels: Picture, box: FloatArray) -> Picture:
    """The square around a face with FACE_MARGIN, cut off at the borders of the frame; at least one pixel."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = (float(v) for v in box)
    reach = max(x1 - x0, y1 - y0) * (0.5 + FACE_MARGIN)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    left, right = np.clip((round(x - reach), round(x + reach)), 0, width)
    top, bottom = np.clip((round(y - reach), round(y + reach)), 0, height)
    left, top = min(left, width - 1), min(top, height - 1)
    return pixels[top : max(bottom, top + 1), left : max(right, left + 1)]


def scaled(pixels: Picture, size: QSize, aspect: float) -> QImage:
    """RGB uint8 (H, W, 3), its pixels `aspect` times as wide as high, as a picture of its own fitting `size`."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)
    fitted = QSizeF(width * aspect, height).scaled(QSizeF(size), Qt.AspectRatioMode.KeepAspectRatio).toSize()
    return image.scaled(
        fitted.expandedTo(QSize(1, 1)),
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    ).copy()
