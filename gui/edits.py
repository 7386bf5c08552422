"""Edits of the reviewer with their inverses, and the stack that undoes them. GUI thread only.

Every video has a stack of its own, so that undo never reaches into another video.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.results import Mark, excluded_words


class EditHolder(Protocol):
    """What an edit works on.

    Attributes:
        marks: of one video.
        excluded: names of the prototypes that have no say in it, by the SHA-256 of their weights.
    """

    marks: tuple[Mark, ...]
    excluded: Mapping[str, frozenset[str]]


class Edit(Protocol):
    """One thing the user did that can be undone."""

    @property
    def text(self) -> str:
        """What was done, as it stands after "Undo"."""
        ...

    def do(self, holder: EditHolder) -> None: ...

    def undo(self, holder: EditHolder) -> None: ...


def _sorted(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    return tuple(sorted(marks, key=lambda m: (m.first, m.last, m.made_at)))


def _without(marks: tuple[Mark, ...], mark: Mark) -> tuple[Mark, ...]:
    at = marks.index(mark)
    return marks[:at] + marks[at + 1 :]


@dataclass(frozen=True)
class AddMark:
    mark: Mark
    text = "Add mark"

    def do(self, holder: EditHolder) -> None:
        holder.marks = _sorted((*holder.marks, self.mark))

    def undo(self, holder: EditHolder) -> None:
        holder.marks = _without(holder.marks, self.mark)


@dataclass(frozen=True)
class RemoveMark:
    mark: Mark
    text = "Remove mark"

    def do(self, holder: EditHolder) -> None:
        holder.marks = _without(holder.marks, self.mark)

    def undo(self, holder: EditHolder) -> None:
        holder.marks = _sorted((*holder.marks, self.mark))


@dataclass(frozen=True)
class ChangeMark:
    old: Mark
    new: Mark
    text = "Edit mark"

    def do(self, holder: EditHolder) -> None:
        holder.marks = _sorted((*_without(holder.marks, self.old), self.new))

    def undo(self, holder: EditHolder) -> None:
        holder.marks = _sorted((*_without(holder.marks, self.new), self.old))


@dataclass(frozen=True)
class ExcludePrototypes:
    """Let just some prototypes have no say, instead of others or of none.

    Attributes:
        before, after: their names.
    """

    weights_sha256: str
    before: frozenset[str]
    after: frozenset[str]

    @property
    def text(self) -> str:
        left_out, back = len(self.after - self.before), len(self.before - self.after)
        if left_out and back:
            return f"Choose excluded prototypes ({excluded_words(len(self.after))})"
        count = left_out or back
        noun = f"{count} prototype{'s' * (count != 1)}"
        return f"Exclude {noun}" if left_out else f"Bring {noun} back"

    def do(self, holder: EditHolder) -> None:
        holder.excluded = {**holder.excluded, self.weights_sha256: self.after}

    def undo(self, holder: EditHolder) -> None:
        holder.excluded = {**holder.excluded, self.weights_sha256: self.before}


class EditStack:
    """Done and undone edits of one holder; `changed` is called after each step."""

    def __init__(self, holder: EditHolder, changed: Callable[[], None]) -> None:
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
