"""The lane of prototype activations (P000, figure 4): how similar a face is to prototypes over time.

GUI thread only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPen
from PySide6.QtWidgets import QWidget

from engine.results import SIMILARITY, FloatArray, Picture, Prototype, frozen
from gui import theme
from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.evidence import evidence_of, strongest
from gui.results_model import TrackSeries
from gui.timeline.lanes import GUTTER, TellingLane
from gui.timeline.scale import FrameScale

ROW, HIGH_ROW = 4, 8
"""Height of a prototype's row, pixels: in low windows, which have no room for the legend, and in high ones."""
SEAM = 3
"""Pixels between the prototypes of fake and those of real."""
CAPTION = 15
INKS = {"fake": "high", "real": "low"}
SIGNS = {"fake": "F", "real": "R"}
"""The sign of each class, so that colour is not the only one."""
MEANING = "similarity to prototypes of fake (F) and of real (R)"


def shades(label: str) -> Picture:
    """(256, 3) uint8, entry 255 s for the similarity s in [0, 1]: from the ground to the colour of the class."""
    ends = [theme.color(name) for name in ("inset", INKS[label])]
    low, high = (np.array([ink.red(), ink.green(), ink.blue()], np.float64) for ink in ends)
    steps = np.linspace(0, 1, 256)[:, None]
    return frozen(np.round(low + (high - low) * steps).astype(np.uint8))


def columns(track: TrackSeries, chosen: Sequence[int], scale: FrameScale) -> FloatArray:
    """(k, W) the largest similarity to each of k prototypes in each column of pixels; nan where nothing is scored.

    A clip's similarities stand for all frames of its span.
    """
    width = max(1, math.ceil(scale.width))
    found = np.full((len(chosen), width), np.nan, np.float32)
    spans = track.spans
    if not len(spans):
        return found
    edges = scale.start + np.arange(width + 1) * scale.span / width
    if scale.pixels_per_frame >= 1:  # of the frame in the middle of the column
        first = last = np.floor((edges[:-1] + edges[1:]) / 2 + 0.5)
    else:
        first, last = np.floor(edges[:-1] + 0.5), np.ceil(edges[1:] + 0.5) - 1
    begin = np.searchsorted(spans[:, 1], first)
    end = np.searchsorted(spans[:, 0], last, side="right")
    values = track.activations[SIMILARITY][:, list(chosen)]
    values = np.concatenate([values, np.full((1, len(chosen)), np.nan, np.float32)])  # so that an end is a place
    pairs = np.column_stack((begin, np.maximum(end, begin))).ravel()
    there = end > begin
    found[:, there] = np.fmax.reduceat(values, pairs)[::2][there].T
    return found


