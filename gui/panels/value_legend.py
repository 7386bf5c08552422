"""The legend of the mask with values: what the ends of the colour bar stand for on this frame. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.rendering.palette import ZERO
from gui import theme
from gui.player.legend import MaskLegend

BAR_HEIGHT = 12


class ValueLegend(MaskLegend):
    """The player's bar over the whole width, with meaning and value below its ends."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._largest = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_largest(self, largest: float) -> None:
        """The largest |value| of the map, which the ends of the bar stand for."""
        self._largest = largest
        self.setAccessibleDescription(f"The ends stand for {largest:.3g}")
        self.update()

    def labels(self) -> tuple[str, str, str]:
        """What stands below the left end, the middle and the right end."""
        value = f"{self._largest:.3g}"
        if self._legend.first == ZERO:
            return f"0\n{self._legend.low}", "", f"{value}\n{self._legend.high}"
        return f"−{value}\n{self._legend.low}", "0", f"+{value}\n{self._legend.high}"

    def sizeHint(self) -> QSize:
        return QSize(200, BAR_HEIGHT + 2 * self.fontMetrics().lineSpacing() + 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._draw_bar(painter, QRectF(0, 2, self.width(), BAR_HEIGHT))
        painter.setPen(theme.color("muted"))
        below = QRectF(0, BAR_HEIGHT + 4, self.width(), 2 * self.fontMetrics().lineSpacing() + 2)
        sides = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)
        for text, side in zip(self.labels(), sides, strict=True):
            painter.drawText(below, side, text)
        painter.end()
