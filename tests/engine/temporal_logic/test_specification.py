"""Specifications as files, their library, and verdicts."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import SpecificationError, UsageError
from engine.temporal_logic.faults import FormulaError
from engine.temporal_logic.parser import parse
from engine.temporal_logic.printer import printed
from engine.temporal_logic.specification import (
    find_specification,
    library,
    parse_specification,
    read_specification,
)
from engine.temporal_logic.trace import Trace, make_trace
from engine.temporal_logic.verification import verify

TEXT = """# A remark
title "Low"
about "Stays
  low."
parameter low = -0.5 from -1 to 1 "The bound"
parameter n = 3 "Steps"
G (a < low + 0 * n)  # to the end
"""


def prototypes(predicted: str = "fake", fake: float = 0.9, real: float = 0.3, steps: int = 5) -> Trace:
    similarity = {"f0": [fake] * steps, "r0": [real] * steps}
    return make_trace("a trace", range(steps), predicted, {}, similarity, {"fake": ["f0"], "real": ["r0"]})


def curve(values: list[float], frames: list[int] | None = None) -> Trace:
    return make_trace("a trace", frames or range(len(values)), None, {"probability": values, "a": values})


def test_a_file_holds_title_parameters_and_formula(tmp_path: Path) -> None:
    path = tmp_path / "low.tqtl"
    path.write_text(TEXT, encoding="utf-8")
    found = read_specification(path)
    assert (found.name, found.title, found.about) == ("low", "Low", "Stays low.")
    assert [(p.name, p.default, p.low, p.high, p.text) for p in found.parameters] == [
        ("low", -0.5, -1.0, 1.0, "The bound"),
        ("n", 3.0, None, None, "Steps"),
    ]
    assert found.settings({"low": 0.25}) == {"low": 0.25, "n": 3.0}
    assert verify(found, curve([0.0, -1.0])).robustness == -0.5
    assert verify(found, curve([0.0, -1.0]), settings={"low": 0.25}).robustness == 0.25


def test_the_formula_alone_is_a_specification() -> None:
    assert parse_specification("a < 1", "x").formula == parse("a < 1")


def test_parameters_are_checked() -> None:
    found = parse_specification(TEXT, "x")
    with pytest.raises(UsageError, match="from -1 to 1"):
        found.settings({"low": 2})
    with pytest.raises(UsageError, match="no parameter high"):
        found.settings({"high": 2})
    with pytest.raises(UsageError, match="low is nan"):
        found.settings({"low": float("nan")})


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (TEXT.replace("-0.5", "-5"), 5, 17, "outside its range"),
        (TEXT.replace("parameter n", "parameter low"), 6, 11, "declared twice"),
        (TEXT.replace("a < low", "a < "), 7, 9, "expected a value"),
        ('title "x"', 1, 10, "expected a formula"),
        ('parameter c "x"', 1, 13, 'expected "="'),
        ("title x", 1, 7, "expected a text in quotation marks"),
    ],
)
def test_errors_in_a_file_point_to_its_line(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(FormulaError, match=message) as caught:
        parse_specification(text, "x", Path("x.tqtl"))
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith("x.tqtl: Line")


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    (tmp_path / "binary.tqtl").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.tqtl").write_bytes(b"#" * (2 << 20))
    for name, message in (("binary", "no text"), ("large", "too large"), ("absent", "cannot be read")):
        with pytest.raises(SpecificationError, match=message):
            read_specification(tmp_path / f"{name}.tqtl")
    with pytest.raises(UsageError, match=r"phi_1, .*phi_3"):
        find_specification("phi_4")


def test_equalities_warn() -> None:
    found = parse_specification("t. a = 1\n and a != 2 and t = 0", "x")
    assert [warning.split(" compares")[0] for warning in found.warnings] == ["Line 1", "Line 2"]


def test_every_specification_of_the_library_says_what_it_asks_for() -> None:
    found = {each.name: each for each in library()}
    assert set(found) == {"phi_1", "phi_1_literal", "phi_2", "phi_3", "steady", "sustained"}
    for each in found.values():
        assert each.title
        assert each.about
        assert not each.warnings
        assert parse(printed(each.formula), each.settings()) == each.formula
    assert {name for name, each in found.items() if each.has_classes} == {
        "phi_1",
        "phi_1_literal",
        "phi_2",
        "phi_3",
    }


def test_verdicts() -> None:
    phi_1, phi_3 = find_specification("phi_1"), find_specification("phi_3")
    found = verify(phi_1, prototypes())
    assert (found.verdict, found.own_class, found.robustness) == ("satisfied", "fake", 0.9 - 0.3)
    assert verify(phi_1, prototypes("real")).verdict == "violated"
    assert verify(phi_1, prototypes("real")).robustness == 0.3 - 0.9
    assert verify(phi_1, prototypes(real=0.9)).undecided
    assert verify(phi_1, prototypes(real=0.9)).verdict == "violated"
    found = verify(phi_3, prototypes(real=0.5), settings={"low": 0.5})
    assert (found.verdict, found.undecided, found.robustness) == ("violated", True, 0.0)


@pytest.mark.parametrize("name", ["phi_1", "phi_1_literal", "phi_2", "phi_3"])
@pytest.mark.parametrize("predicted", ["fake", "real"])
def test_the_instance_of_the_other_class_is_not_applicable(name: str, predicted: str) -> None:
    other = "real" if predicted == "fake" else "fake"
    found = verify(find_specification(name), prototypes(predicted), own=other)
    assert (found.verdict, found.witness, found.vacuous) == ("not applicable", None, False)
    assert verify(find_specification(name), prototypes(predicted), own=predicted).verdict != "not applicable"


def test_what_holds_for_either_class_is_not_called_inapplicable() -> None:
    for text in ("Class = fake -> true", "Class = fake or Class = real", "true"):
        found = verify(parse_specification(text, "x"), prototypes())
        assert (found.verdict, found.vacuous) == ("satisfied", True)
    fails = verify(parse_specification("Class = real and E p, t. S(t, p) > 0", "x"), prototypes())
    assert (fails.verdict, fails.robustness) == ("violated", -np.inf)


def test_the_printed_key_frame_is_satisfied_whatever_the_video_shows() -> None:
    """Defects (a) to (d) of P000's phi_1: no value of the video takes part."""
    literal = find_specification("phi_1_literal")
    for fake, real in ((0.9, 0.1), (0.1, 0.9)):
        found = verify(literal, prototypes(fake=fake, real=real))
        assert (found.verdict, found.robustness, found.vacuous) == ("satisfied", np.inf, True)
    assert verify(find_specification("phi_1"), prototypes(fake=0.1, real=0.9)).verdict == "violated"


