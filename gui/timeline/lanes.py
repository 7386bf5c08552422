"""The thin lanes of the timeline: ruler, marks, bars of stretches. They only draw; the surface takes the mouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from engine.results import Mark
from gui import theme
from gui.timeline.scale import FrameScale
from gui.timeline.ticks import clock, tick_step, ticks

GUTTER = 84
"""Pixels left of the scale, for the names of the lanes."""
RIGHT = 14
"""Pixels right of the scale."""
GUTTER_ALIGNMENT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Lane(QWidget):
    """One row of the timeline under the shared scale.

    It is drawn into a picture once and only copied while the cursor moves over it.

    Attributes:
        title: written in the gutter.
    """

    def __init__(self, title: str, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.scale = FrameScale.whole(1)
        self._drawn: QPixmap | None = None
        self.setFixedHeight(height)
        self.setAccessibleName(title)

    def set_scale(self, scale: FrameScale) -> None:
        """Take over the shared scale, whose pixels are those of this widget."""
        self.scale = scale
        self.redraw()

    def redraw(self) -> None:
        """Something that is drawn has changed."""
        self._drawn = None
        self.update()

    def draw_gutter(self, painter: QPainter) -> None:
        """The lane's name."""
        painter.drawText(QRectF(0, 0, GUTTER - 12, self.height()), GUTTER_ALIGNMENT, self.title)

    def draw(self, painter: QPainter) -> None:
        """Draw the contents; the painter is clipped to the scale. Overridden by each lane."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.redraw()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.redraw()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        ratio = self.devicePixelRatioF()
        if self._drawn is None or self._drawn.devicePixelRatio() != ratio:
            self._drawn = self._picture(ratio)
        painter = QPainter(self)
        painter.setClipRect(event.rect())
        painter.drawPixmap(0, 0, self._drawn)
        painter.end()

    def _picture(self, ratio: float) -> QPixmap:
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setFont(theme.small_font(self))
        painter.setPen(theme.color("muted"))
        self.draw_gutter(painter)
        painter.setClipRect(self.drawn_area())
        self.draw(painter)
        painter.end()
        return picture

    def drawn_area(self) -> QRectF:
        """What `draw` may draw on."""
        return QRectF(self.scale.left, 0, self.scale.width, self.height())


class TellingLane(Lane):
    """A lane that the mouse can ask; places are in its own pixels. Overridden where there is something to tell."""

    def target(self, position: QPointF) -> int | None:
        """The frame to which a click there leads; None for the one under the mouse."""
        return None

    def tip(self, position: QPointF) -> str:
        """What there is to say of a place."""
        return ""


class Ruler(Lane):
    """Frame numbers above, times below them in a quieter colour."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Frame", 32, parent)
        self._seconds: Callable[[int], float] | None = None

    def set_clock(self, seconds: Callable[[int], float] | None) -> None:
        """How a frame's time is found, in seconds; None without a video."""
        self._seconds = seconds
        self.redraw()

    def draw_gutter(self, painter: QPainter) -> None:
        half = self.height() / 2
        painter.drawText(QRectF(0, 0, GUTTER - 12, half), GUTTER_ALIGNMENT, "Frame")
        painter.drawText(QRectF(0, half - 1, GUTTER - 12, half), GUTTER_ALIGNMENT, "Time")

    def drawn_area(self) -> QRectF:
        return QRectF(self.rect())  # the outer labels reach beyond the scale

    def draw(self, painter: QPainter) -> None:
        if self._seconds is not None:
            self._draw_ticks(painter, self._seconds)

    def _draw_ticks(self, painter: QPainter, seconds: Callable[[int], float]) -> None:
        scale, half = self.scale, self.height() / 2
        metrics = QFontMetricsF(painter.font())
        widest = max(metrics.horizontalAdvance(text) for text in _labels(scale.frames - 1, seconds, 1))
        step = tick_step(scale.span, scale.width, widest + 18)
        decimals = _decimals(step, scale.frames, seconds)
        centre = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter
        for frame in ticks(scale.start, scale.end, step):
            if frame < 0 or frame >= scale.frames:
                continue
            x = scale.x(frame)
            frame_text, time_text = _labels(frame, seconds, decimals)
            width = max(metrics.horizontalAdvance(frame_text), metrics.horizontalAdvance(time_text)) + 2
            left = min(max(x - width / 2, scale.left), self.width() - width)
            painter.setPen(theme.color("text"))
            painter.drawText(QRectF(left, 0, width, half), centre, frame_text)
            painter.setPen(theme.color("muted"))
            painter.drawText(QRectF(left, half - 1, width, half), centre, time_text)
            painter.setPen(theme.color("strong"))
            painter.drawLine(QPointF(int(x), self.height() - 4), QPointF(int(x), self.height() - 1))
        painter.setPen(QPen(theme.color("border"), 1))
        painter.drawLine(
            QPointF(scale.left, self.height() - 0.5), QPointF(scale.left + scale.width, self.height() - 0.5)
        )


