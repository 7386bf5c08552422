"""Asks for the note of a mark. GUI thread only."""

from __future__ import annotations

import dataclasses

from PySide6.QtWidgets import QInputDialog, QWidget

from engine.results import Mark
from gui.session import Session


def ask_note(parent: QWidget | None, first: int, last: int, note: str = "") -> str | None:
    """The note as the user leaves it, without blanks around it; None if the dialog was cancelled."""
    where = f"frame {first}" if first == last else f"frames {first} to {last}"
    text, accepted = QInputDialog.getText(parent, "Mark", f"Note for {where}:", text=note)
    return text.strip() if accepted else None


def add_mark(session: Session, first: int, last: int, parent: QWidget | None = None) -> None:
    """Ask for a note and mark a frame or a range; can be undone."""
    note = ask_note(parent, first, last)
    if note is not None:
        session.add_mark(first, last, note)


def edit_mark(session: Session, mark: Mark, parent: QWidget | None = None) -> None:
    """Let the user change the note of a mark; can be undone."""
    note = ask_note(parent, mark.first, mark.last, mark.note)
    if note is not None and note != mark.note:
        session.change_mark(mark, dataclasses.replace(mark, note=note))
