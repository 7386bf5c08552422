"""The legend of the mask: its colour bar, and what the ends of it mean. GUI thread only."""

import numpy as np
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from engine.rendering.meaning import ATTENTION, Meaning
from engine.rendering.palette import ZERO, legend
from engine.results import frozen
from gui import theme
from gui.player.painter import frame_image

BAR = 120
PAD = 8
BETWEEN = "  ·  "
"""Between two parts of a title."""


class MaskLegend(QWidget):
    """A bar from "supports real" over zero to "supports fake", with the explainer's name above it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = ""
        self._legend = legend("blue-orange")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFont(theme.small_font(self))

    def show_palette(
        self, palette_id: str, title: str, *, signed: bool = True, meaning: Meaning = ATTENTION
    ) -> None:
        """Name what is shown and in which colours; `signed`: whether these tell fake from real, or `meaning`."""
        self._title, self._legend = title, legend(palette_id, signed=signed, meaning=meaning)
        self.setAccessibleName(
            f"Legend of {title}: {self._legend.low} on the left, {self._legend.high} on the right"
        )
        self.updateGeometry()
        self.update()

    def lines(self) -> list[str]:
        """The title, broken between its parts where it is wider than what it lies on."""
        parent, metrics = self.parentWidget(), self.fontMetrics()
        if parent is None:
            return [self._title]
        first, *others = self._title.split(BETWEEN)
        lines = [first]
        for part in others:
            joined = f"{lines[-1]}{BETWEEN}{part}"
            if metrics.horizontalAdvance(joined) <= parent.width() - 4 * PAD:
                lines[-1] = joined
            else:
                lines.append(part)
        return lines

    def sizeHint(self) -> QSize:
        metrics, lines = self.fontMetrics(), self.lines()
        words = metrics.horizontalAdvance(self._legend.low) + metrics.horizontalAdvance(self._legend.high)
        width = max(words + BAR + 4 * PAD, *(metrics.horizontalAdvance(line) + 2 * PAD for line in lines))
        return QSize(width, (len(lines) + 1) * metrics.height() + 2 * PAD + 2)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        backdrop = theme.color("picture")
        backdrop.setAlpha(225)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(backdrop)
        painter.drawRoundedRect(self.rect(), 5, 5)
        metrics = self.fontMetrics()
        line = metrics.height()
        painter.setPen(theme.color("text"))
        lines = self.lines()
        for number, text in enumerate(lines):
            place = QRect(PAD, PAD - 1 + number * line, self.width(), line)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft, text)
        top = PAD + len(lines) * line + 2
        low = metrics.horizontalAdvance(self._legend.low)
        painter.setPen(theme.color("muted"))
        painter.drawText(QRect(PAD, top, low + 2, line), Qt.AlignmentFlag.AlignLeft, self._legend.low)
        bar = QRectF(2 * PAD + low, top + 2, BAR, line - 4)
        self._draw_bar(painter, bar)
        painter.setPen(theme.color("muted"))
        right = QRect(round(bar.right()) + PAD, top, self.width(), line)
        painter.drawText(right, Qt.AlignmentFlag.AlignLeft, self._legend.high)

    def _draw_bar(self, painter: QPainter, bar: QRectF) -> None:
        """The palette over the backdrop that the mask has, too: weak values are nearly transparent."""
        table = self._legend.table[self._legend.first :].astype(np.float32)
        share = table[:, 3:] / 255
        picture = theme.color("picture")
        ground = np.array([picture.red(), picture.green(), picture.blue()], np.float32)
        colours = np.round(table[:, :3] * share + ground * (1 - share)).astype(np.uint8)
        painter.drawImage(bar, frame_image(frozen(colours[None])))
        painter.setPen(theme.color("muted"))
        if self._legend.first == ZERO:
            return
        zero = bar.left() + bar.width() * (ZERO - 0.5) / 255
        painter.drawLine(round(zero), round(bar.top()) - 2, round(zero), round(bar.bottom()) + 1)
