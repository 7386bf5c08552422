"""Which line is whose: a sample of each person's line beside the name."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.results import excluded_words
from gui import theme
from gui.results_model import TrackSeries
from gui.timeline.plot import curve_pen

SAMPLE = 26
GAP = 14
SHOWN = 6
"""So many names fit; the case panel lists all."""


class Legend(QWidget):
    """One line; people beyond the first SHOWN are counted. Excluded prototypes are told of, too."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[tuple[int, str], ...] = ()
        self._more = 0
        self._without = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Legend")

    def set_tracks(self, tracks: Sequence[TrackSeries]) -> None:
        entries = tuple((track.id, track.name) for track in tracks[:SHOWN])
        more = max(0, len(tracks) - SHOWN)
        excluded = {name for track in tracks for part in track.parts[-1:] for name in part.excluded}
        without = excluded_words(len(excluded)) if excluded else ""
        if (entries, more, without) == (self._entries, self._more, self._without):
            return
        self._entries, self._more, self._without = entries, more, without
        self.setAccessibleDescription(", ".join([*(name for _, name in entries), *([without] if without else [])]))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(theme.small_font(self))
        width = sum(SAMPLE + 4 + metrics.horizontalAdvance(name) + GAP for _, name in self._entries)
        width += metrics.horizontalAdvance(self._rest()) + GAP if self._more else 0
        return QSize(width + metrics.horizontalAdvance(self._without), metrics.height() + 4)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.small_font(self))
        metrics, middle, x = painter.fontMetrics(), self.height() / 2, 0
        base = int(middle + (metrics.ascent() - metrics.descent()) / 2)
        for track_id, name in self._entries:
            pen = QPen(curve_pen(track_id))
            pen.setWidth(2)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawLine(QPointF(x, middle), QPointF(x + SAMPLE, middle))
            painter.setPen(theme.color("text"))
            painter.drawText(x + SAMPLE + 4, base, name)
            x += SAMPLE + 4 + metrics.horizontalAdvance(name) + GAP
        if self._more:
            painter.setPen(theme.color("muted"))
            painter.drawText(x, base, self._rest())
            x += metrics.horizontalAdvance(self._rest()) + GAP
        painter.setPen(theme.color("warning"))
        painter.drawText(x, base, self._without)
        painter.end()

    def _rest(self) -> str:
        return f"and {self._more} more"
