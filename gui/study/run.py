"""One participant after the other through a study: where they are, and what they answer. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.evaluation.study.definition import Section
from engine.evaluation.study.plan import Step
from engine.evaluation.study.study_file import Given, Participant, StudyFile
from gui.bridge import Background


class Stage(Enum):
    """What the window shows."""

    WELCOME = auto()
    ABOUT = auto()
    PAIR = auto()
    CHOICE = auto()
    THANKS = auto()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a participant is.

    Attributes:
        number, total: of the section, from 1, and how many this participant is asked.
        right: the answer to the first question; None while it is open.
    """

    number: int
    total: int
    section: Section
    step: Step
    right: bool | None


def place_of(file: StudyFile, person: Participant, given: tuple[Given, ...]) -> Place | None:
    """The first open question of a participant; None when all are answered."""
    by_section = {each.section: each for each in given}
    for number, step in enumerate(person.plan, 1):
        answer = by_section.get(step.section)
        if answer is None or answer.chosen is None:
            right = None if answer is None else answer.right
            return Place(number, len(person.plan), file.definition.section(step.section), step, right)
    return None


class StudyRun(QObject):
    """What happens when a participant answers. A worker thread writes; nothing goes on before it is on the disk.

    Signals:
        changed: the stage or the place is another one.
        unknown: the code under which nobody is known, so that nobody goes on.
        failed: the error because of which it is not.
    """

    changed = Signal()
    unknown = Signal(str)
    failed = Signal(object)

    def __init__(self, file: StudyFile, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.file = file
        self._background = background
        self.stage = Stage.WELCOME
        self.code = ""
        self.person: Participant | None = None
        self.place: Place | None = None
        self.busy = False
        """Whether an answer is on its way to the disk: no other is taken."""

    def begin(self) -> None:
        """A new participant: a code is drawn."""
        self._do(self.file.new_code, self._about)

    def go_on(self, code: str) -> None:
        """Somebody who has begun before."""

        def find() -> tuple[Participant, tuple[Given, ...]] | None:
            person = self.file.participant(code.strip())
            return None if person is None else (person, self.file.answers(person.code))

        self._do(find, lambda found: self._found(found) if found else self.unknown.emit(code.strip()))

    def enrol(self, screen: str, familiarity: str) -> None:
        """The answers to the questions before the study."""
        code = self.code
        self._do(lambda: (self.file.enrol(code, screen, familiarity), ()), self._found)

    def tell(self, *, right: bool) -> None:
        """The answer to the first question."""
        code, section = self.code, self._section()

        def store() -> tuple[Given, ...]:
            self.file.tell(code, section, right=right)
            return self.file.answers(code)

        self._do(store, self._next)

    def choose(self, chosen: tuple[str, ...], other: str) -> None:
        """The answer to the second question."""
        code, section = self.code, self._section()

        def store() -> tuple[Given, ...]:
            self.file.choose(code, section, chosen, other)
            return self.file.answers(code)

        self._do(store, self._next)

    def leave(self) -> None:
        """Back to the beginning; all that was answered is on the disk, so nothing is lost."""
        if not self.busy:
            self.person = self.place = None
            self._show(Stage.WELCOME)

    def _section(self) -> str:
        if self.place is None:
            raise RuntimeError("there is no open question")
        return self.place.section.id

    def _about(self, code: str) -> None:
        self.code = code
        self._show(Stage.ABOUT)

    def _found(self, found: tuple[Participant, tuple[Given, ...]]) -> None:
        self.person, given = found
        self.code = self.person.code
        self._next(given)

    def _next(self, given: tuple[Given, ...]) -> None:
        if self.person is None:
            return
        self.place = place_of(self.file, self.person, given)
        if self.place is None:
            self._show(Stage.THANKS)
        else:
            self._show(Stage.PAIR if self.place.right is None else Stage.CHOICE)

    def _show(self, stage: Stage) -> None:
        self.stage = stage
        self.changed.emit()

    def _do(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        if self.busy:
            return
        self.busy = True
        task = self._background.store(lambda _cancel, _progress: work())

        def done(result: Any) -> None:
            self.busy = False
            then(result)

        def failed(error: object) -> None:
            self.busy = False
            self.failed.emit(error)

        task.succeeded.connect(done)
        task.failed.connect(failed)
