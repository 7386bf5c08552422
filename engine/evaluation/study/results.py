"""What the answers of a study come to: all files of one study together, every share with its intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import StudyError
from engine.evaluation.detection import clopper_pearson
from engine.evaluation.preference import Answer, Findings, Study, findings
from engine.evaluation.study.definition import Definition
from engine.evaluation.study.study_file import FAMILIARITY, SCREENS, Given, Participant, StudyFile

DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Share:
    """A share of answers.

    Attributes:
        hits, of: its two counts.
        exact: 95 % interval of Clopper and Pearson, which takes answers for independent of each other.
        over_people: 95 % percentile interval of a bootstrap that draws participants with all their answers.
    """

    hits: int
    of: int
    exact: tuple[float, float]
    over_people: tuple[float, float]

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else float("nan")


@dataclass(frozen=True, slots=True)
class SectionResult:
    """The answers to one section (P002, figure 12).

    Attributes:
        answers: complete ones.
        accuracy: of telling the forged video.
        votes: explainer -> answers that picked it.
        none, other: answers that picked no explainer, and that say something of their own.
    """

    id: str
    answers: int
    accuracy: Share
    votes: Mapping[str, int]
    none: int
    other: int


@dataclass(frozen=True, slots=True)
class Results:
    """All that a report tells.

    Attributes:
        definition: of the study.
        participants: how many began, and how many of them answered all.
        parts: participants of each part.
        screens, familiarity: participants by their answers to the questions beforehand.
        half_answered: sections of which only the first question was answered; they are left out.
        findings: of all complete answers, by P002's rules.
        accuracy: of telling the forged video.
        shares: explainer -> share of the answers that picked it.
        sections: in the order of the study, those without an answer, too.
        words: section -> what was written under “other”.
    """

    definition: Definition
    participants: int
    finished: int
    parts: tuple[int, ...]
    screens: Mapping[str, int]
    familiarity: Mapping[str, int]
    half_answered: int
    findings: Findings
    accuracy: Share
    shares: Mapping[str, Share]
    sections: tuple[SectionResult, ...]
    words: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Collected:
    """Participants and answers of one study from one file or several."""

    definition: Definition
    participants: tuple[Participant, ...]
    answers: tuple[Given, ...]


def collect(files: Sequence[StudyFile]) -> Collected:
    """All that was answered, each answer once, however many copies of a file are among them.

    Raises:
        StudyError: they are not files of one study, or hold different answers under one code.
    """
    definition = files[0].definition
    participants: dict[str, Participant] = {}
    answers: dict[tuple[str, str], Given] = {}
    for file in files:
        if file.definition.sha256 != definition.sha256:
            raise StudyError(
                f"This is another study than {files[0].path.name}",
                advice="Give only files that are copies of one study",
                file=file.path,
            )
        for person in file.participants():
            if participants.setdefault(person.code, person) != person:
                raise _two_people(person.code, file.path)
        for given in file.answers():
            known = answers.setdefault((given.participant, given.section), given)
            if known != given:
                answers[given.participant, given.section] = _fuller(known, given, file.path)
    return Collected(definition, tuple(participants.values()), tuple(answers.values()))


def results_of(collected: Collected, *, draws: int = DRAWS) -> Results:
    """The results.

    Raises:
        DataError: no section was answered completely.
    """
    definition, people = collected.definition, collected.participants
    complete = [given for given in collected.answers if given.chosen is not None]
    answers = tuple(Answer(g.participant, g.section, g.right, g.chosen or (), g.other) for g in complete)
    found = findings(Study(definition.title, definition.explainers, answers))
    asked = {person.code: len(definition.part(person.part)) for person in people}
    done = {code: sum(each.participant == code for each in answers) for code in asked}
    drawn = _drawn(len(people), definition.seed, draws)
    at = {person.code: number for number, person in enumerate(people)}

    def share(those: Sequence[Answer], picked: Callable[[Answer], bool]) -> Share:
        return _share(those, picked, at, drawn)

    return Results(
        definition=definition,
        participants=len(people),
        finished=sum(done[code] == asked[code] for code in asked),
        parts=tuple(sum(person.part == part for person in people) for part in range(definition.parts)),
        screens={name: sum(person.screen == name for person in people) for name in SCREENS},
        familiarity={name: sum(person.familiarity == name for person in people) for name in FAMILIARITY},
        half_answered=len(collected.answers) - len(complete),
        findings=found,
        accuracy=share(answers, lambda each: bool(each.right)),
        shares={name: share(answers, _picks(name)) for name in definition.explainers},
        sections=tuple(_section(section.id, definition, answers, share) for section in definition.sections),
        words={
            section.id: words
            for section in definition.sections
            if (words := tuple(each.other for each in answers if each.section == section.id and each.other))
        },
    )


def _picks(name: str) -> Callable[[Answer], bool]:
    return lambda answer: name in answer.chosen


def _section(
    name: str,
    definition: Definition,
    answers: Sequence[Answer],
    share: Callable[[Sequence[Answer], Callable[[Answer], bool]], Share],
) -> SectionResult:
    those = [each for each in answers if each.section == name]
    return SectionResult(
        id=name,
        answers=len(those),
        accuracy=share(those, lambda each: bool(each.right)),
        votes={each: sum(each in answer.chosen for answer in those) for each in definition.explainers},
        none=sum(not answer.chosen for answer in those),
        other=sum(bool(answer.other) for answer in those),
    )


def _drawn(people: int, seed: int, draws: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """(draws, people) how often each participant is in each resample."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(people, np.full(people, 1 / people), size=draws).astype(np.int64)


def _share(
    answers: Sequence[Answer],
    picked: Callable[[Answer], bool],
    at: Mapping[str, int],
    drawn: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> Share:
    hits, of = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    for each in answers:
        of[at[each.participant]] += 1
        hits[at[each.participant]] += picked(each)
    total, count = int(hits.sum()), int(of.sum())
    over = (float("nan"), float("nan"))
    if np.count_nonzero(of) > 1:  # one person alone does not vary
        weights = drawn @ of
        low, high = np.percentile((drawn @ hits)[weights > 0] / weights[weights > 0], [2.5, 97.5])
        over = (float(low), float(high))
    return Share(total, count, clopper_pearson(total, count), over)


def _fuller(one: Given, other: Given, file: Path) -> Given:
    """Of two states of one answer the later one: somebody went on with a copy of the file."""
    open_one = one.chosen is None
    if one.right != other.right or open_one == (other.chosen is None):
        raise _two_people(one.participant, file)
    return other if open_one else one


def _two_people(code: str, file: Path) -> StudyError:
    return StudyError(
        f"The code {code} stands for other answers here than in another file",
        advice="Leave one of the two files out, or ask who had the code twice",
        file=file,
    )
