"""The lane of the suspicious intervals. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from engine.evaluation.intervals import IntervalRule, SuspiciousInterval
from gui import theme
from gui.timeline.lanes import TellingLane
from gui.timeline.ticks import clock

HEIGHT = 16
MOST_ROWS = 3


class IntervalsLane(TellingLane):
    """A bracket per interval in the colour of its face; faces share the height."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Intervals", HEIGHT, parent)
        self.intervals: tuple[SuspiciousInterval, ...] = ()
        self._rule: IntervalRule | None = None
        self._seconds: Callable[[int], float] | None = None
        self.setVisible(False)

    def set_clock(self, seconds: Callable[[int], float] | None) -> None:
        """How a frame's time is found, in seconds; None without a video."""
        self._seconds = seconds

    def set_intervals(self, intervals: Sequence[SuspiciousInterval], rule: IntervalRule) -> None:
        """What to show, and by which rule it was found."""
        self.intervals, self._rule = tuple(intervals), rule
        self.setAccessibleDescription(f"{len(self.intervals)} suspicious intervals; one {rule.words()}")
        self.redraw()

    def target(self, position: QPointF) -> int | None:
        found = self._under(position)
        return found.first if found is not None else None

    def tip(self, position: QPointF) -> str:
        found = self._under(position)
        if found is None or self._rule is None:
            return ""
        return f"{interval_text(found, self._seconds)}\nRule: {self._rule.words()}\nClick to go to its first frame"

    def draw(self, painter: QPainter) -> None:
        for interval in self.intervals:
            if interval.last < self.scale.start or interval.first > self.scale.end:
                continue
            place = self._place(interval)
            ink = theme.track_color(interval.track_id)
            fill = QColor(ink)
            fill.setAlpha(130)
            painter.fillRect(place, QBrush(fill, Qt.BrushStyle.FDiagPattern))
            painter.setPen(QPen(ink, 1))
            painter.drawRect(place.adjusted(0, 0, -1, -1))

    def _rows(self) -> tuple[int, ...]:
        """Faces that have a row; the last row takes the rest."""
        return tuple(sorted({each.track_id for each in self.intervals}))[:MOST_ROWS]

    def _place(self, interval: SuspiciousInterval) -> QRectF:
        rows = self._rows()
        row = rows.index(interval.track_id) if interval.track_id in rows else MOST_ROWS - 1
        height = (self.height() - 4) / len(rows)
        left, right = self.scale.x(interval.first - 0.5), self.scale.x(interval.last + 0.5)
        left, right = max(left, self.scale.left - 4), min(right, self.scale.left + self.scale.width + 4)
        return QRectF(left, 2 + row * height, max(3.0, right - left), max(3.0, height - 1))

    def _under(self, position: QPointF) -> SuspiciousInterval | None:
        """The interval under the mouse, of several the shortest."""
        x, y = position.x(), position.y()
        under = [
            each
            for each in self.intervals
            if (place := self._place(each)).left() - 2 <= x <= place.right() + 2
            and place.top() - 2 <= y <= place.bottom() + 2
        ]
        return min(under, key=lambda each: each.last - each.first, default=None)


def interval_text(interval: SuspiciousInterval, seconds: Callable[[int], float] | None) -> str:
    """A line with face, frames and times, and one with the figures."""
    times = f", {clock(seconds(interval.first), 2)}–{clock(seconds(interval.last), 2)}" if seconds else ""
    return (
        f"Face {interval.track_id + 1}, frames {interval.first}–{interval.last}{times}\n"
        f"mean {interval.mean:.2f}, peak {interval.peak:.2f} at frame {interval.peak_frame}"
    )
