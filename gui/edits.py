"""Edits of the reviewer with their inverses, and the stack that undoes them. GUI thread only.

Every video has a stack of its own, so that undo never reaches into another video.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.results import Mark


class MarkHolder(Protocol):
    """What an edit works on: the marks of one video."""

    marks: tuple[Mark, ...]


class Edit(Protocol):
    """One thing the user did that can be undone."""

    @property
    def text(self) -> str:
        """What was done, as it stands after "Undo"."""
        ...

    def do(self, holder: MarkHolder) -> None: ...

    def undo(self, holder: MarkHolder) -> None: ...


def _sorted(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    return tuple(sorted(marks, key=lambda m: (m.first, m.last, m.made_at)))


def _without(marks: tuple[Mark, ...], mark: Mark) -> tuple[Mark, ...]:
    at = marks.index(mark)
    return marks[:at] + marks[at + 1 :]


@dataclass(frozen=True)
class AddMark:
    mark: Mark
    text = "Add mark"

    def do(self, holder: MarkHolder) -> None:
        holder.marks = _sorted((*holder.marks, self.mark))

    def undo(self, holder: MarkHolder) -> None:
        holder.marks = _without(holder.marks, self.mark)


@dataclass(frozen=True)
class RemoveMark:
    mark: Mark
    text = "Remove mark"

    def do(self, holder: MarkHolder) -> None:
        holder.marks = _without(holder.marks, self.mark)

    def undo(self, holder: MarkHolder) -> None:
        holder.marks = _sorted((*holder.marks, self.mark))


@dataclass(frozen=True)
class ChangeMark:
    old: Mark
    new: Mark
    text = "Edit mark"

    def do(self, holder: MarkHolder) -> None:
        holder.marks = _sorted((*_without(holder.marks, self.old), self.new))

    def undo(self, holder: MarkHolder) -> None:
        holder.marks = _sorted((*_without(holder.marks, self.new), self.old))


class EditStack:
    """Done and undone edits of one holder; `changed` is called after each step."""

    def __init__(self, holder: MarkHolder, changed: Callable[[], None]) -> None:
        self._holder, self._changed = holder, changed
        self._done: list[Edit] = []
        self._undone: list[Edit] = []

    def do(self, edit: Edit) -> None:
        """Do a new edit; what was undone before can no longer be redone."""
        edit.do(self._holder)
        self._done.append(edit)
        self._undone.clear()
        self._changed()

    def undo(self) -> None:
        """Undo the last edit, if any."""
        if self._done:
            edit = self._done.pop()
            edit.undo(self._holder)
            self._undone.append(edit)
            self._changed()

    def redo(self) -> None:
        """Do the last undone edit again, if any."""
        if self._undone:
            edit = self._undone.pop()
            edit.do(self._holder)
            self._done.append(edit)
            self._changed()

    @property
    def undo_text(self) -> str:
        """What undo would undo, empty if nothing."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        return self._undone[-1].text if self._undone else ""
