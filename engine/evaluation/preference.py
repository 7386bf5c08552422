"""The preference study of P002, section 4.2: the statistics of its answers.

In every section of the survey a person first says which of two videos is the forged one, and then picks zero or
more of the explanations shown for the forged one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from scipy.stats import binomtest

from engine.errors import DataError

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
