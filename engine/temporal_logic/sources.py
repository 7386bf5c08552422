"""Traces from what detectors say, and from files."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import DataError
from engine.results import SIMILARITY, Prototype, Scores
from engine.temporal_logic.syntax import CLASSES
from engine.temporal_logic.trace import Trace, make_trace

THRESHOLD = 0.5
"""From this mean fake probability on a face is predicted to be fake."""


def trace_of_scores(name: str, scores: Scores, prototypes: Sequence[Prototype] = ()) -> Trace:
    """The trace of one face under one detector: a step for every span, named by its first frame.

    Its series are `probability` (of fake), `logit`, and the detector's own: `attention` for an activation of one
    column, `attention_0`, `attention_1` and so on for several. Letters that names cannot hold become `_`.

    Args:
        prototypes: of the detector; their similarities then are S(t, p), and their classes the sets. Those that
            had no say in the scores are left out: formulas do not see them either.

    Raises:
        DataError: there is no span, a number is not finite, or the prototypes are not those of the scores.
    """
    similarity: dict[str, Any] = {}
    named = bool(prototypes) and SIMILARITY in scores.activations
    if named:
        columns = scores.activations[SIMILARITY].T
        if len(columns) != len(prototypes):
            raise DataError(
                f"{name} was compared with {len(columns)} prototypes, the detector has {len(prototypes)}",
                advice="Analyse the video again",
            )
        heard = zip(prototypes, columns, strict=True)
        similarity = {each.name: column for each, column in heard if each.name not in scores.excluded}
    series: dict[str, Any] = {"probability": scores.fake_probability, "logit": scores.logits}
    for key, values in scores.activations.items():
        if named and key == SIMILARITY:
            continue
        word = re.sub(r"\W|^(?=\d)", "_", key, flags=re.ASCII)
        columns = values.reshape(len(values), -1).T
        series |= {word if len(columns) == 1 else f"{word}_{k}": column for k, column in enumerate(columns)}
    predicted = CLASSES[0] if scores.track_probability >= THRESHOLD else CLASSES[1]
    sets = {label: [p.name for p in prototypes if p.label == label and p.name in similarity] for label in CLASSES}
    return make_trace(
        name,
        scores.spans[:, 0],
        predicted,
        series,
        similarity,
        sets if similarity else None,
        ends=scores.spans[:, 1],
    )


@dataclass(frozen=True, slots=True)
class LabelledTrace:
    """A trace and the class that it truly is, None if unknown."""

    trace: Trace
    label: str | None


def read_series(path: Path) -> LabelledTrace:
    """The trace in a JSON file.

    It holds `predicted` ("fake" or "real"), `prototypes` (names by set; `fake` and `real` are classes),
    `similarity` and `series` (numbers by name), all of one length, and may hold `frames` (a number for each step,
    else 0, 1, ...) and `label`. Nothing is asked for but one series or similarity.

    Raises:
        DataError: it cannot be read, or makes no sense.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"The series cannot be read ({reason})", advice="Check the name", file=path) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"This is no JSON ({error})", advice="Choose another file", file=path) from error
    try:
        return _trace_of(data, path.name)
    except DataError as error:
        raise DataError(error.message, advice=error.advice, file=path) from error


def _trace_of(data: object, name: str) -> LabelledTrace:
    if not isinstance(data, dict):
        raise DataError("This is no object", advice="See docs/temporal-logic.md for the keys")
    similarity = {key: _numbers(key, values) for key, values in _table(data, "similarity").items()}
    series = {key: _numbers(key, values) for key, values in _table(data, "series").items()}
    curves = [*similarity.values(), *series.values()]
    if not curves:
        raise DataError("There is no series in it", advice="Give similarity or series")
    frames = _numbers("frames", data["frames"]) if "frames" in data else range(len(curves[0]))
    if any(frame != int(frame) for frame in frames):
        raise DataError("A frame is no whole number", advice="Give whole numbers, or leave frames out")
    prototypes = {key: _names(key, members) for key, members in _table(data, "prototypes").items()}
    for key in ("predicted", "label"):
        if data.get(key) not in (None, *CLASSES):
            raise DataError(f"{key} is {data[key]!r}", advice=f"Use one of {', '.join(CLASSES)}")
    trace = make_trace(name, [int(f) for f in frames], data.get("predicted"), series, similarity, prototypes)
    return LabelledTrace(trace, data.get("label"))


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key, {})
    if not isinstance(found, dict):
        raise DataError(f"{key} is no object", advice="See docs/temporal-logic.md for the keys")
    return found


def _numbers(key: str, values: object) -> Sequence[float]:
    if not isinstance(values, list) or any(type(value) not in (int, float) for value in values):
        raise DataError(f"{key} is no list of numbers", advice="Give a number for every step")
    return values


def _names(key: str, members: object) -> Sequence[str]:
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        raise DataError(f"The set {key} is no list of names", advice="Give the names of its prototypes")
    return members
