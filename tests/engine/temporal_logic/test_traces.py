"""What traces are made of, and tables of many of them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_worker import fake_scores

from engine.errors import DataError
from engine.results import Prototype, PrototypeSource, Verification, frozen
from engine.temporal_logic.sources import read_series, trace_of_scores
from engine.temporal_logic.table import Checked, by_label, by_prediction
from engine.temporal_logic.trace import make_trace

SERIES: dict[str, Any] = {
    "prototypes": {"fake": ["f0", "f1"], "real": ["r0"], "jitter": ["f1"]},
    "predicted": "fake",
    "similarity": {"f0": [0.1, 0.2, 0.3], "f1": [0.4, 0.5, 0.6], "r0": [0, 1, 0]},
    "series": {"attention": [1.5, 2.5, -3]},
}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "series.json"
    path.write_text(json.dumps(SERIES | changes), encoding="utf-8")
    return path


def test_a_file_of_series_is_a_trace(tmp_path: Path) -> None:
    found = read_series(written(tmp_path, label="real"))
    trace = found.trace
    assert (found.label, trace.predicted, trace.prototypes) == ("real", "fake", ("f0", "f1", "r0"))
    assert trace.frames.tolist() == [0, 1, 2]
    assert trace.similarity.tolist() == [[0.1, 0.4, 0], [0.2, 0.5, 1], [0.3, 0.6, 0]]
    assert {name: positions.tolist() for name, positions in trace.sets.items()} == {
        "all": [0, 1, 2], "fake": [0, 1], "real": [2], "jitter": [1],
    }  # fmt: skip
    assert trace.series["attention"].tolist() == [1.5, 2.5, -3]
    assert read_series(written(tmp_path, frames=[0, 8, 24])).trace.gaps == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"similarity": {"f0": [0.1], "f1": [0.4, 0.5], "r0": [0]}, "series": {}}, "2 values, not 1"),
        ({"similarity": {"f0": [0.1, 0.2]}, "series": {}}, "no similarity of the prototype f1"),
        ({"prototypes": {"fake": ["f0"], "real": ["f0"]}}, "f0 is a prototype of both classes"),
        ({"prototypes": {"fake": "f0"}}, "no list of names"),
        ({"predicted": "maybe"}, "predicted is 'maybe'"),
        ({"series": {"a": [1, 2, float("nan")]}}, "a of series.json is nan at step 2"),
        ({"series": {"a": [1, 2, "3"]}}, "a is no list of numbers"),
        ({"series": [1]}, "series is no object"),
        ({"frames": [0, 2, 1]}, "do not increase"),
        ({"frames": [0, 1, 1.5]}, "no whole number"),
        ({"similarity": {}, "series": {}, "prototypes": {}}, "no series in it"),
        ({"similarity": {}, "series": {"a": []}, "prototypes": {}}, "no step"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_series(written(tmp_path, **changes))
    assert caught.value.file == tmp_path / "series.json"


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000, '{"series": {"a": [NaN]}}'])
def test_a_file_that_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "series.json"
    path.write_text(text)
    with pytest.raises(DataError):
        read_series(path)


def test_scores_are_a_trace_of_their_spans() -> None:
    scores = fake_scores("frame-mobile", 10, 29)
    activations = {"u-t": np.ones((20, 1), np.float32), "2 parts": np.arange(40, dtype=np.float32).reshape(20, 2)}
    trace = trace_of_scores("a face", replace(scores, activations=activations))
    assert trace.frames.tolist() == list(range(10, 30))
    assert set(trace.series) == {"probability", "logit", "u_t", "_2_parts_0", "_2_parts_1"}
    assert trace.series["probability"].tolist() == scores.fake_probability.astype(float).tolist()
    assert trace.series["_2_parts_1"][1] == 3
    assert trace.predicted == ("fake" if scores.track_probability >= 0.5 else "real")
    low = replace(scores, fake_probability=frozen(np.full(20, 0.49, np.float32)))
    assert trace_of_scores("a face", low).predicted == "real"


def test_the_stride_is_the_distance_without_gaps() -> None:
    trace = make_trace("x", [0, 8, 24, 32], None, {"a": [0] * 4})
    assert (trace.stride, trace.gaps) == (8, 1)
    assert make_trace("x", [5], None, {"a": [0]}).stride == 1


def test_short_steps_at_the_ends_are_no_gaps_and_missing_frames_are() -> None:
    firsts, lasts = [3, 5, 10, 15, 27], [4, 9, 14, 20, 31]
    trace = make_trace("x", firsts, None, {"a": [0] * 5}, ends=lasts)
    assert (trace.stride, trace.gaps) == (5, 1)
    assert make_trace("x", [0, 9, 14], None, {"a": [0] * 3}, ends=[8, 13, 18]).gaps == 0


def test_prototypes_that_are_not_those_of_the_scores_are_refused() -> None:
    source = PrototypeSource("a", 0, (0, 0, 1, 1), (0, 0), (0, 0, 1, 1), 0.0, "")
    two = [Prototype(name, name, (1.0, -0.5), source) for name in ("real", "fake")]
    scores = replace(fake_scores("dpnet-compact", 0, 4), activations={"similarity": np.ones((5, 3), np.float32)})
    with pytest.raises(DataError, match="3 prototypes, the detector has 2"):
        trace_of_scores("a face", scores, two)


def verification(predicted: str, verdict: Any, robustness: float) -> Verification:
    return Verification("phi", "", {}, None, predicted, verdict, robustness, None)


def test_tables_count_by_label_and_by_prediction() -> None:
    good, bad = verification("fake", "satisfied", 0.5), verification("fake", "violated", 0.0)
    absent, void = verification("fake", "not applicable", np.inf), verification("real", "satisfied", np.inf)
    rows = [
        Checked("fake", good, good),
        Checked("fake", bad, bad),
        Checked("fake", good, good),
        Checked("real", absent, good),
        Checked("real", void, void),
    ]
    fake, real, both = by_label(rows)
    assert (fake.traces, fake.satisfied, fake.violated, fake.undecided, fake.wrong) == (3, 2, 1, 1, 0)
    assert fake.percentage == pytest.approx(100 * 2 / 3)
    assert (real.traces, real.satisfied, real.not_applicable, real.vacuous, real.wrong) == (2, 1, 1, 1, 1)
    assert (both.traces, both.satisfied, both.percentage) == (5, 3, 60)
    fake, real, both = by_prediction(rows)
    assert (fake.traces, fake.satisfied, fake.wrong) == (4, 3, 1)
    assert (real.traces, real.satisfied) == (1, 1)
    unknown = by_prediction([Checked(None, None, good)])
    assert [count.wrong for count in unknown] == [None, 0, None]
    assert by_label([Checked(None, None, good)]) == []
    assert unknown[1].percentage is None
