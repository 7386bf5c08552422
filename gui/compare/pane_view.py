"""A pane on the screen: what it shows, the picture, how it stands, and its measures. GUI thread only."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent, QStandardItemModel
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QFrame,
    QInputDialog,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.evaluation.explanations.measures import MapMeasures
from gui import theme
from gui.commands import explainer_name
from gui.compare.captions import Captions
from gui.compare.choice import PaneChoice, parse_settings, settings_text
from gui.compare.comparison import Comparison
from gui.compare.pane import Pane, PaneState, Stand
from gui.compare.picture import PanePicture
from gui.compare.wording import MEASURES_TIP, cost_text, measures_wordings, plain_number, score_text
from gui.panels.parts import progress_text, row
from gui.sanity import sanity_text
from gui.session import Session

SIGNS = {
    Stand.WORKING: "◌",
    Stand.WAITING: "◌",
    Stand.ON_DEMAND: "○",
    Stand.NOT_ANALYSED: "○",
    Stand.NO_FACE: "○",
    Stand.UNUSABLE: "✕",
    Stand.ERROR: "✕",
}
"""So that a state is never told by colour alone."""


NARROW = 470
"""Below this width the two choosers stand one below the other, so that no name is cut off."""


MOST_LETTERS = 130
"""Of an error in its card; the tooltip has all of it."""


class StateCard(QFrame):
    """In the middle of the picture: why there is no mask, how far it is, and what can be done.

    Signals:
        make_requested, cancel_requested, retry_requested: a button was pressed.
    """

    make_requested = Signal()
    cancel_requested = Signal()
    retry_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.words = QLabel()
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setAccessibleName("Progress of the mask")
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.make = self._button("Make it now", self.make_requested)
        self.cancel = self._button("Cancel", self.cancel_requested)
        self.retry = self._button("Try again", self.retry_requested)
        self.cancel.setToolTip("Stop making this mask (Shift+N)")
        self.retry.setToolTip("Ask for this mask once more")
        theme.set_role(self.make, "primary")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 9, 12, 9)
        layout.setSpacing(7)
        for widget in (self.words, self.bar):
            layout.addWidget(widget)
        for button in (self.make, self.cancel, self.retry):
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)

    def _button(self, text: str, signal: object) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(text)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: signal.emit())  # type: ignore[attr-defined]
        return button

    def show_state(self, state: PaneState, make_tip: str) -> None:
        """Show it, or hide where there is a mask to be seen."""
        self.setVisible(state.stand not in (Stand.READY, Stand.HELD))
        level = "error" if state.stand is Stand.ERROR else ""
        if self.property("level") != level:
            self.setProperty("level", level)
            self.style().unpolish(self)
            self.style().polish(self)
        working = state.stand is Stand.WORKING
        self.make.setVisible(state.stand is Stand.ON_DEMAND)
        self.make.setToolTip(make_tip)
        self.cancel.setVisible(working)
        self.retry.setVisible(state.stand is Stand.ERROR)
        self.bar.setVisible(working)
        sign, text = SIGNS.get(state.stand, ""), state.text
        if working and state.progress is not None:
            note = f"\n{state.progress.note}" if state.progress.note else ""
            text = f"{text}\n{progress_text(state.progress)}{note}"
            known = state.progress.total > 0
            self.bar.setRange(0, 1000 if known else 0)
            self.bar.setValue(round(1000 * state.progress.fraction))
        elif working:
            self.bar.setRange(0, 0)
        shown = text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"
        self.words.setText(f"{sign} {shown}".strip())
        self.words.setToolTip(f"<p>{text}</p>" if shown != text else "")
        self.setAccessibleName(text)

    def place(self, width: int, height: int) -> None:
        """In the middle of a picture of this size."""
        if self.isHidden():
            return
        self.setFixedWidth(max(100, min(300, width - 16)))
        wanted = self.heightForWidth(self.width()) if self.hasHeightForWidth() else self.sizeHint().height()
        self.setFixedHeight(min(max(wanted, 24), max(40, height - 4)))
        self.move((width - self.width()) // 2, max(0, (height - self.height()) // 2))


class PaneView(QFrame):
    """Shows one pane.

    Signals:
        chosen: it was clicked or got the focus.
    """

    chosen = Signal()

    def __init__(self, session: Session, comparison: Comparison, pane: Pane, letter: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._comparison, self.pane, self.letter = session, comparison, pane, letter
        self._shown_choice = pane.choice
        self.setObjectName("pane")
        self.setAccessibleName(f"Pane {letter}")
        self.picture = PanePicture()
        self.picture.setAccessibleName(f"Picture of pane {letter}")
        self.picture.chosen.connect(self.chosen)
        self.card = StateCard(self.picture)
        self.card.make_requested.connect(pane.make)
        self.card.cancel_requested.connect(pane.cancel)
        self.card.retry_requested.connect(pane.retry)
        self.badge, self.given = QLabel(self.picture), QLabel(self.picture)
        for label in (self.badge, self.given):
            theme.set_role(label, "badge")
        self._make_header()
        self.captions = Captions()
        self.score, self.facts, self.measures = self.captions.lines
        self.measures.setToolTip(MEASURES_TIP)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(2)
        layout.addWidget(self.header)
        layout.addWidget(self.picture, 1)
        layout.addLayout(self.captions)
        self.show_choice()

    # Making

    def _make_header(self) -> None:
        self.name = QLabel(self.letter)
        theme.set_role(self.name, "badge")
        self.name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.detector = self._combo(f"Detector of pane {self.letter}", "What scores the face in this pane")
        self.explainer = self._combo(f"Explainer of pane {self.letter}", "What shows why in this pane")
        self.detector.activated.connect(self._on_detector)
        self.explainer.activated.connect(self._on_explainer)
        self.settings = self._button("settings", f"Settings of the explainer in pane {self.letter}")
        self.settings.clicked.connect(self.edit_settings)
        self.shut = self._button("close", f"Close pane {self.letter}")
        self.shut.clicked.connect(lambda: self._comparison.remove(self.pane))
        self.header = QWidget()
        self._choosers = QBoxLayout(QBoxLayout.Direction.LeftToRight, self.header)
        self._choosers.setContentsMargins(0, 0, 0, 0)
        self._choosers.setSpacing(4)
        self._choosers.addLayout(row(self.name, self.detector, stretch=1), 1)
        self._choosers.addLayout(row(self.explainer, self.settings, self.shut, stretch=0), 1)

    def _combo(self, name: str, tip: str) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setToolTip(f"{tip} (Alt+{'ABCD'.index(self.letter) + 1}, then Tab and arrow keys)")
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumWidth(64)
        combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        return combo

    def _button(self, icon: str, name: str) -> QToolButton:
        button = QToolButton()
        button.setIcon(theme.icon(icon))
        button.setIconSize(QSize(14, 14))
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme.set_role(button, "flat")
        return button

    # Choosing

    def _on_detector(self, at: int) -> None:
        self._choose(self.detector.itemData(at), self.pane.choice.explainer_id)

    def _on_explainer(self, at: int) -> None:
        self._choose(self.pane.choice.detector_id, self.explainer.itemData(at))

    def _choose(self, detector_id: str, explainer_id: str) -> None:
        """Settings belong to an explainer: another one begins with its own."""
        detector = next((d for d in self._session.detectors if d.id == detector_id), None)
        fitting = detector.explainers if detector is not None else ()
        if explainer_id not in fitting:
            explainer_id = next(iter(fitting), explainer_id)
        same = explainer_id == self.pane.choice.explainer_id
        settings = self.pane.choice.settings if same else ()
        self._comparison.choose(self.pane, PaneChoice(detector_id, explainer_id, settings))
        self.show_choice()

    def edit_settings(self) -> None:
        """Let the user type settings of the explainer; a wrong one is told by the engine in the pane."""
        choice = self.pane.choice
        text, agreed = QInputDialog.getText(
            self,
            f"Settings of {choice.explainer_id}",
            "NAME=VALUE, with commas between. Empty: the explainer's own settings.",
            text=settings_text(choice.settings),
        )
        if not agreed:
            return
        try:
            settings = parse_settings(text)
        except ValueError as error:
            self._session.notify("warning", f"These settings make no sense: {error}")
            return
        self._comparison.choose(self.pane, PaneChoice(choice.detector_id, choice.explainer_id, settings))
        self.show_choice()

    # Showing

    def show_choice(self) -> None:
        """What there is to choose, and what is chosen."""
        choice = self._shown_choice = self.pane.choice
        with QSignalBlocker(self.detector), QSignalBlocker(self.explainer):
            self.detector.clear()
            self.explainer.clear()
            for detector in self._session.detectors:
                words = detector.id if detector.trained else f"{detector.id} (not trained)"
                self.detector.addItem(words, detector.id)
                at = self.detector.count() - 1
                self.detector.setItemData(at, detector.problem or detector.name, Qt.ItemDataRole.ToolTipRole)
                model = self.detector.model()
                if not detector.trained and isinstance(model, QStandardItemModel):
                    model.item(at).setEnabled(False)
            detector_of = self.pane.detector
            for explainer_id in detector_of.explainers if detector_of is not None else ():
                self.explainer.addItem(explainer_name(explainer_id), explainer_id)
            self.detector.setCurrentIndex(self.detector.findData(choice.detector_id))
            self.explainer.setCurrentIndex(self.explainer.findData(choice.explainer_id))
        given = settings_text(choice.settings)
        self.given.setText(given.replace(", ", "\n"))
        self.given.setVisible(bool(given))
        about = f"Settings of the explainer in pane {self.letter}"
        self.settings.setToolTip(f"{about}: {given or 'its own'}")
        theme.set_role(self.settings, "" if given else "flat")

    def show_active(self, active: bool) -> None:
        """Whether commands without a pane of their own work on this one."""
        if self.property("active") == active:
            return
        self.setProperty("active", active)
        self.name.setText(f"{self.letter} ●" if active else self.letter)
        self.name.setToolTip("Commands of the comparison work on this pane" if active else f"Pane {self.letter}")
        self.style().unpolish(self)
        self.style().polish(self)

    def show_state(self, state: PaneState, measures: MapMeasures | None, make_tip: str) -> None:
        """Everything but the picture itself."""
        coming = state.stand in (Stand.WAITING, Stand.WORKING) and not self.pane.slow
        if self._shown_choice != self.pane.choice:
            self.show_choice()
        self.card.show_state(PaneState(Stand.READY) if coming else state, make_tip)
        self.badge.setVisible(coming or state.stand is Stand.HELD)
        if coming:
            self.badge.setText(f"{SIGNS[state.stand]} {state.text}")
        elif state.mask is not None:
            self.badge.setText(f"mask of frame {state.mask.frame}")
        if state.mask is not None:
            largest = float(np.abs(state.mask.values).max(initial=0.0))
            score = score_text(state.mask.logit, self._session.threshold)
            self.score.set_wordings(
                f"{score}  ·  largest |value| {plain_number(largest)}",
                f"{score}  ·  max {plain_number(largest)}",
                score,
            )
        else:
            self.score.set_wordings("–")
        self.measures.set_wordings(*measures_wordings(measures))
        self.facts.set_wordings(*self._facts(state))
        self.facts.setToolTip("" if state.mask is None else f"<p>{state.mask.sanity.reason}</p>")
        self._place()

    def _facts(self, state: PaneState) -> tuple[str, ...]:
        if state.mask is None:
            return ("",)
        height, width = state.mask.values.shape
        size, cost = f"{width} × {height} cells", cost_text(state.mask)
        sane = sanity_text(state.mask.sanity)
        how = "not smoothed" if state.mask.smoothing == "none" else "smoothed"
        orders = ((sane, size, how, cost), (sane, size, cost), (sane, cost), (sane,))
        return tuple("  ·  ".join(part for part in parts if part) for parts in orders)

    def _place(self) -> None:
        self.card.place(self.picture.width(), self.picture.height())
        top = 6
        for label in (self.given, self.badge):
            label.adjustSize()
            label.resize(min(label.width(), max(0, self.picture.width() - 12)), label.height())
            label.move(6, top)
            top += 0 if label.isHidden() else label.height() + 4

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.captions.fit(self.width())
        beside = self.width() >= NARROW
        self._choosers.setDirection(
            QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom
        )
        self._place()
