"""The lane of a detector's attention to single frames: the U-T map of Inter-SIM (P003). GUI thread only."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPen
from PySide6.QtWidgets import QWidget

from engine.results import FloatArray, Picture, frozen
from gui import theme
from gui.results_model import TrackSeries
from gui.timeline.columns import by_column
from gui.timeline.lanes import GUTTER, GUTTER_ALIGNMENT, TellingLane
from gui.timeline.scale import FrameScale

SERIES = "u-t"
MEANING = "attention, no probability; 0.25 where nothing was learnt"
NEUTRAL = 0.25
"""The product of two sigmoids that know nothing."""
ROW, CAPTION = 13, 15
MOST_ROWS = 3
"""Faces that have a row; the others are shown when one of these is hidden."""


def shades() -> Picture:
    """(256, 3) uint8, entry 255 a for the attention a in [0, 1]: from dark to light, which means neither class."""
    ends = [theme.color(name) for name in ("border", "text")]
    low, high = (np.array([ink.red(), ink.green(), ink.blue()], np.float64) for ink in ends)
    steps = np.linspace(0, 1, 256)[:, None]
    return frozen(np.round(low + (high - low) * steps).astype(np.uint8))


def columns(track: TrackSeries, scale: FrameScale) -> FloatArray:
    """(W,) the attention in each column of pixels: of its frame, or the largest of its frames; nan without one."""
    return by_column(lambda first, last: track.frame_values(SERIES, first, last), scale)


class AttentionLane(TellingLane):
    """A row per face, light where the detector looks, on a scale that is the same for every video."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("U-T", ROW + CAPTION, parent)
        self.tracks: tuple[TrackSeries, ...] = ()
        self._seen: tuple[tuple[int, int], ...] = ()
        self.setAccessibleDescription(f"Attention to each frame: {MEANING}")
        self.setVisible(False)

    def set_tracks(self, tracks: Sequence[TrackSeries]) -> None:
        """Show those of the faces that have a U-T map; without one there is nothing to show."""
        self.tracks = tuple(track for track in tracks if SERIES in track.activations)[:MOST_ROWS]
        self.setFixedHeight(ROW * max(1, len(self.tracks)) + CAPTION)
        self.redraw()

    def tip(self, position: QPointF) -> str:
        frame = self.scale.frame(position.x())
        lines = [text for track in self.tracks if (text := self.text_of(track, frame))]
        return "\n".join([*(lines or [f"Frame {frame}: no U-T map here"]), f"{MEANING[0].upper()}{MEANING[1:]}"])

    def text_of(self, track: TrackSeries, frame: int) -> str:
        """Face, frame and value, empty where there is none."""
        value = float(track.frame_values(SERIES, frame, frame)[0])
        row = track.span_at(frame)
        if math.isnan(value) or row is None:
            return ""
        first, last = track.spans[row].tolist()
        return f"{track.name}, frame {frame}: attention {value:.2f} (score of frames {first} to {last})"

    def draw_gutter(self, painter: QPainter) -> None:
        for row, track in enumerate(self.tracks):
            name = f"{self.title} {track.name}" if len(self.tracks) > 1 else self.title
            painter.drawText(QRectF(0, row * ROW, GUTTER - 12, ROW), GUTTER_ALIGNMENT, name)

    def draw(self, painter: QPainter) -> None:
        scale, table = self.scale, shades()
        for row, track in enumerate(self.tracks):
            place = QRectF(scale.left, row * ROW + 1, scale.width, ROW - 2)
            painter.fillRect(place, theme.color("inset"))
            found = columns(track, scale)
            there = ~np.isnan(found)
            picture = np.zeros((1, len(found), 4), np.uint8)
            picture[0, there, :3] = table[np.round(np.clip(found[there], 0, 1) * 255).astype(np.int64)]
            picture[0, there, 3] = 255
            image = QImage(picture.data, len(found), 1, 4 * len(found), QImage.Format.Format_RGBA8888)
            painter.drawImage(place, image)
        self._draw_legend(painter, table)

    def _draw_legend(self, painter: QPainter, table: Picture) -> None:
        """The scale with its neutral value, and what it is a scale of."""
        metrics, left = painter.fontMetrics(), self.scale.left
        line = QRectF(left, self.height() - CAPTION, self.scale.width, CAPTION)
        side = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.setPen(theme.color("muted"))
        painter.drawText(line, side, "0")
        bar = QRectF(left + metrics.horizontalAdvance("0") + 5, line.top() + 4, 64, CAPTION - 8)
        scale = QImage(table.data, 256, 1, 768, QImage.Format.Format_RGB888)
        painter.drawImage(bar, scale)
        at = bar.left() + NEUTRAL * bar.width()
        painter.setPen(QPen(theme.color("text"), 1))
        painter.drawLine(QPointF(at, bar.top() - 2), QPointF(at, bar.bottom() + 2))
        painter.setPen(theme.color("muted"))
        painter.drawText(line.adjusted(bar.right() - left + 5, 0, 0, 0), side, f"1   {MEANING}")
