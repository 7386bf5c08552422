"""Parsing and checking of specifications. Worker threads only: the parser is imported and made there."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import DataError, SpecificationError, UsageError
from engine.progress import CancelToken, Progress, ProgressCallback
from engine.results import IntArray, Scores, frozen
from gui.specifications.answers import Answers, Face, FaceAnswer, Parsed, Place

if TYPE_CHECKING:
    from engine.temporal_logic.specification import Specification
    from engine.temporal_logic.trace import Trace

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_'′]*|\d[\d.]*|\S")
_NOTHING = frozen(np.empty(0, np.float64))


def parsed(text: str, name: str) -> Parsed:
    """Read a text as a specification."""
    from engine.temporal_logic.faults import FormulaError
    from engine.temporal_logic.specification import parse_specification

    try:
        return Parsed(text, parse_specification(text, name))
    except FormulaError as error:
        pointed = error.pointed()
        reason = pointed.splitlines()[-1]
        place = place_of(error.excerpt, error.line, error.column, reason)
        return Parsed(text, None, place, pointed)


def place_of(excerpt: str, line: int, column: int, reason: str, *, wrong: bool = True) -> Place:
    """The word at a place of a line; before its end the last word, so that there is something to underline."""
    at = column - 1
    found = _WORD.match(excerpt, at)
    if found is None:
        before = [word for word in _WORD.finditer(excerpt) if word.start() < at]
        if not before:
            return Place(line, column, 1, reason, wrong)
        found = before[-1]
    return Place(line, found.start() + 1, found.end() - found.start(), reason, wrong)


def joined_scores(face: Face) -> Scores:
    """All parts of a face's scores as one, by span; of equal spans the last that came."""
    parts = face.parts
    spans = np.concatenate([part.spans for part in parts])
    order = np.lexsort((spans[:, 1], spans[:, 0]))  # stable: of equal spans the new one comes last
    newest = np.ones(len(order), np.bool_)
    newest[:-1] = (spans[order][1:] != spans[order][:-1]).any(axis=1)
    at = order[newest]
    names = [name for name in parts[0].activations if all(name in part.activations for part in parts)]
    return dataclasses.replace(
        parts[0],
        track_id=face.track_id,
        spans=frozen(spans[at]),
        fake_probability=frozen(np.concatenate([part.fake_probability for part in parts])[at]),
        logits=frozen(np.concatenate([part.logits for part in parts])[at]),
        activations=MappingProxyType(
            {name: frozen(np.concatenate([part.activations[name] for part in parts])[at]) for name in names}
        ),
    )


def step_spans(trace: Trace, spans: IntArray) -> IntArray:
    """(T, 2) the frames that each step stands for: up to the next step, where none is missing between them."""
    starts = trace.frames
    ends = spans[:, 1].copy()
    if len(starts) > 1:
        near = np.diff(starts) == trace.stride
        ends[:-1] = np.where(near, starts[1:] - 1, np.minimum(ends[:-1], starts[1:] - 1))
    return frozen(np.column_stack((starts, ends)).astype(np.int64))


def check_faces(
    specification: Specification,
    faces: Sequence[Face],
    *,
    own: str | None,
    settings: Mapping[str, float],
    provisional: bool,
    partial: bool,
    cancel: CancelToken,
    report: ProgressCallback,
) -> Answers:
    """Check a specification on every face; what is wrong with one of them stands in its answer.

    Args:
        own: the class for which it is checked, None for the predicted one.

    Raises:
        CancelledError: cancelled.
    """
    began = time.perf_counter()
    answers = []
    for number, face in enumerate(faces):
        label = f"Checking {face.name}" if len(faces) > 1 else "Checking"
        report(Progress(label, number, len(faces), "faces"))
        answers.append(_answer(specification, face, own, settings, cancel))
    known = {name for answer in answers for name in answer.series}
    unknown = unknown_series(specification, known) if known else ()
    seconds = time.perf_counter() - began
    return Answers(specification.title, tuple(answers), provisional, partial, unknown, seconds)


def _answer(
    specification: Specification,
    face: Face,
    own: str | None,
    settings: Mapping[str, float],
    cancel: CancelToken,
) -> FaceAnswer:
    from engine.temporal_logic.lowering import Instance
    from engine.temporal_logic.robustness import Robustness
    from engine.temporal_logic.sources import trace_of_scores
    from engine.temporal_logic.verification import verify

    cancel.check()
    trace = None
    try:
        scores = joined_scores(face)
        trace = trace_of_scores(face.name, scores, face.prototypes)
        found = verify(specification, trace, own=own, settings=settings, cancel=cancel)
        instance = Instance(trace, own or trace.predicted, specification.settings(settings))
        curve = Robustness(specification.formula, instance, cancel=cancel).curve()
    except (SpecificationError, DataError, UsageError) as error:
        steps, gaps, series = (0, 0, ()) if trace is None else (len(trace), trace.gaps, tuple(trace.series))
        nothing = frozen(np.empty((0, 2), np.int64))
        return FaceAnswer(face.track_id, face.name, None, str(error), steps, gaps, nothing, _NOTHING, series)
    spans = step_spans(trace, scores.spans)
    series, curve = tuple(trace.series), frozen(np.array(curve))
    return FaceAnswer(face.track_id, face.name, found, "", len(trace), trace.gaps, spans, curve, series)


def unknown_series(specification: Specification, known: set[str]) -> tuple[Place, ...]:
    """Where a formula names a series that there is not."""
    from engine.temporal_logic import syntax as s

    found = []
    lines = specification.source.split("\n")
    for part in s.walk(specification.formula):
        if isinstance(part, s.Series) and part.name not in known and part.place >= 0:
            before = specification.source[: part.place]
            line = before.count("\n") + 1
            reason = f"no face has a series {part.name}; there are {', '.join(sorted(known))}"
            column = part.place - (before.rfind("\n") + 1) + 1
            found.append(place_of(lines[line - 1], line, column, reason, wrong=False))
    return tuple(found)
