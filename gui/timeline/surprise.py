"""The lane of LPS's errors of prediction (P001): how surprised the predictor is. GUI thread only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from engine.detectors.lps_windows import EXAMPLE_FRAMES, PREDICTION_ERROR
from engine.results import FloatArray
from gui import theme
from gui.results_model import TrackSeries
from gui.timeline.columns import by_column
from gui.timeline.lanes import GUTTER, GUTTER_ALIGNMENT, TellingLane
from gui.timeline.plot import curve_pen

MEANING = "surprise of the predictor, not fakeness: 0 is certainty, 1 is chance"
RULE = "Of overlapping windows the one that began last counts"
ROOM, HIGH_ROOM = 20, 38
"""Height of the curves, pixels: in low windows and in high ones."""
CAPTION = 15
TOP = 1.25
"""End of the scale where nothing lies higher."""


def errors(track: TrackSeries) -> FloatArray:
    """(last - first + 1,) the error of each frame of a face's extent, nan where there is none.

    It is that of the example that shows the frame, in the window that began last of those that show it: the same
    window whose score stands for the frame.
    """
    values = np.full(track.last - track.first + 1, np.nan, np.float32)
    series, spans = track.activations.get(PREDICTION_ERROR), track.spans
    if series is None:
        return values
    for offset in reversed(range(series.shape[1] * EXAMPLE_FRAMES)):  # what lies near a beginning comes last
        frames = spans[:, 0] + offset
        own = frames <= spans[:, 1]
        values[frames[own] - track.first] = series[own, offset // EXAMPLE_FRAMES]
    return values


class SurpriseLane(TellingLane):
    """A curve for each face on a scale from 0, with a line at chance. Shown for detectors that foretell."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Surprise", ROOM + CAPTION, parent)
        self.room = ROOM
        self.tracks: tuple[TrackSeries, ...] = ()
        self._errors: tuple[FloatArray, ...] = ()
        self.top = TOP
        self.setAccessibleDescription(f"Error of prediction of each example: {MEANING}. {RULE}")
        self.setVisible(False)

    def set_tracks(self, tracks: Sequence[TrackSeries]) -> None:
        """Show those of the faces that have errors of prediction; without one there is nothing to show."""
        self.tracks = tuple(track for track in tracks if PREDICTION_ERROR in track.activations)
        self._errors = tuple(errors(track) for track in self.tracks)
        self.top = max((float(np.nanmax(each, initial=TOP)) for each in self._errors), default=TOP)
        self.redraw()

    def set_high(self, high: bool) -> None:
        """Whether there is room for higher curves."""
        self.room = HIGH_ROOM if high else ROOM
        self.setFixedHeight(self.room + CAPTION)

    def value_at(self, track: TrackSeries, frame: int) -> float:
        """The error that is drawn at a frame, nan without one."""
        number = next((at for at, each in enumerate(self.tracks) if each is track), None)
        if number is None or not track.first <= frame <= track.last:
            return float("nan")
        return float(self._errors[number][frame - track.first])

    def tip(self, position: QPointF) -> str:
        frame = self.scale.frame(position.x())
        lines = [text for track in self.tracks if (text := self.text_of(track, frame))]
        return "\n".join([*(lines or [f"Frame {frame}: no error of prediction here"]), f"S{MEANING[1:]}", RULE])

    def text_of(self, track: TrackSeries, frame: int) -> str:
        """Face, frame, value, example and window; empty where there is none."""
        value, row = self.value_at(track, frame), track.span_at(frame)
        if np.isnan(value) or row is None:
            return ""
        first, last = track.spans[row].tolist()
        begin = frame - (frame - first) % EXAMPLE_FRAMES
        end = min(begin + EXAMPLE_FRAMES - 1, last)
        return (
            f"{track.name}, frame {frame}: error {value:.2f} "
            f"(example of frames {begin} to {end}, window of frames {first} to {last})"
        )

    def draw_gutter(self, painter: QPainter) -> None:
        painter.drawText(QRectF(0, 0, GUTTER - 24, self.room), GUTTER_ALIGNMENT, self.title)
        for value in (0, 1):
            painter.drawText(QRectF(0, self._y(value) - 8, GUTTER - 8, 16), GUTTER_ALIGNMENT, str(value))

    def draw(self, painter: QPainter) -> None:
        scale = self.scale
        painter.fillRect(QRectF(scale.left, 1, scale.width, self.room - 2), theme.color("inset"))
        painter.setPen(QPen(theme.color("strong"), 1, Qt.PenStyle.DashLine))
        chance = int(self._y(1)) + 0.5
        painter.drawLine(QPointF(scale.left, chance), QPointF(scale.left + scale.width, chance))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for track, values in zip(self.tracks, self._errors, strict=True):
            painter.setPen(curve_pen(track.id))
            for first, run in self._runs(track, values):
                points = [QPointF(scale.left + first + at + 0.5, self._y(v)) for at, v in enumerate(run.tolist())]
                painter.drawPolyline(QPolygonF(points if len(points) > 1 else points * 2))
        painter.setPen(theme.color("muted"))
        line = QRectF(scale.left, self.room, scale.width, CAPTION)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, f"{MEANING} (dashed)")

    def _runs(self, track: TrackSeries, values: FloatArray) -> list[tuple[int, FloatArray]]:
        """The stretches of pixel columns that have a value: the first column, and the values."""

        def within(first: int, last: int) -> FloatArray:
            found = np.full(last - first + 1, np.nan, np.float32)
            low, high = max(first, track.first), min(last, track.last)
            if low <= high:
                found[low - first : high - first + 1] = values[low - track.first : high - track.first + 1]
            return found

        columns = by_column(within, self.scale)
        edges = np.flatnonzero(np.diff(np.concatenate(([False], ~np.isnan(columns), [False])).astype(np.int8)))
        return [(int(a), columns[a:b]) for a, b in edges.reshape(-1, 2)]

    def _y(self, value: float) -> float:
        """Pixel row of an error."""
        return self.room - 3 - value / self.top * (self.room - 6)
