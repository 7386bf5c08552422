"""The plot of the timeline: one curve per person over the frames, drawn by pyqtgraph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from gui import theme
from gui.results_model import TrackSeries
from gui.timeline.bars import SpanBars
from gui.timeline.envelope import Envelope, envelope
from gui.timeline.lanes import GUTTER, RIGHT
from gui.timeline.scale import FrameScale

HEADROOM = 0.04
"""How far the y-axis goes beyond 0 and 1, so that lines at the ends are not cut."""
POINT_SPACING = 9
"""Pixels between two scores from which on each is drawn as a point of its own, too."""


@dataclass(eq=False)
class CurveItems:
    """What draws one person: a band from lowest to highest score per pixel column, the mean on it, lone points."""

    band: pg.PlotCurveItem
    line: pg.PlotCurveItem
    points: pg.ScatterPlotItem

    def all(self) -> tuple[pg.GraphicsObject, ...]:
        return self.band, self.line, self.points


class Hatching(pg.GraphicsObject):  # type: ignore[misc]
    """Stretches that were not analysed, so that empty never looks like innocent."""

    def __init__(self) -> None:
        super().__init__()
        self._ranges: tuple[tuple[int, int], ...] = ()
        self._frames = 1
        self.setZValue(-20)

    def set_ranges(self, ranges: Sequence[tuple[int, int]], frames: int) -> None:
        """Inclusive ranges of frames of a video that has `frames`."""
        if frames != self._frames:
            self.prepareGeometryChange()
        self._ranges, self._frames = tuple(ranges), frames
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(-0.5, -HEADROOM, self._frames, 1 + 2 * HEADROOM)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        to_pixels = painter.worldTransform()
        painter.resetTransform()  # a hatch is a texture: it must not be stretched with the axis
        brush = QBrush(theme.color("hatch"), Qt.BrushStyle.BDiagPattern)
        for first, last in self._ranges:
            rect = QRectF(first - 0.5, -HEADROOM, last - first + 1, 1 + 2 * HEADROOM)
            painter.fillRect(to_pixels.mapRect(rect), brush)
        painter.setWorldTransform(to_pixels)


class CurvePlot(pg.PlotWidget):  # type: ignore[misc]
    """Curves, threshold and hatching. It takes no mouse: the surface above it does."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=None)
        self.scale = FrameScale.whole(1)
        self.tracks: tuple[TrackSeries, ...] = ()
        self.setMinimumHeight(84)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFrameShape(self.Shape.NoFrame)
        self.setAccessibleName("Fake probability per person over the frames")
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setMouseEnabled(False, False)
        item.hideAxis("bottom")
        item.layout.setContentsMargins(0, 4, RIGHT, 4)
        axis = item.getAxis("left")
        axis.setWidth(GUTTER)
        axis.setTicks([[(0, "0"), (0.5, "0.5"), (1, "1")], [(0.25, ""), (0.75, "")]])
        axis.setStyle(tickLength=0, tickTextOffset=8, tickFont=theme.small_font(self))
        axis.setTextPen(theme.color("muted"))
        axis.setPen(theme.color("border"))
        view = item.getViewBox()
        view.disableAutoRange()
        view.setYRange(-HEADROOM, 1 + HEADROOM, padding=0)
        view.setBorder(None)
        for level in (0.0, 0.5, 1.0):
            line = pg.InfiniteLine(level, 0, pen=pg.mkPen(theme.color("grid"), width=1))
            line.setZValue(-10)
            item.addItem(line)
        self._hatching = Hatching()
        item.addItem(self._hatching)
        self._threshold = pg.InfiniteLine(0.5, 0, pen=pg.mkPen(theme.color("threshold"), width=1))
        self._threshold.setZValue(10)
        item.addItem(self._threshold)
        self.bars = SpanBars(HEADROOM)
        item.addItem(self.bars)
        self._items: dict[int, CurveItems] = {}

    @property
    def threshold(self) -> float:
        return float(self._threshold.value())

    def set_threshold(self, threshold: float) -> None:
        self._threshold.setValue(threshold)
        self.bars.set_threshold(threshold)

    def row_of(self, probability: float) -> float:
        """Pixel row of a probability in this widget."""
        view = self.getPlotItem().getViewBox()
        return float(self.mapFromScene(view.mapViewToScene(pg.Point(0, probability))).y())

    def probability(self, y: float) -> float:
        """Probability at a pixel row, held in [0, 1]."""
        top, bottom = self.row_of(1.0), self.row_of(0.0)
        return min(1.0, max(0.0, (bottom - y) / max(1.0, bottom - top)))

    def bar_start(self, position: QPointF) -> int | None:
        """First frame of the bar at a place of this widget, None if there is none."""
        bar = self.bars.bar_at(self.scale.position(position.x()), self.probability(position.y()))
        return bar[1] if bar is not None else None

    def tip(self, position: QPointF) -> str:
        """What there is to say of the bar at a place of this widget."""
        bar = self.bars.bar_at(self.scale.position(position.x()), self.probability(position.y()))
        if bar is None:
            return ""
        face, first, last, score = bar
        side = "at or above" if np.float32(score) >= np.float32(self.threshold) else "below"
        return (
            f"Face {face + 1}, frames {first} to {last}: fake probability {score:.2f}, {side} the threshold\n"
            "Click to go to the first of them"
        )

    def set_scale(self, scale: FrameScale) -> None:
        """Take over the shared scale and draw what is visible of each curve."""
        self.scale = scale
        self.getPlotItem().getViewBox().setXRange(scale.start, scale.end, padding=0)
        self.redraw()

    def set_unanalysed(self, ranges: Sequence[tuple[int, int]]) -> None:
        self._hatching.set_ranges(ranges, self.scale.frames)

    def set_tracks(self, tracks: Sequence[TrackSeries]) -> None:
        """The people to show; those of the last call that are not among them vanish."""
        self.tracks = tuple(tracks)
        wanted = {track.id for track in self.tracks}
        for gone in [key for key in self._items if key not in wanted]:
            for item in self._items.pop(gone).all():
                self.getPlotItem().removeItem(item)
        for track in self.tracks:
            if track.id not in self._items:
                self._items[track.id] = self._make(track.id)
        self.redraw()

    def redraw(self) -> None:
        """Draw the visible part of all curves anew, in the time of one look at each visible score."""
        columns = max(2, int(self.scale.width))
        self.bars.set_view(self.scale.frames, self.scale.start, self.scale.end, self.scale.pixels_per_frame)
        self.bars.set_tracks(self.tracks)
        for track in self.tracks:
            shape = envelope(track, self.scale.start, self.scale.end, columns)
            items = self._items[track.id]
            items.line.setData(shape.x, shape.mean, connect=shape.joined.astype(np.int32))
            wide = shape.high > shape.low
            items.band.setData(
                np.repeat(shape.x[wide], 2),
                np.column_stack((shape.low[wide], shape.high[wide])).ravel(),
                connect="pairs",
            )
            alone = ~shape.joined & ~np.concatenate(([False], shape.joined[:-1]))
            every = len(shape) * POINT_SPACING <= self._pixels_covered(shape)  # zoomed in, each score is a point
            items.points.setData(shape.x if every else shape.x[alone], shape.mean if every else shape.mean[alone])

    def _pixels_covered(self, shape: Envelope) -> float:
        """From the first to the last point of a curve."""
        return float(shape.x[-1] - shape.x[0]) * self.scale.pixels_per_frame if len(shape) else 0.0

    def _make(self, track_id: int) -> CurveItems:
        pen = curve_pen(track_id)
        pale = QColor(pen.color())
        pale.setAlpha(70)
        band = pg.PlotCurveItem(pen=pg.mkPen(pale, width=1))
        line = pg.PlotCurveItem(pen=pen, antialias=True)
        points = pg.ScatterPlotItem(size=4, pen=None, brush=pen.color(), pxMode=True)
        for depth, item in enumerate((band, line, points)):
            item.setZValue(depth)
            self.getPlotItem().addItem(item)
        return CurveItems(band, line, points)


STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)


def curve_pen(track_id: int) -> QPen:
    """Colour and line style of a person; both, so that colour is not the only sign. One pixel, cosmetic."""
    pen: QPen = pg.mkPen(theme.track_color(track_id), width=1, style=STYLES[track_id % len(STYLES)])
    return pen
