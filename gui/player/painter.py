"""Draws frames and the items of engine.rendering with QPainter: the window's painter. GUI thread only."""

import numpy as np
from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QTransform

from engine.rendering.primitives import Fill, Item, Lines, Mask, Text
from engine.rendering.text import coverage
from engine.results import Picture


def frame_image(pixels: Picture) -> QImage:
    """An image over the memory of an (H, W, 3) RGB uint8 array, which it keeps alive and never writes to."""
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)


def draw_items(painter: QPainter, items: tuple[Item, ...]) -> None:
    """Draw items in their order, in frame coordinates under the painter's own transform."""
    for item in items:
        match item:
            case Mask():
                _draw_mask(painter, item)
            case Fill():
                rect = QRect(item.x0, item.y0, item.x1 - item.x0, item.y1 - item.y0)
                painter.fillRect(rect, QColor(*item.colour))
            case Lines():
                _draw_lines(painter, item)
            case Text():
                _draw_text(painter, item)


def mask_image(mask: Mask) -> QImage:
    """The palette entries as an indexed image: colours and opacity change without touching a pixel."""
    height, width = mask.indices.shape
    image = QImage(mask.indices.data, width, height, mask.indices.strides[0], QImage.Format.Format_Indexed8)
    rgba = mask.table.astype(np.uint32)
    argb = rgba[:, 3] << 24 | rgba[:, 0] << 16 | rgba[:, 1] << 8 | rgba[:, 2]
    image.setColorTable(argb.tolist())
    return image


def _draw_mask(painter: QPainter, mask: Mask) -> None:
    a = mask.affine
    painter.save()
    painter.setTransform(QTransform(a[0, 0], a[1, 0], a[0, 1], a[1, 1], a[0, 2], a[1, 2]), combine=True)
    painter.setOpacity(mask.opacity)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, on=False)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    painter.drawImage(QPointF(0, 0), mask_image(mask))
    painter.restore()


def _draw_lines(painter: QPainter, lines: Lines) -> None:
    path = QPainterPath()
    for points in lines.paths:
        if len(points):
            path.moveTo(*points[0].tolist())
            for point in points[1:].tolist():
                path.lineTo(*point)
    pen = QPen(QColor(*lines.colour), lines.width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=True)
    painter.strokePath(path, pen)


def _draw_text(painter: QPainter, text: Text) -> None:
    """The very letters of an export: overlays are laid out for the pixels of the screen, so none is scaled."""
    cover = coverage(text.text, text.size)
    red, green, blue, alpha = text.colour
    inked = np.empty((*cover.shape, 4), np.uint8)
    inked[..., 3] = np.round(cover * (alpha / 255))
    for channel, value in enumerate((red, green, blue)):
        inked[..., channel] = value
    height, width = cover.shape
    image = QImage(inked.data, width, height, inked.strides[0], QImage.Format.Format_RGBA8888)
    painter.drawImage(text.x, text.y, image)
