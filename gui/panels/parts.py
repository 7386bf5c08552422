"""Small widgets that several panels use. GUI thread only."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from engine.progress import Progress
from gui import theme

SHAPES = {"high": "▲", "low": "▽", "none": "○", "busy": "◌", "error": "✕"}
"""The sign of each level of a verdict, so that colour is not the only one."""
INKS = {"high": "high", "low": "low", "none": "muted", "busy": "link", "error": "error"}


class Elided(QLabel):
    """One line that is cut with an ellipsis where there is no room; the tooltip then has all of it."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mode = Qt.TextElideMode.ElideRight
        self._whole = ""
        self._tip = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.set_text(text)

    def set_text(self, text: str, tip: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
        """`tip` is shown instead of the text in the tooltip."""
        self._whole, self._tip, self._mode = text, tip, mode
        self.setAccessibleName(text)
        self._fit()

    def whole_text(self) -> str:
        return self._whole

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self._whole) + 2, self.fontMetrics().height() + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        shown = self.fontMetrics().elidedText(self._whole, self._mode, max(0, self.width()))
        super().setText(shown)
        self.setToolTip(self._tip or (self._whole if shown != self._whole else ""))


def heading(text: str) -> QLabel:
    label = QLabel(text)
    theme.set_role(label, "heading")
    return label


def muted(text: str = "", *, wrap: bool = True) -> QLabel:
    """Quiet text that may be selected and copied."""
    label = QLabel(text)
    label.setWordWrap(wrap)
    theme.set_role(label, "muted")
    return label


class Scrolling(QScrollArea):
    """A panel that scrolls up and down when it is too high; it never scrolls sideways and is never cut there."""

    def __init__(self, inside: QWidget) -> None:
        super().__init__()
        self._inside = inside
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside.installEventFilter(self)

    def minimumSizeHint(self) -> QSize:
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(self._inside.minimumSizeHint().width() + bar, super().minimumSizeHint().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


def row(*widgets: QWidget, stretch: int = -1) -> QHBoxLayout:
    """Widgets side by side; the one at `stretch` takes what is left, or else what is left stays empty."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    for number, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if number == stretch else 0)
    if stretch < 0:
        layout.addStretch(1)
    return layout


def column(parent: QWidget) -> QVBoxLayout:
    """The layout of a panel."""
    layout = QVBoxLayout(parent)
    layout.setContentsMargins(10, 10, 10, 10)
    layout.setSpacing(8)
    return layout


class FactsGrid(QWidget):
    """Names and values in two columns; values wrap and may be selected and copied.

    The labels are made when they are first seen: they take longer than anything else in opening a video.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[tuple[str, str, str], ...] = ()
        self._made: tuple[tuple[str, str, str], ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)

    def set_rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """(group, name, value) in order; a new group gets a heading."""
        self.rows = tuple(rows)
        if self.isVisible():
            self._make()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._make()

    def _make(self) -> None:
        if self._made == self.rows:
            return
        self._made = self.rows
        clear_layout(self._grid)
        at, group = 0, ""
        for this_group, name, value in self.rows:
            if this_group != group:
                group = this_group
                title = heading(group)
                title.setContentsMargins(0, 6 if at else 0, 0, 0)
                self._grid.addWidget(title, at, 0, 1, 2)
                at += 1
            label, content = muted(name), QLabel(breakable(value))
            content.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            label.setFixedWidth(108)
            content.setWordWrap(True)
            content.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            content.setFont(theme.numbers_font(content))
            content.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            content.setAccessibleName(f"{name}: {value}")
            self._grid.addWidget(label, at, 0)
            self._grid.addWidget(content, at, 1)
            at += 1

    def as_text(self) -> str:
        """All rows as lines, for the clipboard."""
        return "\n".join(f"{group}\t{name}\t{value}" for group, name, value in self.rows)


def breakable(text: str) -> str:
    """Long words get places where a line may break, at their punctuation; for display only."""
    return " ".join(
        re.sub(r"([,/:._\-])(?=\w)", "\\1\u200b", word) if len(word) > 18 else word for word in text.split(" ")
    )


def draw_chip(painter: QPainter, left: float, middle: float, text: str, level: str, room: float) -> float:
    """Draw a verdict as a rounded label with its sign; its width in pixels."""
    metrics = QFontMetricsF(painter.font())
    shown = metrics.elidedText(f"{SHAPES[level]} {text}", Qt.TextElideMode.ElideRight, room - 14)
    width, height = metrics.horizontalAdvance(shown) + 14, metrics.height() + 4
    ink = theme.color(INKS[level])
    fill = QColor(ink)
    fill.setAlpha(34)
    frame = QRectF(left + 0.5, middle - height / 2 + 0.5, width - 1, height - 1)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(ink)
    painter.setBrush(fill)
    painter.drawRoundedRect(frame, 4, 4)
    painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, shown)
    return width


def remaining(seconds: float | None) -> str:
    """An estimate as one says it: "about 40 s left"; empty without one."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds < 1.5:
        return "almost done"
    if seconds < 90:
        return f"about {round(seconds)} s left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


def progress_text(progress: Progress) -> str:
    """ "Scoring 43 %, about 12 s left"."""
    share = f" {progress.fraction:.0%}".replace("%", " %") if progress.total else ""
    left = remaining(progress.seconds_left)
    return f"{progress.label}{share}" + (f", {left}" if left else "")


def size_text(count: int) -> str:
    """Bytes with their exact number: "6.12 MB (6 123 456 bytes)"."""
    exact = f"{count:,}".replace(",", "\u202f")
    if count < 1000:
        return f"{exact} bytes"
    power = min(4, int(math.log10(count)) // 3)
    return f"{count / 1000**power:.3g} {('kB', 'MB', 'GB', 'TB')[power - 1]} ({exact} bytes)"


def clear_layout(layout: QLayout) -> None:
    """Take everything out of a layout and away from the screen at once."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
