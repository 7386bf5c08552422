"""The lane of the verdict: robustness over time for one face, and its witness. GUI thread only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from engine.results import IntArray, frozen
from gui import theme
from gui.specifications import wording
from gui.specifications.answers import FaceAnswer
from gui.timeline.lanes import GUTTER, GUTTER_ALIGNMENT, TellingLane
from gui.timeline.scale import FrameScale

HEIGHT = 38
Values = npt.NDArray[np.float64]
REACH = 6
"""Pixels from a mark of the witness within which it is meant."""
_EDGE = 3.0


NO_SPANS: IntArray = frozen(np.empty((0, 2), np.int64))
NO_VALUES: Values = frozen(np.empty(0, np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class VerdictCurve:
    """What the lane shows.

    Attributes:
        title: of the specification.
        face: name of the face.
        sign: of the verdict.
        text: the verdict in words, with its robustness.
        note: written instead of a curve that says nothing; empty to draw the curve.
        spans: (T, 2) int64 first and last frame of each step, ascending, apart from each other.
        values: (T,) float64 robustness at each step, may be infinite.
        witness: frames with what they stand for, the one that decides first.
    """

    title: str
    face: str
    sign: str
    text: str
    note: str = ""
    spans: IntArray = field(default_factory=lambda: NO_SPANS)
    values: Values = field(default_factory=lambda: NO_VALUES)
    witness: tuple[tuple[int, str], ...] = ()

    def step(self, frame: int) -> int | None:
        """The step that stands for a frame, None in a gap."""
        at = int(np.searchsorted(self.spans[:, 0], frame, side="right")) - 1
        return at if at >= 0 and frame <= self.spans[at, 1] else None


def curve_of(title: str, answer: FaceAnswer, marked: tuple[tuple[int, str], ...]) -> VerdictCurve:
    """What the lane shows of an answer, whose witness has the frames `marked`."""
    sign = wording.SIGNS[wording.verdict_of(answer)]
    found = answer.verification
    if found is None:
        return VerdictCurve(title, answer.name, sign, "not checked", answer.problem)
    text = f"{wording.verdict_text(answer)}, robustness {wording.value_text(found.robustness)}"
    note = ""
    if not np.isfinite(answer.curve).any() or found.verdict == "not applicable":
        note = f"{wording.verdict_text(answer).capitalize()}. {wording.meaning_text(answer)}"
    return VerdictCurve(title, answer.name, sign, text, note, answer.spans, answer.curve, () if note else marked)


def heights(values: Values) -> Values:
    """(T,) in [-1, 1]: values over their largest finite size; infinite ones are at the ends."""
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max(initial=0.0)) or 1.0
    shares: Values = np.clip(values / largest, -1.0, 1.0)
    return shares


def columns(spans: IntArray, tall: Values, scale: FrameScale) -> tuple[Values, Values, Values, Values]:
    """Bars to draw in view: left and right edges in pixels, and the lowest and highest value (0 between them).

    A bar for each step while they are wider than a pixel, else one for each column of pixels.
    """
    first = int(np.searchsorted(spans[:, 1], scale.start))
    last = int(np.searchsorted(spans[:, 0], scale.end, side="right"))
    spans, tall = spans[first:last], tall[first:last]
    factor = scale.width / scale.span
    edges: Values = scale.left + (spans + np.array([-0.5, 0.5]) - scale.start) * factor
    left, right = edges[:, 0], edges[:, 1]
    if len(spans) > scale.width:
        column = np.floor(left)
        heads = np.append(0, np.flatnonzero(column[1:] != column[:-1]) + 1)
        left, right = left[heads], np.maximum.reduceat(right, heads)
        lowest, highest = np.minimum.reduceat(tall, heads), np.maximum.reduceat(tall, heads)
    else:
        lowest = highest = tall
    return left, right, np.minimum(lowest, 0.0), np.maximum(highest, 0.0)


class VerdictLane(TellingLane):
    """Above the line the formula holds, asked at that frame; below the line, and hatched, it does not."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Verdict", HEIGHT, parent)
        self.curve: VerdictCurve | None = None
        self.setVisible(False)

    def set_curve(self, curve: VerdictCurve | None) -> None:
        """What to show; None for nothing to be told."""
        self.curve = curve
        self.setAccessibleDescription(f"{curve.face}: {curve.text}" if curve is not None else "")
        self.redraw()

    def target(self, position: QPointF) -> int | None:
        """The frame of the witness whose mark is there."""
        if self.curve is None:
            return None
        x = position.x()
        near = [frame for frame, _ in self.curve.witness if abs(self.scale.x(frame) - x) <= REACH]
        return min(near, key=lambda frame: abs(self.scale.x(frame) - x), default=None)

    def tip(self, position: QPointF) -> str:
        if self.curve is None:
            return ""
        return tip_of(self.curve, self.scale.frame(position.x()), self.target(position))

    def draw_gutter(self, painter: QPainter) -> None:
        half = self.height() / 2
        painter.drawText(QRectF(0, 1, GUTTER - 12, half), GUTTER_ALIGNMENT, self.title)
        if self.curve is not None:
            painter.setPen(theme.color("text"))
            painter.drawText(
                QRectF(0, half - 1, GUTTER - 12, half), GUTTER_ALIGNMENT, f"{self.curve.sign} {self.curve.face}"
            )

    def draw(self, painter: QPainter) -> None:
        scale, middle = self.scale, self.height() / 2
        painter.fillRect(QRectF(scale.left, 1, scale.width, self.height() - 2), theme.color("inset"))
        painter.setPen(QPen(theme.color("strong"), 1))
        painter.drawLine(QPointF(scale.left, int(middle)), QPointF(scale.left + scale.width, int(middle)))
        curve = self.curve
        if curve is None:
            return
        if curve.note:
            painter.setPen(theme.color("muted"))
            room = QRectF(scale.left + 8, 1, scale.width - 16, self.height() - 2)
            text = painter.fontMetrics().elidedText(curve.note, Qt.TextElideMode.ElideRight, int(room.width()))
            painter.fillRect(room.adjusted(-8, 0, 8, 0), theme.color("inset"))
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        else:
            self._draw_bars(painter, curve)
        self._draw_witness(painter, curve)

    def _draw_bars(self, painter: QPainter, curve: VerdictCurve) -> None:
        middle = int(self.height() / 2)
        room = middle - _EDGE
        left, right, low, high = columns(curve.spans, heights(curve.values), self.scale)
        widths = np.maximum(1.0, right - left)
        for ends, name, brush in (
            (high, "satisfied", Qt.BrushStyle.SolidPattern),
            (-low, "violated", Qt.BrushStyle.BDiagPattern),
        ):
            there = np.flatnonzero(ends > 0)
            above = name == "satisfied"
            tall = np.maximum(1.0, ends[there] * room)
            top = middle - tall if above else np.full(len(there), middle + 1.0)
            bars = [QRectF(*bar) for bar in zip(left[there], top, widths[there], tall, strict=True)]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(theme.color(name), brush))
            painter.drawRects(bars)
            edge = np.where(above, top, top + tall - 1)
            painter.setBrush(theme.color(name))
            painter.drawRects(
                [QRectF(x, y, w, 1.5) for x, y, w in zip(left[there], edge, widths[there], strict=True)]
            )

    def _draw_witness(self, painter: QPainter, curve: VerdictCurve) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = theme.color("text")
        for number, (frame, _) in reversed(tuple(enumerate(curve.witness))):
            x = int(self.scale.x(frame)) + 0.5
            painter.setPen(QPen(ink, 1, Qt.PenStyle.SolidLine if not number else Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, 7), QPointF(x, self.height() - 1))
            painter.setPen(QPen(ink, 1))
            painter.setBrush(ink if not number else theme.color("inset"))  # full for the one that decides
            painter.drawPolygon(QPolygonF([QPointF(x - 4.5, 1), QPointF(x + 4.5, 1), QPointF(x, 8)]))


def tip_of(curve: VerdictCurve, frame: int, witness: int | None) -> str:
    """What a tooltip says of a frame, and of the frame of the witness that is near."""
    lines = [f"{curve.title}\n{curve.face}: {curve.text}"]
    if witness is not None:
        names = dict(curve.witness)[witness]
        lines.append(f"Decided at frame {witness}{f' ({names})' if names else ''}. Click to go there")
    step = curve.step(frame)
    if curve.note:
        lines.append(curve.note)
    elif step is None:
        lines.append(f"No score at frame {frame}")
    else:
        value = float(curve.values[step])
        side = "holds" if value > 0 else "does not hold"
        lines.append(f"Asked at frame {frame} it {side}: {wording.value_text(value)}")
    return "\n".join(lines)