class PrototypesLane(TellingLane):
    """A row per prototype, those of fake above those of real, on a scale that is the same for every video."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Prototypes", CAPTION, parent)
        self._choice: PrototypeChoice | None = None
        self.track: TrackSeries | None = None
        self.prototypes: tuple[Prototype, ...] = ()
        """All of the detector whose scores are shown."""
        self.rows: tuple[int, ...] = ()
        """Numbers of those that are shown, from above."""
        self._high = False
        self.setVisible(False)

    def follow(self, choice: PrototypeChoice) -> None:
        """Where the face and the prototypes come from."""
        self._choice = choice

    def refresh(self) -> None:
        """Show the chosen face; without one that has prototypes there is nothing to show."""
        choice = self._choice
        self.track = choice.face if choice is not None else None
        self.rows, self.prototypes = (), choice.prototypes if choice is not None else ()
        if choice is not None and self.track is not None:
            similarities = self.track.activations[SIMILARITY]
            self.rows = strongest(similarities, self.prototypes, choice.excluded)
        face = f" of {self.track.name}" if self.track is not None else ""
        self.setAccessibleDescription(f"{MEANING}{face}: the {len(self.rows)} strongest")
        self._resize()
        self.redraw()

    def set_high(self, high: bool) -> None:
        """Whether there is room for higher rows and for a legend."""
        if high != self._high:
            self._high = high
            self._resize()

    @property
    def _row(self) -> int:
        return HIGH_ROW if self._high else ROW

    def row_at(self, y: float) -> int | None:
        """Number of the prototype whose row is there."""
        return next((j for number, j in enumerate(self.rows) if 0 <= y - self.top(number) < self._row), None)

    def top(self, number: int) -> int:
        """Where a row begins."""
        return number * self._row + (SEAM if number >= self._fakes() else 0)

    def tip(self, position: QPointF) -> str:
        index, frame = self.row_at(position.y()), self.scale.frame(position.x())
        if index is None or self.track is None:
            return MEANING[0].upper() + MEANING[1:]
        return self.text_of(index, frame)

    def text_of(self, index: int, frame: int) -> str:
        """Name, frame, similarity and evidence."""
        choice, track = self._choice, self.track
        if choice is None or track is None:
            return ""
        prototype = self.prototypes[index]
        name = f"{choice.name_of(prototype)}, of {prototype.label}"
        row = track.span_at(frame)
        told = None
        if row is not None:
            clip = track.activations[SIMILARITY][row : row + 1]
            told = evidence_of(clip, self.prototypes, choice.excluded, len(self.prototypes))
        share = next((each for each in told.shares if each.index == index), None) if told is not None else None
        if row is None or share is None:
            return f"{name}\nFrame {frame}: not scored"
        first, last = track.spans[row].tolist()
        return (
            f"{name}\n{track.name}, frame {frame} (clip of frames {first} to {last}): "
            f"similarity {share.similarity:.3f}\n"
            f"Evidence: {share.fake:+.3f} for fake, {share.real:+.3f} for real"
        )

    def draw_gutter(self, painter: QPainter) -> None:
        """The name, and beside the rows the sign of their class."""
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, GUTTER - 26, 16), right, self.title)
        for label, first, count in self._blocks():
            top, bottom = self.top(first), self.top(first + count - 1) + self._row
            ink = theme.color(INKS[label])
            painter.setPen(ink)
            painter.drawText(QRectF(GUTTER - 24, top, 12, bottom - top), right, SIGNS[label])
            painter.fillRect(QRectF(GUTTER - 8, top, 3, bottom - top - 1), ink)

    def draw(self, painter: QPainter) -> None:
        if self.track is None or not self.rows:
            return
        scale, found = self.scale, columns(self.track, self.rows, self.scale)
        for label, first, count in self._blocks():
            values = found[first : first + count]
            there = ~np.isnan(values)
            picture = np.zeros((*values.shape, 4), np.uint8)
            picture[there, :3] = shades(label)[np.round(np.clip(values[there], 0, 1) * 255).astype(np.int64)]
            picture[there, 3] = 255
            place = QRectF(scale.left, self.top(first), scale.width, count * self._row)
            painter.fillRect(place, theme.color("picture"))
            image = QImage(
                picture.data, values.shape[1], count, 4 * values.shape[1], QImage.Format.Format_RGBA8888
            )
            painter.drawImage(place, image)
            painter.setPen(QPen(theme.color("picture"), 1))
            for row in range(1, count):
                y = self.top(first + row) - 0.5
                painter.drawLine(QPointF(place.left(), y), QPointF(place.right(), y))
        if self._high:
            self._draw_legend(painter)

    def _draw_legend(self, painter: QPainter) -> None:
        """The scale of both classes, and what it is a scale of."""
        metrics, left = painter.fontMetrics(), self.scale.left
        line = QRectF(left, self.height() - CAPTION, self.scale.width, CAPTION)
        side = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.setPen(theme.color("muted"))
        painter.drawText(line, side, "0")
        bar = QRectF(left + metrics.horizontalAdvance("0") + 5, line.top() + 3, 64, (CAPTION - 7) / 2)
        for label in ("fake", "real"):
            scale = QImage(shades(label).data, 256, 1, 768, QImage.Format.Format_RGB888)
            painter.drawImage(bar, scale)
            bar.translate(0, bar.height() + 1)
        name = f"1   {MEANING}, {self.track.name}" if self.track is not None else ""
        painter.drawText(line.adjusted(bar.right() - left + 5, 0, 0, 0), side, name)

    def _fakes(self) -> int:
        """How many rows are of fake: they come first."""
        return sum(self.prototypes[j].label == "fake" for j in self.rows)

    def _blocks(self) -> list[tuple[str, int, int]]:
        """Class, first row and number of rows of both blocks, as far as they have any."""
        fakes = self._fakes()
        blocks = [("fake", 0, fakes), ("real", fakes, len(self.rows) - fakes)]
        return [block for block in blocks if block[2]]

    def _resize(self) -> None:
        self.setFixedHeight(len(self.rows) * self._row + SEAM + (CAPTION if self._high else 2))
