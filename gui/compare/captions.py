"""The lines below a picture of the comparison, alike for all, so that the pictures are of one size."""

from __future__ import annotations

from PySide6.QtWidgets import QBoxLayout, QVBoxLayout

from gui import theme
from gui.player.transport import OptionalLabel

WIDE = 540
"""From this width on the first two lines stand side by side, which leaves more room to the picture."""


class Captions(QVBoxLayout):
    """Three lines.

    Attributes:
        lines: two that may stand side by side, the second one quiet, and one below them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines = (OptionalLabel(), OptionalLabel(), OptionalLabel())
        for label in self.lines:
            label.setFont(theme.numbers_font(label))
            label.setContentsMargins(2, 0, 2, 0)
            label.setMinimumHeight(label.fontMetrics().height() + 1)
        theme.set_role(self.lines[1], "muted")
        self._upper = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        for layout in (self, self._upper):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(2)
        for label in self.lines[:2]:
            self._upper.addWidget(label, 1)
        self.addLayout(self._upper)
        self.addWidget(self.lines[2])

    def fit(self, width: int) -> None:
        """Lay out for a pane of this width."""
        self._upper.setDirection(
            QBoxLayout.Direction.LeftToRight if width >= WIDE else QBoxLayout.Direction.TopToBottom
        )
