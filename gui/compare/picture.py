"""The picture of a pane: the player's painter with a viewport shared by all panes, and a wipe. GUI thread only."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QResizeEvent
from PySide6.QtWidgets import QWidget

from gui import theme
from gui.player.picture import PictureView
from gui.player.viewport import Viewport

GRIP = 7
"""Pixels beside the line of the wipe that still take hold of it."""
WORDS_FROM = 90
"""Pixels of room from which a side of the wipe is named."""


class PanePicture(PictureView):
    """Shows the frame that all panes show, with the mask of its own pane right of the wipe's line.

    Signals:
        resized: its size is new; the viewport is to be shared anew.
        wiped: the line was dragged to a share of the visible width, 0 to 1.
        chosen: it was clicked.
    """

    resized = Signal()
    wiped = Signal(float)
    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wipe: float | None = None
        self._held = False
        self.setMinimumSize(120, 36)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def sizeHint(self) -> QSize:
        return QSize(300, 200)

    def adopt(self, viewport: Viewport, view: QSizeF) -> None:
        """Take over another pane's zoom and place; `view` is the size that all panes have in common."""
        self.viewport = replace(viewport, view=view)
        self.update()

    def set_wipe(self, at: float | None) -> None:
        """The share of the visible width that shows the picture alone; None for no wipe."""
        self._wipe = at
        self.update()

    def visible_area(self) -> QRectF:
        """Where the frame is seen in the widget."""
        frame = QRectF(0, 0, self.viewport.width, self.viewport.height)
        return self.viewport.transform.mapRect(frame).intersected(QRectF(self.rect()))

    def wipe_x(self) -> float:
        """Where the line stands, in the widget's own units."""
        area = self.visible_area()
        return area.left() + area.width() * (self._wipe or 0.0)

    def overlay_area(self, target: QRectF) -> QRectF:
        if self._wipe is None:
            return target
        return target.intersected(QRectF(self.wipe_x(), 0, self.width(), self.height()))

    # Qt

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._wipe is None or self._frame is None:
            return
        painter = QPainter(self)
        area, x = self.visible_area(), round(self.wipe_x()) + 0.5
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for colour, width in (("picture", 4), ("text", 2)):
            painter.setPen(QPen(theme.color(colour), width))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        self._draw_handle(painter, QPointF(x, area.center().y()))
        self._name_sides(painter, area, x)
        painter.end()

    def _draw_handle(self, painter: QPainter, at: QPointF) -> None:
        painter.setPen(QPen(theme.color("picture"), 1))
        painter.setBrush(theme.color("text"))
        painter.drawEllipse(at, 11, 11)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("picture"))
        for side in (-1, 1):
            tip = at + QPointF(side * 7, 0)
            painter.drawPolygon(QPolygonF([tip, tip + QPointF(-side * 5, -4), tip + QPointF(-side * 5, 4)]))

    def _name_sides(self, painter: QPainter, area: QRectF, x: float) -> None:
        painter.setFont(theme.small_font(self))
        metrics = painter.fontMetrics()
        backdrop = theme.color("picture")
        backdrop.setAlpha(190)
        for text, left, room in (("as decoded", True, x - area.left()), ("with mask", False, area.right() - x)):
            width = metrics.horizontalAdvance(text) + 10
            if room < max(WORDS_FROM, width + 8):
                continue
            place = QRectF(x - 6 - width if left else x + 6, area.bottom() - metrics.height() - 8, width, 0)
            place.setHeight(metrics.height() + 3)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(backdrop)
            painter.drawRoundedRect(place, 4, 4)
            painter.setPen(theme.color("text"))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.resized.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit()
        if event.button() == Qt.MouseButton.LeftButton and self._on_line(event.position()):
            self._held = True
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._held:
            area = self.visible_area()
            self.wiped.emit(min(1.0, max(0.0, (event.position().x() - area.left()) / max(1.0, area.width()))))
        elif self._hand is not None:
            super().mouseMoveEvent(event)
        elif self._on_line(event.position()):
            self.setCursor(Qt.CursorShape.SplitHCursor)
        else:
            self.unsetCursor()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = False
        super().mouseReleaseEvent(event)

    def _on_line(self, at: QPointF) -> bool:
        return self._wipe is not None and abs(at.x() - self.wipe_x()) <= GRIP
