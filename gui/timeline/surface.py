"""What lies over all lanes of the timeline: the one cursor, the hover line, the range, and the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QWidget

from engine.results import Mark
from gui import theme
from gui.throttle import Throttle
from gui.timeline.lanes import MarksLane, TellingLane
from gui.timeline.plot import CurvePlot
from gui.timeline.scale import FrameScale

GRAB = 5
"""Pixels from the threshold line within which it can be grabbed."""
STILL = 3
"""Pixels that the mouse may move in a click on a bar."""


class Grip(Enum):
    NOTHING = "nothing"
    PLAYHEAD = "playhead"
    THRESHOLD = "threshold"
    CANVAS = "canvas"


class Surface(QWidget):
    """Transparent, on top of the lanes. A moved cursor repaints two strips a few pixels wide, not the curves.

    Signals:
        scrubbed: frame, and whether the mouse button is still down.
        threshold_moved: probability, and whether the mouse button is still down.
        zoomed: factor, and the frame coordinate that stays in place.
        panned: frames.
        hovered: frame under the mouse, -1 when it has left.
        mark_edited: a Mark that was double clicked.
    """

    scrubbed = Signal(int, bool)
    threshold_moved = Signal(float, bool)
    zoomed = Signal(float, float)
    panned = Signal(float)
    hovered = Signal(int)
    mark_edited = Signal(object)

    def __init__(self, plot: CurvePlot, marks: MarksLane, telling: Sequence[TellingLane], parent: QWidget) -> None:
        super().__init__(parent)
        self._plot, self._marks, self._telling = plot, marks, tuple(telling)
        self.scale = FrameScale.whole(1)
        self.cursor_frame = 0
        self._hover = -1
        self._range: tuple[int, int] | None = None
        self._grip = Grip.NOTHING
        self._grabbed_at = 0.0
        self._bar: int | None = None
        """First frame of the bar that was pressed, as long as the mouse has not moved."""
        self.enabled = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName("Timeline")
        beat = round(1000 / max(30.0, self.screen().refreshRate()))
        self._cursor = Throttle(self._move_cursor, beat, self)
        self._scrub: Throttle[int] = Throttle(lambda frame: self.scrubbed.emit(frame, True), beat, self)

    def set_scale(self, scale: FrameScale) -> None:
        self.scale = scale
        self.update()

    def set_range(self, chosen: tuple[int, int] | None) -> None:
        """The chosen range, inclusive; None for the whole video."""
        self._range = chosen
        self.update()

    def set_cursor(self, frame: int) -> None:
        """Move the cursor, at most once per refresh of the screen; the last call is never lost."""
        self._cursor(frame)

    def _move_cursor(self, frame: int) -> None:
        before, self.cursor_frame = self.cursor_frame, frame
        for frame in {before, self.cursor_frame}:
            self._update_strip(frame, 6)

    def _update_strip(self, frame: int, reach: int) -> None:
        self.update(QRect(int(self.scale.x(frame)) - reach, 0, 2 * reach + 1, self.height()))

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.enabled:
            return
        painter = QPainter(self)
        painter.setClipRect(QRectF(self.scale.left - 6, 0, self.scale.width + 12, self.height()))
        self._paint_range(painter)
        if self._hover >= 0 and self._grip is Grip.NOTHING:
            self._vertical(painter, self.scale.x(self._hover), QPen(theme.color("hover"), 1, Qt.PenStyle.DashLine))
        self._paint_cursor(painter)
        painter.end()

    def _paint_range(self, painter: QPainter) -> None:
        if self._range is None:
            return
        first, last = self._range
        left, right = self.scale.x(first - 0.5), self.scale.x(last + 0.5)
        shade = QColor(theme.color("window"))
        shade.setAlpha(150)
        edge = self.scale.left + self.scale.width
        painter.fillRect(QRectF(self.scale.left, 0, max(0.0, left - self.scale.left), self.height()), shade)
        painter.fillRect(QRectF(right, 0, max(0.0, edge - right), self.height()), shade)
        ink = theme.color("accent")
        for x, direction in ((left, 1), (right, -1)):
            self._vertical(painter, x, QPen(ink, 1))
            painter.fillRect(QRectF(min(x, x + 6 * direction), 0, 6, 2), ink)
            painter.fillRect(QRectF(min(x, x + 6 * direction), self.height() - 2, 6, 2), ink)

    def _paint_cursor(self, painter: QPainter) -> None:
        x = self.scale.x(self.cursor_frame)
        ink = theme.color("cursor")
        self._vertical(painter, x, QPen(ink, 1))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        x = int(x) + 0.5
        corners = ((x - 5, 0), (x + 5, 0), (x + 5, 4), (x, 9), (x - 5, 4))
        painter.drawPolygon(QPolygonF([QPointF(a, b) for a, b in corners]))

    def _vertical(self, painter: QPainter, x: float, pen: QPen) -> None:
        painter.setPen(pen)
        painter.drawLine(QPointF(int(x), 0), QPointF(int(x), self.height()))

    # Mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self.enabled:
            return
        if event.button() == Qt.MouseButton.MiddleButton:
            self._grip, self._grabbed_at = Grip.CANVAS, event.position().x()
        elif event.button() == Qt.MouseButton.LeftButton:
            mark = self._mark_at(event.position())
            target = self._target_at(event.position())
            if mark is not None:
                self.scrubbed.emit(mark.first, False)
            elif target is not None:
                self.scrubbed.emit(target, False)
            elif self._over_threshold(event.position()):
                self._grip = Grip.THRESHOLD
            else:
                self._grip, self._grabbed_at = Grip.PLAYHEAD, event.position().x()
                self._bar = self._bar_at(event.position())
                self._scrub(self.scale.frame(event.position().x()) if self._bar is None else self._bar)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self.enabled:
            return
        position = event.position()
        match self._grip:
            case Grip.PLAYHEAD:
                if self._bar is None or abs(position.x() - self._grabbed_at) > STILL:
                    self._bar = None
                    self._scrub(self.scale.frame(position.x()))
            case Grip.THRESHOLD:
                self.threshold_moved.emit(self._threshold_at(position), True)
            case Grip.CANVAS:
                self.panned.emit((self._grabbed_at - position.x()) / self.scale.pixels_per_frame)
                self._grabbed_at = position.x()
            case Grip.NOTHING:
                self._show_what_is_under(position)
        if self._grip is not Grip.THRESHOLD:
            self._set_hover(self.scale.frame(position.x()) if position.x() >= self.scale.left - 6 else -1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        grip, self._grip = self._grip, Grip.NOTHING
        if grip is Grip.PLAYHEAD:
            self._scrub.drop()
            self.scrubbed.emit(self.scale.frame(event.position().x()) if self._bar is None else self._bar, False)
            self._bar = None
        elif grip is Grip.THRESHOLD:
            self.threshold_moved.emit(self._threshold_at(event.position()), False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        mark = self._mark_at(event.position()) if self.enabled else None
        if mark is not None:
            self.mark_edited.emit(mark)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self.enabled:
            return
        turns, sideways = event.angleDelta().y() / 120, event.angleDelta().x() / 120
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            turns, sideways = 0.0, sideways or turns
        if turns:
            self.zoomed.emit(1.25**turns, self.scale.position(event.position().x()))
        if sideways:
            self.panned.emit(-sideways * self.scale.span / 10)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover(-1)

    def _set_hover(self, frame: int) -> None:
        if frame == self._hover:
            return
        before, self._hover = self._hover, frame
        for changed in (before, frame):
            if changed >= 0:
                self._update_strip(changed, 2)
        self.hovered.emit(frame)

    def _show_what_is_under(self, position: QPointF) -> None:
        mark = self._mark_at(position)
        over_threshold = self._over_threshold(position)
        shape = Qt.CursorShape.SizeVerCursor if over_threshold else Qt.CursorShape.ArrowCursor
        to_click = mark is not None or self._target_at(position) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if to_click else shape)
        self.setToolTip(
            f"{mark.note or 'Mark without a note'}\nClick to go there, double click to edit the note"
            if mark
            else "Drag to move the threshold"
            if over_threshold
            else self._tip_at(position)
        )

    def _telling_at(self, position: QPointF) -> TellingLane | None:
        """The lane there that can be asked."""
        under = (lane for lane in self._telling if lane.isVisible())
        return next((lane for lane in under if lane.geometry().contains(position.toPoint())), None)

    def _target_at(self, position: QPointF) -> int | None:
        lane = self._telling_at(position)
        return lane.target(position - lane.pos()) if lane is not None else None

    def _tip_at(self, position: QPointF) -> str:
        lane = self._telling_at(position)
        if lane is not None:
            return lane.tip(position - lane.pos())
        return self._plot.tip(position - self._plot.pos()) if self._over_plot(position) else ""

    def _over_plot(self, position: QPointF) -> bool:
        return bool(self._plot.geometry().contains(position.toPoint())) and position.x() >= self.scale.left

    def _bar_at(self, position: QPointF) -> int | None:
        """First frame of the bar that is there."""
        return self._plot.bar_start(position - self._plot.pos()) if self._over_plot(position) else None

    def _mark_at(self, position: QPointF) -> Mark | None:
        return self._marks.hit(position.x()) if self._marks.geometry().contains(position.toPoint()) else None

    def _over_threshold(self, position: QPointF) -> bool:
        inside = self._plot.geometry().contains(position.toPoint())
        y = position.y() - self._plot.y()
        return bool(inside and abs(self._plot.row_of(self._plot.threshold) - y) <= GRAB)

    def _threshold_at(self, position: QPointF) -> float:
        return round(self._plot.probability(position.y() - self._plot.y()), 2)
