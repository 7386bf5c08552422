"""The orders of a study, all drawn from its seed: which part a participant gets, and in which order what is shown.

Python's own generator is used, seeded with a text: its draws are the same on every machine and version. What was
drawn is stored with the participant all the same.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.evaluation.study.definition import Definition, Section

PART = 10
"""Sections that one person is asked at most, unless the study says otherwise (P002: two halves of ten)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One section as one participant meets it.

    Attributes:
        section: its id.
        fake_first: whether the forged video is the first of the two.
        explanations: explainers in the order in which their clips are shown.
    """

    section: str
    fake_first: bool
    explanations: tuple[str, ...]


def divided(sections: Sequence[str], seed: int, parts: int | None = None) -> dict[str, int]:
    """Section -> part, drawn; sizes of parts differ by one at most. Without a number, as few as PART allows."""
    count = parts if parts is not None else math.ceil(len(sections) / PART)
    drawn = list(sections)
    random.Random(f"{seed}/parts").shuffle(drawn)
    return {section: at % count for at, section in enumerate(drawn)}


def assigned(definition: Definition, code: str, taken: Mapping[int, int]) -> int:
    """The part of a new participant: the one that fewest have, drawn where there are several.

    Args:
        taken: part -> participants that have it; a part without any may be missing.
    """
    fewest = min(taken.get(part, 0) for part in range(definition.parts))
    open_parts = [part for part in range(definition.parts) if taken.get(part, 0) == fewest]
    return random.Random(f"{definition.seed}/{code}/part").choice(open_parts)


def drawn_plan(definition: Definition, code: str, part: int) -> tuple[Step, ...]:
    """The sections of a part in a participant's own order, each with its sides and its explanations shuffled."""
    rng = random.Random(f"{definition.seed}/{code}/plan")
    sections = list(definition.part(part))
    rng.shuffle(sections)
    return tuple(_step(section, definition.explainers, rng) for section in sections)


def _step(section: Section, explainers: Sequence[str], rng: random.Random) -> Step:
    fake_first = rng.random() < 0.5
    order = list(explainers)
    rng.shuffle(order)
    return Step(section.id, fake_first, tuple(order))
