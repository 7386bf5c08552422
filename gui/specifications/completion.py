"""What can be completed in a specification, and what the words mean. No widget here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_OPERATORS = (
    ("always", "□", "at every step from now on"),
    ("eventually", "◇", "at some step from now on"),
    ("historically", "□⁻", "at every step up to now"),
    ("once", "◇⁻", "at some step up to now"),
    ("until", "", "a until b: a holds until b does"),
    ("since", "", "a since b: a has held since b did"),
    ("and", "∧", "both"),
    ("or", "∨", "at least one"),
    ("not", "¬", "not"),
    ("implies", "→", "if a, then b"),
    ("forall", "∀", "for every prototype"),
    ("exists", "∃", "for some prototype"),
    ("true", "⊤", "always true"),
    ("false", "⊥", "never true"),
    ("Class", "", "the predicted class: Class = fake"),
    ("frame", "", "frame(t): the number of the frame at the time t"),
    ("stride", "", "frames from one step to the next"),
    ("parameter", "", 'parameter NAME = 0.5 from 0 to 1 "text"'),
    ("title", "", 'title "one line"'),
    ("about", "", 'about "what it asks for"'),
)
_SETS = (
    ("P_F", "the prototypes of the class fake"),
    ("P_R", "the prototypes of the class real"),
    ("P_own", "those of the class that is checked"),
    ("P_other", "those of the other class"),
)
SERIES = ("probability", "logit")
"""What every detector gives."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_'′]*$")


@dataclass(frozen=True, slots=True)
class Completion:
    """`word` is what is typed, `inserted` what takes its place."""

    word: str
    inserted: str
    meaning: str


def completions(
    series: Iterable[str], parameters: Iterable[str], sets: Iterable[str] = ()
) -> tuple[Completion, ...]:
    """All of them: what the video and the specification name, then the words of the language and their signs."""
    found = [Completion(name, name, "a series of the detector") for name in dict.fromkeys((*series, *SERIES))]
    found += [Completion(name, name, "a parameter") for name in parameters]
    found += [Completion(name, name, meaning) for name, meaning in _SETS]
    found += [Completion(f"P_{name}", f"P_{name}", "a set of prototypes") for name in sets]
    for word, sign, meaning in _OPERATORS:
        found.append(Completion(word, word, meaning))
        if sign:
            found.append(Completion(word, sign, meaning))
    return tuple(found)


def word_before(line: str) -> str:
    """The beginning of a name at the end of a piece of a line; empty inside of a text or a remark."""
    if line.count('"') % 2 or "#" in line:
        return ""
    found = _WORD.search(line)
    return found.group() if found else ""
