"""The likelihood ratio of the current video with its words and bounds, or why there is none. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from engine.evaluation.calibration.answer import Abstention, Ratio
from engine.evaluation.calibration.scale import SOURCE
from gui import theme
from gui.panels.parts import INKS, SHAPES, heading, muted
from gui.session import Session

ABOUT = (
    "How many times as probable the score is if the video is forged by a method of the calibration pool as if it "
    "is authentic. It is no probability that the video is forged: that also hangs on all else that is known."
)


def level_of(ratio: Ratio) -> str:
    """Level of a verdict, as the list of videos draws it."""
    if ratio.words.startswith("no support"):
        return "none"
    return "high" if ratio.log10 > 0 else "low"


def factor(log10: float) -> str:
    """An LR as one writes it: "16", "1/16"."""
    size = f"{10 ** abs(log10):.2g}"
    return size if log10 >= 0 or size == "1" else f"1/{size}"


class RatioScale(QWidget):
    """A line between the bounds of log10 LR with a tick at 0, where a score speaks for nothing, and a pointer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ratio: Ratio | None = None
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFont(theme.small_font(self))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_ratio(self, ratio: Ratio) -> None:
        self._ratio = ratio
        self.setAccessibleName("Likelihood ratio")
        self.setAccessibleDescription(ratio.sentence())
        self.setToolTip(f"{ratio.sentence()}.")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 22 + self.fontMetrics().height())

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._ratio is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ratio, line = self._ratio, 14.0
        span = max(ratio.high - ratio.low, 1e-6)

        def x(log10: float) -> float:
            return 8 + (log10 - ratio.low) / span * (self.width() - 16)

        painter.setPen(QPen(theme.color("muted"), 1))
        painter.drawLine(QPointF(x(ratio.low), line), QPointF(x(ratio.high), line))
        for at in (ratio.low, 0.0, ratio.high):
            painter.drawLine(QPointF(x(at), line - 3), QPointF(x(at), line + 3))
        ink = theme.color(INKS[level_of(ratio)])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        tip = x(ratio.log10)
        painter.drawPolygon(QPolygonF([QPointF(tip, line - 1), QPointF(tip - 5, 3), QPointF(tip + 5, 3)]))
        painter.setPen(theme.color("muted"))
        words = QRectF(0, line + 4, self.width(), self.fontMetrics().height())
        painter.drawText(words, Qt.AlignmentFlag.AlignLeft, f"{ratio.low:+.1f}")
        painter.drawText(words, Qt.AlignmentFlag.AlignRight, f"{ratio.high:+.1f}")
        if min(x(0) - x(ratio.low), x(ratio.high) - x(0)) > 36:
            painter.drawText(words.translated(x(0) - self.width() / 2, 0), Qt.AlignmentFlag.AlignHCenter, "0")
        if self.hasFocus():
            painter.setPen(QPen(theme.color("focus"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)


class LikelihoodPanel(QWidget):
    """Of the current video under the chosen detector; nothing is shown before the analysis has ended."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._seen: tuple[object, ...] = (self, self, self)
        self.title, self.words, self.reason = heading("Likelihood ratio"), heading(""), muted()
        self.title.setToolTip(ABOUT)
        self.words.setWordWrap(True)
        for label in (self.words, self.reason):
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self.scale = RatioScale()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(4)
        for widget in (self.title, self.words, self.scale, self.reason):
            layout.addWidget(widget)
        for signal in (
            session.analysis_changed,
            session.current_changed,
            session.media_changed,
            session.tracks_changed,
            session.choice_changed,
            session.detectors_changed,
        ):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Read everything anew, if there is anything new."""
        video, detector = self._session.current, self._session.detector
        results = self._session.results
        seen = (video, detector, results.final if results else None)
        if all(old is new for old, new in zip(self._seen, seen, strict=True)):  # the threshold moved, say
            return
        self._seen = seen
        found = video.likelihood(detector) if video is not None and detector is not None else None
        self.setVisible(found is not None)
        self.words.setVisible(isinstance(found, Ratio))
        self.scale.setVisible(isinstance(found, Ratio))
        if isinstance(found, Ratio):
            level = level_of(found)
            self.words.setText(f"{SHAPES[level]} {found.words.capitalize()}")
            theme.set_role(self.words, "heading", level)
            self.scale.show_ratio(found)
            bound = "; the bound: the pool supports no more" if found.at_bound else ""
            self.reason.setText(
                f"LR {factor(found.log10)}, log10 LR {found.log10:+.2f} (bounds {found.low:+.2f} to "
                f"{found.high:+.2f}){bound}. No probability that the video is forged."
            )
            self.reason.setToolTip(f"{ABOUT}\nWords after the {SOURCE}.")
        elif isinstance(found, Abstention):
            self.reason.setText(f"{SHAPES['none']} None: {found.reason}.")
            self.reason.setToolTip(ABOUT)
        self.reason.setAccessibleName(found.sentence() if found is not None else "")
