"""The crop of one face without and with its mask, side by side and large. GUI thread only."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QTransform
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.rendering.layers import build_layers
from engine.rendering.scene import FrameShown, MapShown, Scene
from engine.rendering.style import OverlayStyle
from engine.results import FloatArray, Picture
from gui import theme
from gui.player.painter import draw_items, frame_image

GAP = 8
CAPTION = 18


def corners(values: FloatArray, affine: FloatArray) -> FloatArray:
    """(4, 2) corners of a map in continuous frame coordinates, in order around it."""
    height, width = values.shape
    points = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved: FloatArray = points @ affine[:, :2].T + affine[:, 2]
    return moved


class FaceView(QWidget):
    """Left the pixels as they are, right the same pixels with what the explainer says of them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixels: Picture | None = None
        self._shown: FrameShown | None = None
        self._area, self._aspect = QRectF(), 1.0
        self._style = OverlayStyle()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Face without and with its mask")

    def show_map(self, pixels: Picture, values: FloatArray, affine: FloatArray, aspect: float) -> None:
        """The part of an (H, W, 3) frame that an (h, w) map covers through its (2, 3) affine.

        Args:
            aspect: width of a pixel over its height.
        """
        height, width = pixels.shape[:2]
        scene = Scene(width, height, 0, 0)
        self._pixels, self._aspect = pixels, aspect
        self._shown = FrameShown(0, 0, 0.0, scene, (), (MapShown(values, affine),))
        box = corners(values, affine)
        (left, top), (right, bottom) = box.min(axis=0), box.max(axis=0)
        self._area = QRectF(float(left), float(top), float(right - left), float(bottom - top))
        self.update()

    def set_style(self, style: OverlayStyle) -> None:
        self._style = style
        self.update()

    def clear(self) -> None:
        self._pixels = self._shown = None
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, self.heightForWidth(300))

    def heightForWidth(self, width: int) -> int:
        """Two squares. A height set on resizing would chase a scroll bar that comes and goes."""
        return (width - GAP) // 2 + CAPTION

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        side = (self.width() - GAP) // 2
        for number, title in enumerate(("As in the video", "With the mask")):
            place = QRectF(number * (side + GAP), 0, side, side)
            painter.fillRect(place, theme.color("picture"))
            if self._pixels is not None:
                self._draw(painter, place, self._pixels, self._shown if number else None)
            painter.setPen(theme.color("muted"))
            painter.setFont(theme.small_font(self))
            caption = QRectF(place.left(), side, side, CAPTION)
            painter.drawText(caption, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, title)
        painter.end()

    def _draw(self, painter: QPainter, place: QRectF, pixels: Picture, masked: FrameShown | None) -> None:
        area = self._area
        scale = place.width() / max(area.width() * self._aspect, area.height())
        painter.save()
        painter.setClipRect(place)
        painter.translate(place.center())
        painter.scale(scale * self._aspect, scale)
        painter.translate(-area.center().x(), -area.center().y())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(0, 0, frame_image(pixels))
        if masked is not None:
            style = OverlayStyle(
                opacity=self._style.opacity,
                threshold=self._style.threshold,
                colour_map=self._style.colour_map,
                outline=self._style.outline,
                boxes=False,
                labels=False,
                curve=False,
            )
            layers = build_layers(masked, style)
            draw_items(painter, layers.items)
        painter.restore()
        painter.setTransform(QTransform())
        painter.setPen(QPen(theme.color("border"), 1))
        painter.drawRect(place.adjusted(0.5, 0.5, -0.5, -0.5))
