"""The file of a study: what it asks, who takes part, and each answer the moment it is given.

Of a participant it holds a code, the part, the two facts that P002 asks for, and the orders; no name, no time. The
clips lie beside it in the folder NAME.clips.
"""

import json
import secrets
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from engine.errors import StudyError
from engine.evaluation.study import database
from engine.evaluation.study.definition import Clip, Definition, as_data, from_text
from engine.evaluation.study.plan import Step, assigned, drawn_plan
from engine.progress import CancelToken, ProgressCallback
from engine.video.hashing import hash_files

SCREENS = ("large", "small")
FAMILIARITY = ("yes", "heard of it", "no")
"""The answers of P002's table 3."""
LONGEST_CODE, LONGEST_TEXT = 24, 500
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without those that are read as another


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who takes part, and in which order they are asked."""

    code: str
    part: int
    screen: str
    familiarity: str
    plan: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """The answer to one section as far as it was given.

    Attributes:
        right: whether the forged video was told from the real one.
        chosen: the explainers picked; None while the second question is open.
        other: what the person wrote, mostly nothing.
    """

    participant: str
    section: str
    right: bool
    chosen: tuple[str, ...] | None
    other: str = ""


class StudyFile:
    """One study on the disk. Any thread may call any method: each opens the file for itself and waits for it.

    All methods raise StudyError if the file cannot be read or written any more.

    Attributes:
        path: of the file.
        definition: what is asked.
    """

    def __init__(self, path: Path, definition: Definition) -> None:
        self.path, self.definition = path, definition

    @classmethod
    def create(cls, path: Path, definition: Definition) -> Self:
        """Write a new study without participants.

        Raises:
            StudyError: there is a file already (it may hold answers), or it cannot be written.
        """
        if path.exists():
            raise StudyError("There is a file already", advice="Choose another name", file=path)
        database.create(path, json.dumps(as_data(definition), ensure_ascii=False))
        return cls(path, definition)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a study that is there.

        Raises:
            StudyError: it is missing, no study, of a newer version, or its definition is broken.
        """
        with database.reading(path) as base:
            (text,) = base.execute("SELECT text FROM definition").fetchone() or ("",)
        try:
            return cls(path, from_text(str(text)))
        except StudyError as error:
            raise StudyError(error.message, advice=error.advice, file=path) from error

    @property
    def clips(self) -> Path:
        """The folder beside the file in which the clips lie."""
        return clips_folder(self.path)

    def check_clips(self, cancel: CancelToken | None = None, progress: ProgressCallback | None = None) -> None:
        """Raise StudyError unless every clip is there with the bytes it had when the study was made.

        Raises:
            CancelledError: cancelled.
        """
        clips: list[Clip] = list(dict.fromkeys(c for s in self.definition.sections for c in s.clips))
        paths = [self.clips / clip.file for clip in clips]
        for path in paths:
            if not path.is_file():
                raise StudyError(
                    "This clip of the study is missing",
                    advice=f"Bring the folder {self.clips.name} to its place beside {self.path.name}",
                    file=path,
                )
        total = sum(path.stat().st_size for path in paths)
        found = hash_files(paths, total, cancel=cancel, progress=progress)
        for clip, path, digest in zip(clips, paths, found, strict=True):
            if digest != clip.sha256:
                raise StudyError(
                    "This clip is not the one with which the study was made",
                    advice="Bring the clip back; answers to another one cannot be counted together",
                    file=path,
                )

    def new_code(self) -> str:
        """A code that nobody has in this file, such as K7M-2QX."""
        taken = {each.code for each in self.participants()}
        while True:
            drawn = "".join(secrets.choice(_LETTERS) for _ in range(6))
            if (code := f"{drawn[:3]}-{drawn[3:]}") not in taken:
                return code

    def enrol(self, code: str, screen: str, familiarity: str) -> Participant:
        """Begin with a new participant: the part is chosen, the orders are drawn, all is stored.

        Raises:
            StudyError: the code is taken, or is none.
        """
        require_code(code)
        if screen not in SCREENS or familiarity not in FAMILIARITY:
            raise ValueError(f"{screen} or {familiarity} is no answer to the questions before the study")
        with database.writing(self.path) as base:
            taken = dict(base.execute("SELECT part, count(*) FROM participants GROUP BY part").fetchall())
            part = assigned(self.definition, code, taken)
            made = Participant(code, part, screen, familiarity, drawn_plan(self.definition, code, part))
            plan = json.dumps([asdict(step) for step in made.plan])
            try:
                base.execute(
                    "INSERT INTO participants (code, part, screen, familiarity, plan) VALUES (?, ?, ?, ?, ?)",
                    (code, part, screen, familiarity, plan),
                )
            except sqlite3.IntegrityError as error:
                raise StudyError(
                    f"The code {code} is taken", advice="Take another code", file=self.path
                ) from error
        return made

    def participants(self) -> tuple[Participant, ...]:
        """All, in the order in which they began."""
        with database.reading(self.path) as base:
            rows = base.execute("SELECT code, part, screen, familiarity, plan FROM participants ORDER BY number")
            return tuple(self._participant(*row) for row in rows)

    def participant(self, code: str) -> Participant | None:
        """The one with a code; upper and lower case are the same."""
        wanted = code.casefold()
        return next((each for each in self.participants() if each.code.casefold() == wanted), None)

    def tell(self, code: str, section: str, *, right: bool) -> None:
        """Store the answer to the first question of a section.

        Raises:
            StudyError: it was answered already.
        """
        with database.writing(self.path) as base:
            try:
                done = base.execute(
                    "INSERT INTO answers (participant, section, told_fake) "
                    "SELECT number, ?, ? FROM participants WHERE code = ?",
                    (section, int(right), code),
                )
            except sqlite3.IntegrityError as error:
                raise self._answered(code, section) from error
            if done.rowcount != 1:
                raise StudyError(f"Nobody has the code {code}", advice="Begin anew", file=self.path)

    def choose(self, code: str, section: str, chosen: tuple[str, ...], other: str = "") -> None:
        """Store the answer to the second question of a section.

        Raises:
            StudyError: it was answered already, or the first one was not.
            ValueError: something was chosen that is not shown.
        """
        if not set(chosen) <= set(self.definition.explainers):
            raise ValueError(f"{chosen} holds something that is not shown")
        with database.writing(self.path) as base:
            done = base.execute(
                "UPDATE answers SET chosen = ?, other = ? WHERE section = ? AND chosen IS NULL "
                "AND participant = (SELECT number FROM participants WHERE code = ?)",
                (json.dumps(sorted(chosen)), other.strip()[:LONGEST_TEXT], section, code),
            )
            if done.rowcount != 1:
                raise self._answered(code, section)

    def withdraw(self, code: str) -> None:
        """Take a participant and all their answers out of the file, for good.

        Raises:
            StudyError: nobody has the code.
        """
        with database.writing(self.path) as base:
            base.execute(
                "DELETE FROM answers WHERE participant = (SELECT number FROM participants WHERE code = ?)", (code,)
            )
            if base.execute("DELETE FROM participants WHERE code = ?", (code,)).rowcount != 1:
                raise StudyError(f"Nobody has the code {code}", advice="Look for it in the report", file=self.path)

    def answers(self, code: str | None = None) -> tuple[Given, ...]:
        """What was given so far, by one participant or by all."""
        with database.reading(self.path) as base:
            rows = base.execute(
                "SELECT code, section, told_fake, chosen, other FROM answers "
                "JOIN participants ON number = participant WHERE ? IS NULL OR code = ? ORDER BY number, section",
                (code, code),
            )
            return tuple(self._given(*row) for row in rows)

    def _participant(self, code: str, part: int, screen: str, familiarity: str, plan: str) -> Participant:
        try:
            steps = tuple(Step(s["section"], s["fake_first"], tuple(s["explanations"])) for s in json.loads(plan))
        except (ValueError, KeyError, TypeError) as error:
            raise self._broken(f"the plan of {code}") from error
        asked = {section.id for section in self.definition.sections if section.part == part}
        shown = sorted(self.definition.explainers)
        sound = len(steps) == len(asked) and {s.section for s in steps} == asked
        if not sound or any(sorted(s.explanations) != shown for s in steps) or screen not in SCREENS:
            raise self._broken(f"the plan of {code}")
        return Participant(code, part, screen, familiarity, steps)

    def _given(self, code: str, section: str, told: int, chosen: str | None, other: str | None) -> Given:
        try:
            picked = None if chosen is None else tuple(str(each) for each in json.loads(chosen))
        except (ValueError, TypeError) as error:
            raise self._broken(f"an answer of {code}") from error
        known = section in {each.id for each in self.definition.sections}
        if not known or not set(picked or ()) <= set(self.definition.explainers):
            raise self._broken(f"an answer of {code}")
        return Given(code, section, bool(told), picked, other or "")

    def _broken(self, what: str) -> StudyError:
        return StudyError(f"By other hands, {what} makes no sense", advice="Bring back a copy", file=self.path)

    def _answered(self, code: str, section: str) -> StudyError:
        return StudyError(
            f"{section} has been answered by {code} in another window, or was not begun",
            advice="Go on with the code to see what is left",
            file=self.path,
        )


def clips_folder(path: Path) -> Path:
    """Where the clips of a study file lie."""
    return path.with_suffix(".clips")


def require_code(code: str) -> None:
    """Raise StudyError unless this can be a participant's code: letters, digits and hyphens, nothing personal."""
    plain = all(c.isascii() and (c.isalnum() or c == "-") for c in code)
    if not 3 <= len(code) <= LONGEST_CODE or not plain:
        raise StudyError(
            f"{code or 'Nothing'} is no code for a participant",
            advice=f"Take 3 to {LONGEST_CODE} letters, digits and hyphens, and no name",
        )
