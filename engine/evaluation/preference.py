"""The preference study of P002, section 4.2: its file and its statistics.

In every section of the survey a person first says which of two videos is the forged one, and then picks zero or
more of the explanations shown for the forged one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from engine.errors import DataError

VERSION = 1
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """One person's answer to one section.

    Attributes:
        participant: a name or number that stands for the person.
        section: of the survey.
        right: whether the forged video was told from the real one; None if not asked.
        chosen: the explainers picked, none up to all.
        other: what the person wrote in their own words, mostly nothing.
    """

    participant: str
    section: str
    right: bool | None
    chosen: tuple[str, ...]
    other: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """All answers; `explainers` are those that every section showed."""

    title: str
    explainers: tuple[str, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class PairTest:
    """The sign test of two explainers.

    Attributes:
        first, second: their ids.
        only_first, only_second: answers that picked one of them and not the other; all others say nothing.
        p: exact, two-tailed, before any correction; 1 if nobody preferred one.
        significant: p is below 0.05 over the number of pairs (Bonferroni).
    """

    first: str
    second: str
    only_first: int
    only_second: int
    p: float
    significant: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """What the answers come to.

    Attributes:
        answers: how many.
        votes: explainer -> answers that picked it.
        shares: the same over the number of answers; they need not sum to 1.
        none: answers that picked no explainer.
        accuracy: share of right answers among those asked for the forged video; None if nobody was.
        pairs: each pair once.
        level: below which a pair's p is significant.
    """

    answers: int
    votes: Mapping[str, int]
    shares: Mapping[str, float]
    none: int
    accuracy: float | None
    pairs: tuple[PairTest, ...]
    level: float


def sign_test(wins: int, losses: int) -> float:
    """Exact two-tailed p of a fair coin (P002, table 4)."""
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def findings(study: Study) -> Findings:
    """The statistics of a study.

    Raises:
        DataError: there is no answer.
    """
    answers = study.answers
    if not answers:
        raise DataError("The study holds no answer", advice="Collect answers first")
    pairs = list(combinations(study.explainers, 2))
    level = LEVEL / max(1, len(pairs))
    tests = []
    for first, second in pairs:
        wins = sum(first in each.chosen and second not in each.chosen for each in answers)
        losses = sum(second in each.chosen and first not in each.chosen for each in answers)
        p = sign_test(wins, losses)
        tests.append(PairTest(first, second, wins, losses, p, p < level))
    votes = {name: sum(name in each.chosen for each in answers) for name in study.explainers}
    asked = [each.right for each in answers if each.right is not None]
    return Findings(
        answers=len(answers),
        votes=votes,
        shares={name: count / len(answers) for name, count in votes.items()},
        none=sum(not each.chosen for each in answers),
        accuracy=sum(asked) / len(asked) if asked else None,
        pairs=tuple(tests),
        level=level,
    )


def write_study(path: Path, study: Study) -> None:
    """Write a study, complete or not at all. Raises OSError."""
    text = json.dumps({"version": VERSION, **asdict(study)}, indent=1, ensure_ascii=False)
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)


def read_study(path: Path) -> Study:
    """Read a study.

    Raises:
        DataError: it cannot be read, or holds anything but what `write_study` writes; the message says what.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return _study(data)
    except (OSError, ValueError) as error:
        raise DataError(f"This is no study: {error}", advice="Choose a file of a study", file=path) from error


def _study(data: Any) -> Study:
    """Raises ValueError."""
    _keys(data, {"version", "title", "explainers", "answers"}, "the study")
    whole = isinstance(data["version"], int) and not isinstance(data["version"], bool)
    _require(whole and data["version"] == VERSION, f"version {data['version']!r} is not {VERSION}")
    explainers = _texts(data["explainers"], "explainers")
    _require(isinstance(data["answers"], list), "answers is no list")
    answers = tuple(_answer(each, explainers, number) for number, each in enumerate(data["answers"]))
    given = [(each.participant, each.section) for each in answers]
    _require(len(set(given)) == len(given), "a person answered a section twice")
    return Study(_text(data["title"], "title"), explainers, answers)


def _answer(data: Any, explainers: Sequence[str], number: int) -> Answer:
    where = f"answer {number}"
    _keys(data, {"participant", "section", "right", "chosen", "other"}, where)
    told = data["right"] is None or isinstance(data["right"], bool)
    _require(told, f"right of {where} is neither true, false nor null")
    chosen = _texts(data["chosen"], f"chosen of {where}")
    strange = [name for name in chosen if name not in explainers]
    _require(not strange, f"{where} chose {', '.join(strange)}, which was not shown")
    participant, section = (_text(data[key], f"{key} of {where}") for key in ("participant", "section"))
    return Answer(participant, section, data["right"], chosen, _text(data["other"], f"other of {where}"))


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _keys(data: Any, wanted: set[str], where: str) -> None:
    holds = isinstance(data, dict) and set(data) == wanted
    _require(holds, f"{where} does not hold exactly {', '.join(sorted(wanted))}")


def _text(value: Any, where: str) -> str:
    _require(isinstance(value, str), f"{where} is no text")
    return str(value)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    holds = isinstance(value, list) and all(isinstance(each, str) for each in value)
    _require(holds, f"{where} is no list of texts")
    _require(len(set(value)) == len(value), f"{where} names something twice")
    return tuple(value)
