"""How verdicts are told: sign, word and number, so that colour is never the only sign. No widget here."""

from __future__ import annotations

import math

from engine.results import Verification, WitnessPoint
from gui.specifications.answers import Answers, FaceAnswer

SIGNS = {"satisfied": "✓", "violated": "✗", "not applicable": "–", "undecided": "?", "not checked": "!"}
MEANINGS = {
    "satisfied": "The formula holds for the scores of this face.",
    "violated": "The formula does not hold for the scores of this face.",
    "not applicable": "It holds because of the predicted class alone, and says nothing of this face.",
    "undecided": "The robustness is exactly 0: neither the formula nor its negation is satisfied.",
}
VACUOUS = "No value of the video takes part: it says nothing of this face."


def verdict_of(answer: FaceAnswer) -> str:
    """One of SIGNS."""
    found = answer.verification
    if found is None:
        return "not checked"
    return "undecided" if found.undecided else found.verdict


def value_text(value: float) -> str:
    """A robustness with its sign: +0.071, −0.5, 0, +∞."""
    if math.isinf(value):
        text = f"{'+' if value > 0 else '-'}∞"
    elif value == 0:
        text = "0"
    else:
        text = f"{value:+.3f}" if abs(value) >= 0.0005 else f"{value:+.1e}"
    return text.replace("-", "−")


def verdict_text(answer: FaceAnswer) -> str:
    """The verdict in a few words."""
    found = answer.verification
    return "satisfied, vacuously" if found is not None and found.vacuous else verdict_of(answer)


def margin_text(answer: FaceAnswer) -> str:
    """How much the verdict bears; empty where that says nothing."""
    found = answer.verification
    if found is None or not math.isfinite(found.robustness) or found.robustness == 0:
        return ""
    margin = abs(found.robustness)
    return (
        f"The verdict stays while every value that is compared with a number is off by less than {margin:.3g}, "
        f"and by less than {margin / 2:.3g} where two values are compared with each other"
    )


def row_text(answer: FaceAnswer) -> str:
    """A line of the list: "✓ Face 1: satisfied, robustness +0.071"."""
    found = answer.verification
    value = (
        ""
        if found is None or found.verdict == "not applicable"
        else f", robustness {value_text(found.robustness)}"
    )
    return f"{SIGNS[verdict_of(answer)]} {answer.name}: {verdict_text(answer)}{value}"


def meaning_text(answer: FaceAnswer) -> str:
    """What the verdict means, with what it rests on."""
    found = answer.verification
    if found is None:
        return answer.problem
    parts = [VACUOUS if found.vacuous else MEANINGS[verdict_of(answer)]]
    scores = f"{answer.steps} score{'s' * (answer.steps != 1)}"
    gaps = f" with {answer.gaps} gap{'s' * (answer.gaps != 1)}" if answer.gaps else ""
    for_class = f", checked for {found.own_class}" if found.own_class else ""
    parts.append(f"{scores}{gaps}; predicted to be {found.predicted}{for_class}.")
    return " ".join(parts)


def point_name(point: WitnessPoint) -> str:
    """What a point of the witness stands for in the formula."""
    return ", ".join(point.names) if point.names else "here"


def times_of(found: Verification) -> tuple[WitnessPoint, ...]:
    """The points of a witness that are frames, the one that counts first, each frame once."""
    if found.witness is None:
        return ()
    times = [point for point in found.witness.points if point.frame is not None]
    if not times:
        return (WitnessPoint((), found.witness.step, found.witness.frame, None),)
    return tuple(
        {point.frame: point for point in reversed(times)}[frame] for frame in dict.fromkeys(p.frame for p in times)
    )


def without_prototypes(detector: str) -> str:
    """Why a specification of prototypes says nothing under a detector."""
    return (
        f"{detector} has no prototypes, and this specification speaks of them: choose a detector that has some "
        "(DPNet), or another specification."
    )


def standing_text(answers: Answers, *, running: bool) -> str:
    """What limits the answers as a whole; empty when nothing does."""
    if answers.provisional:
        return "Provisional: the analysis goes on." if running else "Provisional: the analysis was not finished."
    return "Of the analysed part of the video alone." if answers.partial else ""
