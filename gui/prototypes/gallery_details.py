"""What is known of the chosen prototype, and what the reviewer may say of it. GUI thread only."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from engine.case.reviewed import ARTEFACTS
from engine.results import SIMILARITY
from gui import theme
from gui.panels.parts import Elided, FactsGrid, column, muted, row
from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.gallery_cards import SIGNS, Card
from gui.prototypes.motions import SLOWER, Motions
from gui.session import Session

MOTION = 208


class MotionView(QWidget):
    """The motion of one prototype, large."""

    def __init__(self, motions: Motions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._motions = motions
        self._index: int | None = None
        self._beat = 0
        self.setAccessibleName("Motion of the prototype")
        self.setToolTip(
            f"The motion that the prototype recognises, {SLOWER} times slower: arrows and colours tell where to, "
            "strength tells how far, for each prototype on a scale of its own. It comes from its patch of the "
            "training footage; no person is shown"
        )
        self.setFixedHeight(MOTION)

    def sizeHint(self) -> QSize:
        return QSize(MOTION, MOTION)

    def show_frame(self, index: int | None, beat: int) -> None:
        """One picture of a prototype's motion."""
        self._index, self._beat = index, beat
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        side = min(self.width(), self.height())
        area = QRect((self.width() - side) // 2, 0, side, side)
        frames = self._motions.frames
        if self._index is None or self._index >= len(frames):
            painter.fillRect(area, theme.color("inset"))
            painter.setPen(theme.color("muted"))
            told = self._motions.problem or ("◌ Reading the motions…" if self._index is not None else "")
            painter.drawText(
                area.adjusted(8, 8, -8, -8), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, told
            )
        else:
            moving = frames[self._index]
            painter.drawImage(area, moving[self._beat % len(moving)])
        painter.end()


class DetailsView(QWidget):
    """Of the card that is current; names, artefacts and exclusions go to the session.

    Signals:
        exclude_requested: of all chosen cards.
        export_requested: of the motion beside the questioned patch.
    """

    exclude_requested = Signal()
    export_requested = Signal()

    def __init__(
        self, session: Session, choice: PrototypeChoice, motions: Motions, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._choice, self._motions = session, choice, motions
        self._card: Card | None = None
        self._peak: int | None = None
        self.motion = MotionView(motions)
        self.title = Elided()
        theme.set_role(self.title, "heading")
        self.name = QLineEdit()
        self.name.setAccessibleName("Your own name for the prototype")
        self.name.setToolTip("Your own name for it, kept in the case; empty for its own (F2)")
        self.name.setMaxLength(80)
        self.name.editingFinished.connect(self._rename)
        self.artefact = QComboBox()
        self.artefact.setAccessibleName("Artefact that the prototype shows")
        self.artefact.setToolTip("What it shows, after figure 7 of P000; kept in the case")
        self.artefact.addItem("not said", "")
        for name in ARTEFACTS:
            self.artefact.addItem(name, name)
        self.artefact.activated.connect(self._label)
        self.here = QPushButton()
        theme.set_role(self.here, "link")
        self.here.setAccessibleName("Go to where this prototype is most similar")
        self.here.setToolTip("Go to the frame at which the face is most similar to it")
        self.here.clicked.connect(self._go_to_peak)
        self.nowhere = muted("Analyse the video to see how similar it is.")
        self.facts = FactsGrid()
        self.exclude = QPushButton("Exclude")
        self.exclude.clicked.connect(self.exclude_requested)
        self.export = QPushButton("Export animation…")
        self.export.clicked.connect(self.export_requested)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Name", self.name)
        form.addRow("Artefact", self.artefact)
        layout: QVBoxLayout = column(self)
        layout.addWidget(self.motion)
        layout.addWidget(self.title)
        layout.addLayout(form)
        for widget in (self.here, self.nowhere, self.facts):
            layout.addWidget(widget)
        layout.addStretch(1)

    def buttons(self) -> QHBoxLayout:
        """What can be done with it, to stand where it is always seen."""
        return row(self.exclude, self.export)

    def show_card(self, card: Card | None, chosen: int, beat: int) -> None:
        """Show a card, of so many chosen ones."""
        anew = card is None or self._card is None or card.prototype != self._card.prototype
        self._card = card
        for widget in (self, self.exclude, self.export):
            widget.setEnabled(card is not None)
        self.motion.show_frame(card.index if card is not None else None, beat)
        if card is None:
            self.title.set_text("No prototype is chosen")
            self.facts.set_rows(())
            self.here.hide()
            return
        prototype = card.prototype
        self.title.set_text(f"{SIGNS[prototype.label]}  {card.name}")
        if anew or not self.name.hasFocus():
            self.name.setText(card.review.name)
        self.name.setPlaceholderText(prototype.name)
        self.artefact.setCurrentIndex(self.artefact.findData(card.review.artefact))
        verb = "Bring back" if card.excluded else "Exclude"
        self.exclude.setText(f"{verb} {chosen} prototypes" if chosen > 1 else verb)
        self.exclude.setToolTip("Let it have no say in the scores of this video, or a say again (Space)")
        self._show_here(card)
        self.facts.set_rows(_facts(card, self._motions.strength(card.index)))

    def step(self, beat: int) -> None:
        """Show the next picture of the motion."""
        self.motion.show_frame(self._card.index if self._card is not None else None, beat)

    def _show_here(self, card: Card) -> None:
        face = self._choice.face
        self._peak = None
        if face is not None:
            values = face.activations[SIMILARITY][:, card.index]
            if not np.isnan(values).all():
                row_of_peak = int(np.nanargmax(values))
                self._peak = int(face.spans[row_of_peak, 0])
                text = f"Most similar at frame {self._peak} of {face.name}: {values[row_of_peak]:.2f}"
                self.here.setText(text)
        self.here.setVisible(self._peak is not None)
        self.nowhere.setVisible(self._peak is None)

    def _go_to_peak(self) -> None:
        if self._peak is not None:
            self._session.pause()
            self._session.go_to(self._peak)

    def _rename(self) -> None:
        if self._card is not None:
            self._session.reviewing.rename(self._card.prototype, self.name.text())

    def _label(self) -> None:
        if self._card is not None:
            self._session.reviewing.label(self._card.prototype, self.artefact.currentData())


def _facts(card: Card, strength: str) -> tuple[tuple[str, str, str], ...]:
    prototype, source = card.prototype, card.prototype.source
    real, fake = prototype.weights
    box = ", ".join(f"{value:.0f}" for value in source.box)
    rows = [
        ("", "Original name", prototype.name),
        ("", "Class", f"{SIGNS[prototype.label]} {prototype.label}"),
        ("", "Weights", f"a similarity of 1 adds {fake:+g} to fake, {real:+g} to real".replace("-", "−")),
        ("", "Operator", card.operator),
        ("", "Motion", strength),
        ("Where it comes from", "Clip", source.clip),
        ("Where it comes from", "Frame", str(source.frame)),
        ("Where it comes from", "Cell", f"row {source.cell[0]}, column {source.cell[1]} of the network's map"),
        ("Where it comes from", "Box", f"{box} pixels of the frame"),
        ("Where it comes from", "Distance", f"{source.distance:.4g}, squared, from what was learnt to this patch"),
    ]
    return tuple(rows)
