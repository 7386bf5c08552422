"""The reviewer's marks as a list: go there, edit the note, delete. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from engine.results import Mark
from gui.dialogs.mark import edit_mark
from gui.panels.parts import muted
from gui.session import Session


def mark_text(mark: Mark) -> str:
    """Where, and what the reviewer wrote."""
    where = f"{mark.first}" if mark.first == mark.last else f"{mark.first}–{mark.last}"
    return f"{where}   {mark.note or 'without a note'}"


class MarkList(QListWidget):
    """A click goes to a mark, Enter or a double click edits its note, Delete removes it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setAccessibleName("Marks")
        self.setToolTip("Click to go there, Enter or double click to edit the note, Delete to remove the mark")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.itemClicked.connect(lambda item: session.go_to(self._mark(item).first))
        self.itemActivated.connect(lambda item: edit_mark(session, self._mark(item), self))

    def set_marks(self, marks: tuple[Mark, ...]) -> None:
        """Show the marks, keeping the row that is chosen."""
        chosen = self.currentRow()
        self.clear()
        for mark in marks:
            item = QListWidgetItem(mark_text(mark))
            item.setToolTip(f"{mark.note or 'Without a note'}\nMade {mark.made_at}")
            self.addItem(item)
        self.setCurrentRow(min(chosen, len(marks) - 1))
        height = self.sizeHintForRow(0) * min(len(marks), 8) + 4 if marks else 0
        self.setFixedHeight(height)
        self.setVisible(bool(marks))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        item = self.currentItem()
        if event.key() == Qt.Key.Key_Delete and item is not None:
            self._session.remove_mark(self._mark(item))
        else:
            super().keyPressEvent(event)

    def _mark(self, item: QListWidgetItem) -> Mark:
        return self._session.marks[self.row(item)]


class MarksPanel(QWidget):
    """The list, or a word on how to make a mark."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.list = MarkList(session)
        self._empty = muted("There are no marks yet. Edit, Mark frame makes one.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list)
        layout.addWidget(self._empty)
        session.marks_changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        marks = self._session.marks
        self.list.set_marks(marks)
        self._empty.setVisible(not marks)
