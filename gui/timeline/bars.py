"""Bars of the scores that stand for several frames, beside the curve. GUI thread only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from engine.results import FloatArray, IntArray
from gui import theme
from gui.results_model import TrackSeries

NARROWEST = 3.0
"""Pixels that a usual bar must be wide; where it is not, the curve alone is drawn."""
GROUND, HATCH = 40, 150
"""Opacity of a bar, and of the hatch over one that reaches the threshold."""


def visible_bars(track: TrackSeries, start: float, end: float) -> tuple[IntArray, FloatArray]:
    """(B, 2) spans of more than one frame in the interval [start, end] of frames, and their (B,) probabilities."""
    first = int(np.searchsorted(track.spans[:, 1], start - 0.5))
    last = int(np.searchsorted(track.spans[:, 0], end + 0.5, side="right"))
    spans, scores = track.spans[first:last], track.scores[first:last]
    long = spans[:, 1] > spans[:, 0]
    return spans[long], scores[long]


class SpanBars(pg.GraphicsObject):  # type: ignore[misc]
    """A pale bar per span, from zero to its probability; one that reaches the threshold is hatched and capped.

    A bar has the colour of its face, which says nothing of fake or real.
    """

    def __init__(self, headroom: float) -> None:
        super().__init__()
        self._headroom = headroom
        self._tracks: tuple[TrackSeries, ...] = ()
        self._frames, self._start, self._end = 1, -0.5, 0.5
        self._pixels = 1.0
        self.threshold = 0.5
        self.setZValue(-5)

    def set_tracks(self, tracks: Sequence[TrackSeries]) -> None:
        self._tracks = tuple(tracks)
        self.update()

    def set_view(self, frames: int, start: float, end: float, pixels_per_frame: float) -> None:
        """What is visible of a video that has `frames`."""
        if frames != self._frames:
            self.prepareGeometryChange()
        self._frames, self._start, self._end = frames, start, end
        self._pixels = pixels_per_frame
        self.update()

    def set_threshold(self, threshold: float) -> None:
        self.threshold = threshold
        self.update()

    def drawn(self) -> list[tuple[int, IntArray, FloatArray]]:
        """Face, spans and probabilities of the bars on the screen, by face."""
        made = []
        for track in self._tracks:
            spans, scores = visible_bars(track, self._start, self._end)
            if len(spans) and float(np.median(spans[:, 1] - spans[:, 0] + 1)) * self._pixels >= NARROWEST:
                made.append((track.id, spans, scores))
        return made

    def bar_at(self, frame: float, probability: float) -> tuple[int, int, int, float] | None:
        """Face, first and last frame and probability of the bar there; of several the lowest, drawn or not."""
        found = []
        for face, spans, scores in self.drawn():
            row = int(np.searchsorted(spans[:, 0] - 0.5, frame, side="right")) - 1
            if row >= 0 and frame < spans[row, 1] + 0.5 and probability <= scores[row]:
                found.append((face, int(spans[row, 0]), int(spans[row, 1]), float(scores[row])))
        return min(found, key=lambda bar: bar[3], default=None)

    def boundingRect(self) -> QRectF:
        return QRectF(-0.5, -self._headroom, self._frames, 1 + 2 * self._headroom)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        to_pixels = painter.worldTransform()
        painter.resetTransform()  # a hatch is a texture: it must not be stretched with the axis
        threshold = np.float32(self.threshold)
        for face, spans, scores in self.drawn():
            ink = theme.track_color(face)
            for (first, last), score in zip(spans.tolist(), scores, strict=True):
                bar = to_pixels.mapRect(QRectF(first - 0.5, 0, last - first + 1, float(score)))
                bar.adjust(0.5, 0, -0.5, 0)  # a line of the ground between two bars
                reached = bool(score >= threshold)
                painter.fillRect(bar, _shade(ink, GROUND))
                if reached:
                    painter.fillRect(bar, QBrush(_shade(ink, HATCH), Qt.BrushStyle.FDiagPattern))
                painter.fillRect(QRectF(bar.left(), bar.top(), bar.width(), 3 if reached else 1), ink)
        painter.setWorldTransform(to_pixels)


def _shade(ink: QColor, alpha: int) -> QColor:
    shade = QColor(ink)
    shade.setAlpha(alpha)
    return shade
