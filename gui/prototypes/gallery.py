"""All prototypes of the detector as cards: to look through, to name, to label and to exclude. GUI thread only."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QItemSelectionModel, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from engine.case.reviewed import ARTEFACTS
from gui import theme
from gui.panels.parts import Scrolling, muted, row
from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.gallery_cards import Card, CardsModel, CardView, Wanted
from gui.prototypes.gallery_details import DetailsView
from gui.prototypes.motions import Motions
from gui.session import Session

REFRESH_MS = 30
DETAILS_WIDTH = 330
FILTER_LETTERS = 14


class GalleryDialog(QDialog):
    """Follows a session; it stays open beside the window."""

    def __init__(
        self,
        session: Session,
        choice: PrototypeChoice,
        actions: Mapping[str, QAction],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._choice = session, choice
        self.setWindowTitle("Prototype gallery")
        self.motions = Motions(session, self)
        self.model = CardsModel(self)
        self.cards = CardView(self.model, self.motions)
        self.details = DetailsView(session, choice, self.motions)
        self._make_filters()
        self._make_head()
        self._place()
        self._make_keys(actions)
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self.motions.changed.connect(self._show_current)
        self.motions.changed.connect(self.cards.viewport().update)
        self.cards.stepped.connect(self.details.step)
        self.cards.selectionModel().selectionChanged.connect(self._on_selection)
        self.cards.selectionModel().currentChanged.connect(self._on_current)
        self.details.exclude_requested.connect(self.toggle_chosen)
        self.details.export.setToolTip(actions["prototype_export"].toolTip())
        self.details.export_requested.connect(actions["prototype_export"].trigger)
        for signal in (choice.changed, session.tracks_changed, session.results_changed, session.analysis_changed):
            signal.connect(self._later)
        self.refresh()
        self.cards.setFocus()

    def sizeHint(self) -> QSize:
        return QSize(1120, 720)

    # Making

    def _make_filters(self) -> None:
        self.text = QLineEdit()
        self.text.setPlaceholderText("Search name, clip, operator")
        self.text.setAccessibleName("Search prototypes")
        self.text.setToolTip("Only cards with all these words are shown (Ctrl+F)")
        self.text.setClearButtonEnabled(True)
        self.text.setMinimumWidth(140)
        self.text.textChanged.connect(self.refresh)
        self.label = self._combo("Class", "Only prototypes of a class", ("fake", "real"))
        self.operator = self._combo("Operator", "Only prototypes whose footage was forged in a way", ())
        self.artefact = self._combo("Artefact", "Only prototypes that you labelled so", ARTEFACTS)
        self.only_excluded = QCheckBox("Excluded only")
        self.only_excluded.setToolTip("Only prototypes that have no say in this video")
        self.only_excluded.toggled.connect(self.refresh)
        self.runs = QCheckBox("Motion")
        self.runs.setToolTip("Let the motions run, or stand still")
        self.runs.setChecked(True)
        self.runs.toggled.connect(self.cards.run)

    def _combo(self, name: str, tip: str, values: tuple[str, ...]) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setToolTip(tip)
        combo.addItem(f"{name}: all", "")
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(FILTER_LETTERS)
        for value in values:
            combo.addItem(value, value)
        combo.currentIndexChanged.connect(self.refresh)
        return combo

    def _make_head(self) -> None:
        self.count = muted(wrap=False)
        self.excluded = QLabel()
        theme.set_role(self.excluded, "badge", "warning")
        self.score = QLabel()
        self.score.setToolTip("The fake probability of the video as it is shown, and as it was stored")
        self.bring_back = QPushButton("Bring all back")
        self.bring_back.setAutoDefault(False)
        self.bring_back.setToolTip("Let every prototype have its say again; can be undone")
        self.bring_back.clicked.connect(lambda: self._session.reviewing.exclude(()))
        self.nothing = muted()
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)

    def _place(self) -> None:
        filters = (self.text, self.label, self.operator, self.artefact, self.only_excluded, self.runs)
        side = QWidget()
        side.setFixedWidth(DETAILS_WIDTH)
        right = QVBoxLayout(side)
        right.setContentsMargins(0, 0, 0, 0)
        right.addWidget(Scrolling(self.details), 1)
        right.addLayout(self.details.buttons())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addLayout(row(*filters, stretch=0))
        layout.addLayout(row(self.count, self.excluded, self.score, QWidget(), self.bring_back, stretch=3))
        layout.addWidget(self.nothing, 1)
        self._both = QWidget()
        both = row(self.cards, side, stretch=0)
        self._both.setLayout(both)
        layout.addWidget(self._both, 10)

    def _make_keys(self, actions: Mapping[str, QAction]) -> None:
        for button in (self.details.exclude, self.details.export, self.details.here):
            button.setAutoDefault(False)
        for name in ("undo", "redo", "prototype_export"):
            self.addAction(actions[name])
        for keys, do, where in (
            (Qt.Key.Key_F2, self._edit_name, self),
            (QKeySequence.StandardKey.Find, self.text.setFocus, self),
            (Qt.Key.Key_Space, self.toggle_chosen, self.cards),
        ):
            context = (
                Qt.ShortcutContext.WidgetShortcut if where is self.cards else Qt.ShortcutContext.WindowShortcut
            )
            QShortcut(QKeySequence(keys), where, do, context=context)

    # Doing

    def toggle_chosen(self) -> None:
        """Exclude the chosen prototypes, or bring them back if the current one is excluded; can be undone."""
        current = self._current_card()
        names = {card.prototype.name for card in self._chosen_cards()}
        if current is not None:
            before = self._session.reviewing.excluded
            back = current.prototype.name in before  # the card itself may be a moment behind
            self._session.reviewing.exclude(before - names if back else before | names)

    def _edit_name(self) -> None:
        self.details.name.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.details.name.selectAll()

    def _on_current(self) -> None:
        card = self._current_card()
        if card is not None:
            self._choice.choose(card.index)
        self._show_current()

    def _on_selection(self) -> None:
        self._show_current()

    # Showing

    def wanted(self) -> Wanted:
        """What the filters say."""
        return Wanted(
            self.text.text(),
            self.label.currentData() or "",
            self.operator.currentData() or "",
            self.artefact.currentData() or "",
            self.only_excluded.isChecked(),
        )

    def refresh(self) -> None:
        """Read everything anew."""
        prototypes, reviewing = self._choice.prototypes, self._session.reviewing
        excluded = reviewing.excluded
        cards = [
            Card(index, each, reviewing.review(each), each.name in excluded)
            for index, each in enumerate(prototypes)
        ]
        self._show_operators(sorted({card.operator for card in cards}))
        wanted = self.wanted()
        shown = [card for card in cards if wanted.fits(card)]
        if self.model.set_cards(shown) or self._choice.index != self._current_index():
            self._choose_again()
        self._show_head(len(shown), len(cards))
        self._show_current()
        self.motions.load()

    def _later(self) -> None:
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def _choose_again(self) -> None:
        """The chosen prototype, or the first card."""
        rows = [at for at, card in enumerate(self.model.cards) if card.index == self._choice.index]
        if self.model.cards and (rows or self._choice.index is None):
            index = self.model.index(rows[0] if rows else 0)
            self.cards.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.cards.scrollTo(index)

    def _show_operators(self, operators: list[str]) -> None:
        combo = self.operator
        if [combo.itemData(at) for at in range(1, combo.count())] == operators:
            return
        chosen = combo.currentData()
        combo.blockSignals(True)
        while combo.count() > 1:
            combo.removeItem(1)
        for name in operators:
            combo.addItem(name, name)
        combo.setCurrentIndex(max(0, combo.findData(chosen)))
        combo.blockSignals(False)

    def _show_head(self, shown: int, count: int) -> None:
        session, words = self._session, self._session.reviewing.words
        detector = session.detector
        self.count.setText(f"{shown} of {count} prototypes" if count else "")
        self.excluded.setVisible(bool(words))
        self.excluded.setText(words)
        self.bring_back.setEnabled(bool(words))
        self.score.setText(self._score_words())
        name = detector.name if detector is not None else "The detector"
        self.nothing.setText(
            f"{name} has no prototypes. Choose a detector that has some (DPNet)."
            if not count
            else "No prototype fits all of the filters."
        )
        self.nothing.setVisible(not shown)
        self._both.setVisible(bool(shown))

    def _score_words(self) -> str:
        results = self._session.results
        now = results.running_probability if results is not None else None
        if results is None or now is None:
            return ""
        stored = results.stored.fake_probability if results.stored is not None else None
        if not results.excluded or stored is None:
            return f"Video score {now:.3f}"
        return f"Video score {now:.3f} without them, {stored:.3f} with all"

    def _show_current(self) -> None:
        self.details.show_card(self._current_card(), len(self._chosen_cards()), self.cards.beat)

    def _current_card(self) -> Card | None:
        at = self.cards.currentIndex()
        return self.model.cards[at.row()] if at.isValid() and at.row() < len(self.model.cards) else None

    def _current_index(self) -> int | None:
        card = self._current_card()
        return card.index if card is not None else None

    def _chosen_cards(self) -> list[Card]:
        rows = {index.row() for index in self.cards.selectionModel().selectedIndexes()}
        return [self.model.cards[at] for at in sorted(rows) if at < len(self.model.cards)]

    def closeEvent(self, event: QCloseEvent) -> None:
        self.motions.close()
        super().closeEvent(event)
