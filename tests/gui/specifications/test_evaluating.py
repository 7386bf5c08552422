"""What the worker threads do: join the parts of scores, find places, and answer as the engine does."""

from types import MappingProxyType

import numpy as np
import pytest
from scenes import make_scores

from engine.progress import CancelToken
from engine.results import Scores, frozen
from engine.temporal_logic.sources import trace_of_scores
from engine.temporal_logic.specification import find_specification, parse_specification
from engine.temporal_logic.trace import make_trace
from engine.temporal_logic.verification import verify
from gui.specifications.answers import Answers, Face
from gui.specifications.evaluating import check_faces, joined_scores, parsed, step_spans


def parts_of(values: np.ndarray, *cuts: int, track: int = 0) -> tuple[Scores, ...]:
    frames = np.arange(len(values))
    pieces = np.split(frames, cuts)
    return tuple(make_scores(track, piece, values[piece]) for piece in pieces)


def check(text: str, *faces: Face, **changes: object) -> Answers:
    specification = parse_specification(text, "test")
    asked = {
        "own": None, "settings": {}, "provisional": False, "partial": False, "cancel": CancelToken(),
        "report": lambda _: None,
    }  # fmt: skip
    return check_faces(specification, faces, **(asked | changes))  # type: ignore[arg-type]


def test_parts_in_any_order_give_the_scores_of_the_whole() -> None:
    values = np.random.default_rng(5).random(60).astype(np.float32)
    parts = parts_of(values, 20, 40)
    whole = joined_scores(Face(3, "Face 4", (parts[2], parts[0], parts[1])))
    assert whole.track_id == 3
    assert whole.spans[:, 0].tolist() == list(range(60))
    assert whole.fake_probability.tolist() == values.tolist()
    assert whole.logits.tolist() == make_scores(0, np.arange(60), values).logits.tolist()


def test_of_a_span_that_came_twice_the_later_score_counts() -> None:
    early, late = make_scores(0, np.arange(10), np.full(10, 0.2)), make_scores(0, np.arange(4, 6), np.full(2, 0.9))
    whole = joined_scores(Face(0, "Face 1", (early, late)))
    assert [round(float(v), 3) for v in whole.fake_probability] == [0.2] * 4 + [0.9] * 2 + [0.2] * 4


def test_series_of_a_detector_come_along_for_formulas() -> None:
    def with_series(first: int) -> Scores:
        made = make_scores(0, np.arange(first, first + 5), np.full(5, 0.6))
        attention = frozen(np.arange(first, first + 5, dtype=np.float32)[:, None])
        return Scores(
            made.detector_id, 0, made.spans, made.fake_probability, made.logits, made.provenance,
            MappingProxyType({"u-t": attention}),
        )  # fmt: skip

    answers = check("◇(u_t > 8.5)", Face(0, "Face 1", (with_series(5), with_series(0))))
    found = answers.faces[0].verification
    assert found is not None
    assert (found.verdict, found.robustness, found.witness.frame) == ("satisfied", 0.5, 9)  # type: ignore[union-attr]
    assert "u_t" in answers.faces[0].series


@pytest.mark.parametrize("name", ["sustained", "steady"])
def test_an_answer_is_that_of_the_engine_and_its_curve_begins_with_it(name: str) -> None:
    values = np.random.default_rng(6).random(120).astype(np.float32)
    specification = find_specification(name)
    answers = check(specification.source, Face(0, "Face 1", parts_of(values, 33)))
    scores = make_scores(0, np.arange(120), values)
    expected = verify(specification, trace_of_scores("Face 1", scores))
    found = answers.faces[0]
    assert found.verification is not None
    assert found.verification.robustness == expected.robustness == found.curve[0]
    assert found.verification.witness == expected.witness
    assert len(found.curve) == 120


def test_the_curve_of_eventually_is_the_largest_of_what_comes() -> None:
    values = np.random.default_rng(7).random(50).astype(np.float32)
    curve = check("◇(probability > 0.5)", Face(0, "Face 1", parts_of(values))).faces[0].curve
    expected = np.maximum.accumulate(values[::-1].astype(np.float64))[::-1] - 0.5
    np.testing.assert_array_equal(curve, expected)


def test_a_face_that_cannot_be_checked_says_why_and_the_others_are_checked() -> None:
    empty = Face(1, "Face 2", (make_scores(1, np.arange(0), np.empty(0)),))
    good = Face(0, "Face 1", parts_of(np.full(9, 0.4, np.float32)))
    answers = check("□(probability < 0.5)", empty, good)
    assert answers.faces[0].verification is None
    assert "Face 2 has no step to check" in answers.faces[0].problem
    assert answers.faces[1].verification is not None
    assert answers.of(1) is answers.faces[0]
    assert answers.of(7) is answers.faces[0]


def test_prototypes_are_asked_of_the_detector() -> None:
    answers = check(find_specification("phi_1").source, Face(0, "Face 1", parts_of(np.full(9, 0.4, np.float32))))
    assert "Face 1 has no prototypes" in answers.faces[0].problem


def test_a_misspelt_series_is_told_with_its_place() -> None:
    answers = check("□\n  (probabilty < 0.5)", Face(0, "Face 1", parts_of(np.full(9, 0.4, np.float32))))
    (place,) = answers.unknown
    assert (place.line, place.column, place.length, place.wrong) == (2, 4, len("probabilty"), False)
    assert "logit, probability" in place.reason


def test_a_check_can_be_cancelled() -> None:
    from engine.errors import CancelledError

    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        check("□(probability < 0.5)", Face(0, "Face 1", parts_of(np.full(9, 0.4, np.float32))), cancel=token)


@pytest.mark.parametrize(
    ("text", "line", "column", "length", "reason"),
    [
        ("□(logit < )", 1, 11, 1, "expected a value"),
        ("□(logit <", 1, 9, 1, "expected a value"),
        ('parameter a = 1 "A"\n\n□(S(t, p) > a)', 3, 5, 1, "no time is called t"),
        ("◇(probability > 0.5) wrong", 1, 22, 5, "expected"),
        ("", 1, 1, 1, "expected"),
    ],
)
def test_a_fault_has_a_place_of_at_least_a_letter(
    text: str, line: int, column: int, length: int, reason: str
) -> None:
    found = parsed(text, "test")
    assert found.specification is None
    assert found.fault is not None
    assert (found.fault.line, found.fault.column, found.fault.length) == (line, column, length)
    assert reason in found.fault.reason


def test_steps_reach_to_the_next_one_but_never_over_a_gap() -> None:
    frames = np.array([0, 8, 16, 40, 48])
    trace = make_trace("x", frames, None, {"probability": np.zeros(5)})
    spans = step_spans(trace, np.column_stack((frames, frames)))
    assert spans.tolist() == [[0, 7], [8, 15], [16, 16], [40, 47], [48, 48]]


def test_overlapping_windows_become_steps_side_by_side() -> None:
    starts = np.array([0, 4, 8])
    trace = make_trace("x", starts, None, {"probability": np.zeros(3)})
    assert step_spans(trace, np.column_stack((starts, starts + 7))).tolist() == [[0, 3], [4, 7], [8, 15]]
