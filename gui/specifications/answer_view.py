"""What a specification says: a line per face, and of the chosen one what decides it. GUI thread only."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from engine.results import Verification, WitnessPoint
from gui import theme
from gui.panels.parts import clear_layout, muted
from gui.specifications import wording
from gui.specifications.answers import FaceAnswer
from gui.specifications.checking import Checking

SHOWN = 6
"""So many faces are seen without scrolling."""


class FaceList(QListWidget):
    """A line per face; the chosen one is shown below and in the timeline."""

    def __init__(self, checking: Checking, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._checking = checking
        self._shown: tuple[str, ...] = ()
        self.setAccessibleName("Verdict on each face")
        self.setToolTip("Choose the face whose verdict is shown below and in the timeline")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.currentRowChanged.connect(self._choose)

    def show_answers(self, answers: Sequence[FaceAnswer], shown: int | None) -> None:
        """One line per answer; `shown` is the id of the chosen face."""
        texts = tuple(wording.row_text(answer) for answer in answers)
        self.blockSignals(True)
        if texts != self._shown:
            self._shown = texts
            self.clear()
            for answer, text in zip(answers, texts, strict=True):
                item = QListWidgetItem(text)
                item.setData(Qt.ItemDataRole.UserRole, answer.track_id)
                item.setToolTip(wording.margin_text(answer) or wording.meaning_text(answer))
                self.addItem(item)
            height = max(self.sizeHintForRow(0), QFontMetrics(self.font()).height() + 6)
            self.setFixedHeight(height * min(len(texts), SHOWN) + 6)
        self.setCurrentRow(next((n for n, answer in enumerate(answers) if answer.track_id == shown), -1))
        self.blockSignals(False)

    def _choose(self, number: int) -> None:
        item = self.item(number)
        if item is not None:
            self._checking.show_face(item.data(Qt.ItemDataRole.UserRole))


class AnswerView(QWidget):
    """The list with verdict and robustness, then what decides that of the chosen face.

    Signals:
        prototype_requested: name of the prototype that decides, which the user wants to see.
    """

    prototype_requested = Signal(str)

    def __init__(self, checking: Checking, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._checking = checking
        self._tip = ""
        self._points: tuple[tuple[WitnessPoint, ...], str | None] = (), None
        self.list = FaceList(checking)
        self.meaning = muted()
        self.buttons: list[QPushButton] = []
        self._witness = QVBoxLayout()
        self._witness.setSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.list)
        layout.addWidget(self.meaning)
        layout.addLayout(self._witness)

    def set_tip(self, tip: str) -> None:
        """The tooltip of the button that goes to the witness, with its key."""
        self._tip = tip
        if self.buttons:
            self.buttons[0].setToolTip(tip)

    def refresh(self, *, keep_room: bool = False) -> None:
        """Show what there is; without an answer nothing, in as much room as before if it is to be kept."""
        answers, answer = self._checking.answers, self._checking.answer
        there = answers is not None and answer is not None
        if there or not keep_room:
            self.setMinimumHeight(0)
        elif self.list.isVisible():
            self.setMinimumHeight(self.height())
        self.list.setVisible(there)
        self.meaning.setVisible(there)
        if answers is None or answer is None:
            self._show_points(None)
            return
        self.list.setFont(theme.numbers_font(self))
        self.list.show_answers(answers.faces, answer.track_id)
        found = answer.verification
        self.meaning.setToolTip(wording.margin_text(answer))
        self.meaning.setText(wording.meaning_text(answer))
        theme.set_role(self.meaning, "muted" if found is not None else "", "" if found is not None else "warning")
        self._show_points(found)

    def _show_points(self, found: Verification | None) -> None:
        """A button per frame of the witness, the one that decides first, and one for its prototype."""
        points = wording.times_of(found) if found is not None else ()
        prototype = found.witness.prototype if found is not None and found.witness is not None else None
        if (points, prototype) == self._points:
            return
        self._points = points, prototype
        focused = any(button.hasFocus() for button in self.buttons)
        clear_layout(self._witness)
        self.buttons = [self._button(number, point) for number, point in enumerate(points)]
        if prototype is not None:
            self.buttons.insert(1, self._prototype_button(prototype))
        for button in self.buttons:
            self._witness.addWidget(button)
        if focused and self.buttons:
            self.buttons[0].setFocus()

    def _button(self, number: int, point: WitnessPoint) -> QPushButton:
        frame = point.frame or 0
        button = QPushButton(f"Decided at frame {frame} ({wording.point_name(point)})" if not number else
                             f"… and frame {frame} ({wording.point_name(point)})")  # fmt: skip
        button.setAccessibleName(f"Go to frame {frame}, {wording.point_name(point)}")
        button.setToolTip(self._tip if not number else f"Go to frame {frame}")
        if number:
            theme.set_role(button, "link")
        button.clicked.connect(lambda: self._checking.go_to(frame))
        return button

    def _prototype_button(self, name: str) -> QPushButton:
        shown = self._checking.prototype_name(name)
        button = QPushButton(f"by the prototype {shown}")
        button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        button.setAccessibleName(f"Show the prototype {shown}, which decides the verdict")
        button.setToolTip(f"Show the prototype {shown}, which decides the verdict")
        theme.set_role(button, "link")
        button.clicked.connect(lambda: self.prototype_requested.emit(name))
        return button
