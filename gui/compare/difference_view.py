"""The third picture of the difference: one pane's map minus another's. GUI thread only."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from engine.evaluation.explanations.pairs import difference
from engine.rendering.scene import MapShown
from engine.results import frozen
from gui import theme
from gui.compare.captions import Captions
from gui.compare.measuring import Agreement
from gui.compare.pane import PaneState, Stand
from gui.compare.pane_view import StateCard
from gui.compare.picture import PanePicture
from gui.compare.wording import agreement_text, number
from gui.explaining import FrameExplanation

END = 2.0
"""The ends of its colours: two maps with a largest value of 1 differ by 2 at most."""


class DifferenceView(QFrame):
    """Shows two maps subtracted, on the grid of the first one's crop.

    Attributes:
        shown: the difference on the screen, None without one.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("pane")
        self.picture = PanePicture()
        self.card = StateCard(self.picture)
        self.name = QLabel()
        theme.set_role(self.name, "heading")
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.captions = Captions()
        self.mean, self.rule, self.agreement = self.captions.lines
        self.agreement.setToolTip("Rank correlation (Spearman) of the two maps over the crop; 1: the same order")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(2)
        layout.addWidget(self.name)
        layout.addWidget(self.picture, 1)
        layout.addLayout(self.captions)
        self._of: tuple[object, object] = (None, None)
        self._made: MapShown | None = None
        self.shown: MapShown | None = None

    def show_pair(
        self,
        letters: tuple[str, str],
        states: tuple[PaneState, PaneState],
        found: tuple[float, Agreement] | None,
    ) -> MapShown | None:
        """Name the difference and say what it comes to; the map to be shown.

        `found` is their agreement here and so far, None where both panes show the same.
        """
        a, b = letters
        self.name.setText(f"Difference {a} − {b}")
        self.setAccessibleName(f"Difference {a} minus {b}")
        self.picture.setAccessibleName(f"Picture of {a} minus {b}")
        one, other = states[0].mask, states[1].mask
        missing = [letter for letter, state in zip(letters, states, strict=True) if state.mask is None]
        apart = one is not None and other is not None and one.frame != other.frame
        text = f"{' and '.join(missing)} has no mask here" if len(missing) == 1 else "Neither has a mask here"
        if apart:
            text = "The two masks are of different frames"
        there = not missing and not apart
        self.card.show_state(PaneState(Stand.READY if there else Stand.NO_FACE, text=text), "")
        shown = self._subtracted(one, other) if there and one is not None and other is not None else None
        size = float(np.nanmean(np.abs(shown.values))) if shown is not None else float("nan")
        self.shown = shown
        self.mean.set_wordings(f"mean |{a} − {b}| {number(size)}")
        self.agreement.set_wordings(*_agreement_wordings(found))
        self.rule.set_wordings(
            "each map divided by its largest |value| first",
            "each divided by its largest |value|",
            "each ÷ largest",
        )
        self.place()
        return shown

    def _subtracted(self, one: FrameExplanation, other: FrameExplanation) -> MapShown:
        """Kept until one of the two is another: it is painted more often than it changes."""
        if self._made is None or self._of[0] is not one or self._of[1] is not other:
            values, affine = difference(one.values, one.affine, other.values, other.affine)
            self._made, self._of = MapShown(frozen(values), frozen(affine), END), (one, other)
        return self._made

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.captions.fit(self.width())
        self.place()

    def place(self) -> None:
        self.card.place(self.picture.width(), self.picture.height())


def _agreement_wordings(found: tuple[float, Agreement] | None) -> tuple[str, ...]:
    """The longest first."""
    if found is None:
        return ("Both panes show the same", "the same")
    here, so_far = number(found[0], 2), agreement_text(found[1].mean, found[1].frames)
    return f"Agreement (Spearman) {here} here, {so_far} so far", f"Agreement {here}, {so_far} so far", here
