"""What the window knows of a specification and of its answers; made on worker threads, frozen. No widget here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.results import IntArray, Prototype, Scores, Verification

if TYPE_CHECKING:
    from engine.temporal_logic.specification import Specification
    from engine.temporal_logic.trace import Values


@dataclass(frozen=True, slots=True)
class Entry:
    """A specification that can be chosen.

    Attributes:
        id: `shipped/NAME` or `own/NAME`.
        title: what it is called; the name where its text is wrong.
        text: all of the file.
        problem: why it cannot be checked as it is, empty if it can.
    """

    id: str
    name: str
    title: str
    path: Path
    text: str
    problem: str = ""

    @property
    def own(self) -> bool:
        return self.id.startswith("own/")


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the text with something to say about it.

    Attributes:
        line, column: from 1.
        length: letters, at least 1.
        reason: what is wrong, and what was expected.
        wrong: whether it stands in the way; else it may be meant.
    """

    line: int
    column: int
    length: int
    reason: str
    wrong: bool = True


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text turned out to be: a specification, or what is wrong with it (`fault`, and `pointed` to)."""

    text: str
    specification: Specification | None
    fault: Place | None = None
    pointed: str = ""


@dataclass(frozen=True, slots=True)
class Face:
    """One face to check a specification on: the parts of its scores in the order in which they came.

    Attributes:
        prototypes: of the detector, none for most.
    """

    track_id: int
    name: str
    parts: tuple[Scores, ...]
    prototypes: tuple[Prototype, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FaceAnswer:
    """What a specification says of one face.

    Attributes:
        problem: why it could not be checked; then there is no verification and no curve.
        steps, gaps: scores that were looked at, and places where some are missing between two of them.
        spans: (T, 2) int64 first and last frame that each step stands for; gaps stay free.
        curve: (T,) float64 the robustness at each step, infinite where no value takes part.
        series: names that formulas may use.
    """

    track_id: int
    name: str
    verification: Verification | None
    problem: str
    steps: int
    gaps: int
    spans: IntArray
    curve: Values
    series: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a specification says of all faces.

    Attributes:
        title: of the specification.
        provisional: whether scores were still to come.
        partial: whether, although none are to come, only a part of the video was analysed.
        unknown: places that speak of series which no face has.
        seconds: what it took.
    """

    title: str
    faces: tuple[FaceAnswer, ...]
    provisional: bool
    partial: bool
    unknown: tuple[Place, ...]
    seconds: float

    def of(self, track_id: int | None) -> FaceAnswer | None:
        """The answer for a face; for one that is not there, the first."""
        first = self.faces[0] if self.faces else None
        return next((face for face in self.faces if face.track_id == track_id), first)
