"""The crop of one face without and with its mask, side by side and large; its volumes can be pointed at.

GUI thread only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QTransform
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.rendering.layers import build_layers
from engine.rendering.scene import FrameShown, MapShown, Scene
from engine.rendering.style import OverlayStyle
from engine.results import FloatArray, Picture
from gui import theme
from gui.player.painter import draw_items, frame_image

GAP = 8
CAPTION = 18
ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
Labels = npt.NDArray[np.int32]


def corners(values: FloatArray, affine: FloatArray) -> FloatArray:
    """(4, 2) corners of a map in continuous frame coordinates, in order around it."""
    height, width = values.shape
    points = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved: FloatArray = points @ affine[:, :2].T + affine[:, 2]
    return moved


class FaceView(QWidget):
    """Left the pixels as they are, right the same pixels with what the explainer says of them.

    Signals:
        pointed: another volume, or none, is under the mouse pointer or was reached with the arrow keys.

    Attributes:
        volume: its number, None while none is pointed at.
    """

    pointed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixels: Picture | None = None
        self._shown: FrameShown | None = None
        self._area, self._aspect = QRectF(), 1.0
        self._style = OverlayStyle()
        self._affine: FloatArray | None = None
        self._labels: Labels | None = None
        self._cell: tuple[int, int] | None = None
        self._outline: list[QLineF] = []
        self._caption = ""
        self.volume: int | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Face without and with its mask")

    def show_map(
        self,
        pixels: Picture,
        values: FloatArray,
        affine: FloatArray,
        aspect: float,
        labels: Labels | None = None,
        caption: str = "With the mask",
    ) -> None:
        """The part of an (H, W, 3) frame that an (h, w) map covers through its (2, 3) affine.

        Args:
            aspect: width of a pixel over its height.
            labels: (h, w) the volume of each cell, where there are some to be pointed at.
            caption: what stands below the right picture.
        """
        height, width = pixels.shape[:2]
        scene = Scene(width, height, 0, 0)
        self._pixels, self._aspect = pixels, aspect
        self._shown = FrameShown(0, 0, 0.0, scene, (), (MapShown(values, affine),))
        box = corners(values, affine)
        (left, top), (right, bottom) = box.min(axis=0), box.max(axis=0)
        self._area = QRectF(float(left), float(top), float(right - left), float(bottom - top))
        self._affine, self._caption = affine, caption
        self._set_labels(labels)
        self.update()

    def set_style(self, style: OverlayStyle) -> None:
        self._style = style
        self.update()

    def clear(self) -> None:
        self._pixels = self._shown = None
        self._set_labels(None)
        self.update()

    # Pointing

    def _set_labels(self, labels: Labels | None) -> None:
        self._labels = labels
        self.setMouseTracking(labels is not None)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if labels is not None else Qt.FocusPolicy.NoFocus)
        self._point(self._cell if labels is not None else None, again=True)

    def _point(self, cell: tuple[int, int] | None, *, again: bool = False) -> None:
        """Point at the volume of a cell (row, column) of the map; at none outside of it."""
        labels = self._labels
        inside = labels is not None and cell is not None and _within(cell, labels)
        self._cell = cell if inside else None
        volume = int(labels[cell]) if labels is not None and cell is not None and inside else None
        if volume == self.volume and not again:
            return
        self.volume = volume
        self._outline = borders(labels == volume) if labels is not None and volume is not None else []
        self.pointed.emit()
        self.update()

    def _cell_at(self, position: QPointF) -> tuple[int, int] | None:
        """Row and column of the map under a place of the widget."""
        side = (self.width() - GAP) // 2
        number = 0 if position.x() < side + GAP / 2 else 1
        place = QRectF(number * (side + GAP), 0, side, side)
        if self._affine is None or not place.contains(position):
            return None
        shown = self._transform(place).inverted()[0].map(position)
        matrix = self._affine.astype(np.float64)
        x, y = np.linalg.solve(matrix[:, :2], np.array([shown.x(), shown.y()]) - matrix[:, 2])
        return int(np.floor(y)), int(np.floor(x))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(self._cell_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        if not self.hasFocus():
            self._point(None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if self._cell is None and self._labels is not None:
            self._point((self._labels.shape[0] // 2, self._labels.shape[1] // 2))
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._point(None)
        self.update()

    def event(self, event: QEvent) -> bool:
        """The arrow keys, which are shortcuts of the player, are its own while it has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_arrow(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the next volume to one side."""
        labels, cell = self._labels, self._cell
        if labels is None or cell is None or not _is_arrow(event):
            super().keyPressEvent(event)
            return
        row, column = ARROWS[Qt.Key(event.key())]
        here = cell
        while _within(here, labels):
            if labels[here] != labels[cell]:
                self._point(here)
                break
            here = here[0] + row, here[1] + column

    # Drawing

    def sizeHint(self) -> QSize:
        return QSize(300, self.heightForWidth(300))

    def heightForWidth(self, width: int) -> int:
        """Two squares. A height set on resizing would chase a scroll bar that comes and goes."""
        return (width - GAP) // 2 + CAPTION

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        side = (self.width() - GAP) // 2
        for number, title in enumerate(("As in the video", self._caption)):
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
        painter.save()
        painter.setClipRect(place)
        painter.setTransform(self._transform(place), combine=True)
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
        self._draw_outline(painter)
        painter.restore()
        focused = self.hasFocus()
        painter.setPen(QPen(theme.color("link" if focused else "border"), 2 if focused else 1))
        painter.drawRect(place.adjusted(0.5, 0.5, -0.5, -0.5))

    def _draw_outline(self, painter: QPainter) -> None:
        """The volume that is pointed at, light on dark, which shows on every picture."""
        if self._affine is None or not self._outline:
            return
        (a, c, e), (b, d, f) = self._affine.astype(float).tolist()
        painter.setTransform(QTransform(a, b, c, d, e, f), combine=True)
        for colour, width in ((Qt.GlobalColor.black, 4), (Qt.GlobalColor.white, 2)):
            pen = QPen(colour, width)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawLines(self._outline)

    def _transform(self, place: QRectF) -> QTransform:
        """From continuous frame coordinates to the widget, for one of the two pictures."""
        area = self._area
        scale = place.width() / max(area.width() * self._aspect, area.height())
        transform = QTransform()
        transform.translate(place.center().x(), place.center().y())
        transform.scale(scale * self._aspect, scale)
        transform.translate(-area.center().x(), -area.center().y())
        return transform


def borders(inside: npt.NDArray[np.bool_]) -> list[QLineF]:
    """The sides of cells (h, w) between in and out, in map coordinates."""
    padded = np.pad(inside, 1)
    rows, columns = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    lines = [QLineF(x, y, x + 1, y) for y, x in zip(rows.tolist(), columns.tolist(), strict=True)]
    rows, columns = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    return lines + [QLineF(x, y, x, y + 1) for y, x in zip(rows.tolist(), columns.tolist(), strict=True)]


def _within(cell: tuple[int, int], labels: Labels) -> bool:
    return cell[0] in range(labels.shape[0]) and cell[1] in range(labels.shape[1])


def _is_arrow(event: QKeyEvent) -> bool:
    plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    return plain and Qt.Key(event.key()) in ARROWS