def _labels(frame: int, seconds: Callable[[int], float], decimals: int) -> tuple[str, str]:
    """Number and time of a frame."""
    return f"{frame:,}".replace(",", "\u202f"), clock(seconds(frame), decimals)


def _decimals(step: int, frames: int, seconds: Callable[[int], float]) -> int:
    """Decimals that tell the times of two neighbouring ticks apart."""
    apart = abs(seconds(min(step, frames - 1)) - seconds(0))
    return 0 if apart >= 1 else 1 if apart >= 0.1 else 2 if apart >= 0.01 else 3


class BarsLane(Lane):
    """Stretches of frames as bars: what is analysed, what is in memory."""

    def __init__(self, title: str, colour: str, parent: QWidget | None = None) -> None:
        super().__init__(title, 15, parent)
        self._colour = colour
        self.ranges: tuple[tuple[int, int], ...] = ()

    def set_ranges(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Inclusive ranges of frames."""
        new = tuple(ranges)
        if new != self.ranges:
            self.ranges = new
            self.redraw()

    def draw(self, painter: QPainter) -> None:
        scale, middle = self.scale, self.height() / 2
        track = QRectF(scale.x(-0.5), middle - 2.5, scale.x(scale.frames - 0.5) - scale.x(-0.5), 5)
        painter.fillRect(track, theme.color("inset"))
        for first, last in self.ranges:
            left, right = scale.x(first - 0.5), scale.x(last + 0.5)
            painter.fillRect(QRectF(left, middle - 2.5, max(1.0, right - left), 5), theme.color(self._colour))


class MarksLane(Lane):
    """The reviewer's marks: a diamond for a frame, a bracket for a range, and the note where there is room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Marks", 20, parent)
        self.marks: tuple[Mark, ...] = ()

    def set_marks(self, marks: Sequence[Mark]) -> None:
        self.marks = tuple(marks)
        self.redraw()

    def hit(self, x: float) -> Mark | None:
        """The mark under a pixel; of several the one whose start is nearest."""
        near = [
            mark
            for mark in self.marks
            if self.scale.x(mark.first) - 7 <= x <= max(self.scale.x(mark.first) + 7, self.scale.x(mark.last) + 3)
        ]
        return min(near, key=lambda mark: abs(self.scale.x(mark.first) - x), default=None)

    def draw(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetricsF(painter.font())
        ink = theme.color("mark")
        middle, ends = self.height() / 2, [self.scale.x(m.first) for m in self.marks[1:]]
        for mark, room in zip(self.marks, [*ends, self.scale.left + self.scale.width], strict=False):
            left, right = self.scale.x(mark.first), self.scale.x(mark.last)
            if mark.last > mark.first:
                self._bracket(painter, left, right, ink)
            painter.setPen(QPen(theme.color("window"), 1))
            painter.setBrush(ink)
            corners = ((left, middle - 5), (left + 5, middle), (left, middle + 5), (left - 5, middle))
            painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
            text = metrics.elidedText(mark.note, Qt.TextElideMode.ElideRight, room - left - 16)
            if len(text) > 1:
                painter.setPen(theme.color("text"))
                painter.drawText(QPointF(left + 9, middle + metrics.ascent() / 2 - 1), text)

    def _bracket(self, painter: QPainter, left: float, right: float, ink: QColor) -> None:
        fill = QColor(ink)
        fill.setAlpha(50)
        painter.fillRect(QRectF(left, 3, right - left, self.height() - 6), fill)
        painter.setPen(QPen(ink, 1))
        painter.drawLine(QPointF(right, 3), QPointF(right, self.height() - 3))