def test_phi_2_never_rises_above_the_change_it_allows() -> None:
    assert verify(find_specification("phi_2"), prototypes(real=0.0)).robustness == 0.1


def longest_run(values: list[float], frames: list[int], threshold: float) -> int:
    best = length = 0
    for at, value in enumerate(values):
        follows = at and frames[at] - frames[at - 1] == min(np.diff(frames))
        length = (length if follows else 0) + 1 if value > threshold else 0
        best = max(best, length)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_sustained_suspicion_is_a_run_of_scores_without_a_gap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.random(30).tolist()
    frames = np.cumsum(rng.choice([4, 4, 4, 8], 30)).tolist()
    run = longest_run(values, frames, 0.4)
    sustained = find_specification("sustained")
    for scores in range(1, run + 3):
        found = verify(sustained, curve(values, frames), settings={"threshold": 0.4, "scores": scores})
        assert found.verdict == ("satisfied" if scores <= run else "violated")


def test_steady_scores_look_over_no_gap() -> None:
    steady = find_specification("steady")
    assert verify(steady, curve([0.1, 0.3, 0.2])).robustness == pytest.approx(0.1)
    assert verify(steady, curve([0.1, 0.9, 0.2], [0, 5, 6])).robustness == pytest.approx(0.3 - 0.7)
    assert verify(steady, curve([0.1, 0.9, 0.8], [0, 5, 6])).robustness == pytest.approx(0.3 - 0.1)
    assert verify(steady, curve([0.5])).vacuous
