"""What the colours of all panes mean: one bar with its scale, and the rule in words. GUI thread only."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.rendering.palette import PALETTES, ZERO
from engine.results import frozen
from gui import theme
from gui.player.painter import frame_image

BAR, HEIGHT, GAP = 150, 12, 7


class ScaleBar(QWidget):
    """A colour bar between two words, with numbers at its ends and its middle.

    Attributes:
        texts: word on the left, number there, number in the middle, number on the right, word there.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.texts = ("", "", "", "", "")
        self._table = PALETTES["red"].table
        self._half = False
        self.setFont(theme.small_font(self))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_scale(self, palette_id: str, texts: tuple[str, str, str, str, str], *, half: bool) -> None:
        """`half`: only from zero on, for masks that have no other side."""
        self._table, self.texts, self._half = PALETTES[palette_id].table, texts, half
        low, first, _, last, high = texts
        self.setAccessibleName(f"Scale of the masks: {first} {low}, {last} {high}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        low, high = (metrics.horizontalAdvance(self.texts[at]) for at in (0, 4))
        return QSize(low + high + BAR + 4 * GAP, HEIGHT + metrics.height() + 6)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        metrics = self.fontMetrics()
        low, first, middle, last, high = self.texts
        left = metrics.horizontalAdvance(low) + GAP + 6
        bar = QRectF(left, 2, BAR, HEIGHT)
        table = self._table[ZERO:] if self._half else self._table[1:]
        share = table[:, 3:].astype(np.float32) / 255
        ground = theme.color("picture")
        back = np.array([ground.red(), ground.green(), ground.blue()], np.float32)
        colours = np.round(table[:, :3] * share + back * (1 - share)).astype(np.uint8)
        painter.drawImage(bar, frame_image(frozen(colours[None])))
        painter.setPen(theme.color("muted"))
        painter.drawRect(bar.adjusted(-0.5, -0.5, 0.5, 0.5))
        painter.drawText(QRectF(0, 0, left - GAP, HEIGHT + 4), Qt.AlignmentFlag.AlignRight, low)
        painter.drawText(QRectF(bar.right() + GAP, 0, 400, HEIGHT + 4), Qt.AlignmentFlag.AlignLeft, high)
        painter.setPen(theme.color("text"))
        for text, x in ((first, bar.left()), (middle, bar.center().x()), (last, bar.right())):
            place = QRectF(x - 40, HEIGHT + 4, 80, metrics.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignHCenter, text)
        painter.end()
