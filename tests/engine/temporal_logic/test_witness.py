"""The witness is the place that decides the value."""

import numpy as np
import pytest
from random_formulas import PARAMETERS, Formulas, random_trace

from engine.results import Verification
from engine.temporal_logic import syntax as s
from engine.temporal_logic.lowering import Instance
from engine.temporal_logic.printer import printed
from engine.temporal_logic.robustness import Robustness
from engine.temporal_logic.specification import find_specification, parse_specification
from engine.temporal_logic.trace import Trace, make_trace
from engine.temporal_logic.verification import verify


@pytest.fixture
def trace() -> Trace:
    rng = np.random.default_rng(0)
    similarity = {f"{name}{k}": rng.random(50) for name in "fr" for k in range(4)}
    names = {"fake": [f"f{k}" for k in range(4)], "real": [f"r{k}" for k in range(4)]}
    series = {"probability": rng.random(50)}
    return make_trace("a trace", range(0, 150, 3), "fake", series, similarity, names)


def points(found: Verification) -> dict[str, int | str | None]:
    assert found.witness is not None
    return {
        name: point.step if point.prototype is None else point.prototype
        for point in found.witness.points
        for name in point.names
    }


def of(trace: Trace, prefix: str) -> np.ndarray:
    return np.stack([trace.similarity[:, trace.prototypes.index(f"{prefix}{k}")] for k in range(4)], axis=1)


def test_the_witness_of_phi_1_is_the_key_frame_and_its_prototype(trace: Trace) -> None:
    fake, real = of(trace, "f"), of(trace, "r")
    step, prototype = np.unravel_index(fake.argmax(), fake.shape)
    worst, rival = np.unravel_index(real.argmax(), real.shape)
    found = verify(find_specification("phi_1"), trace)
    assert points(found) == {"t": step, "p_k": f"f{prototype}", "t'": worst, "p_j": f"r{rival}"}
    assert found.witness is not None
    assert (found.witness.step, found.witness.frame, found.witness.prototype) == (step, 3 * step, f"f{prototype}")


def test_the_witness_of_phi_2_is_the_worst_moment(trace: Trace) -> None:
    found = verify(find_specification("phi_2"), trace, settings={"low": 1, "change": 0.2})
    at = points(found)
    real = trace.similarity[:, trace.prototypes.index(str(at["p_i"]))]
    assert 0 <= int(at["t'"] or 0) - int(at["t"] or 0) <= 5
    assert found.robustness == 0.2 - abs(real[at["t'"]] - real[at["t"]])


def test_the_witness_of_a_series_is_its_frame(trace: Trace) -> None:
    probability = trace.series["probability"]
    found = verify(parse_specification("G probability < 0.9", "x"), trace)
    assert found.witness is not None
    assert found.witness.frame == 3 * int(probability.argmax())
    assert found.witness.prototype is None
    jump = verify(find_specification("steady"), trace)
    assert jump.witness is not None
    assert jump.witness.step == int(np.abs(np.diff(probability)).argmax())


def test_an_until_is_decided_where_it_ends_or_on_the_way() -> None:
    trace = make_trace("a trace", range(4), None, {"a": [1, 0.25, 3, 4], "b": [-5, -5, 2, -5]})
    found = verify(parse_specification("a > 0 U b > 0", "x"), trace)
    assert (found.robustness, found.witness and found.witness.step) == (0.25, 1)
    found = verify(parse_specification("a > -9 U b > 0", "x"), trace)
    assert (found.robustness, found.witness and found.witness.step) == (2, 2)


def test_a_formula_without_a_time_is_decided_at_the_first_frame() -> None:
    trace = make_trace("a trace", [7, 9], None, {"a": [1, 2]})
    found = verify(parse_specification("a > 0", "x"), trace)
    assert found.witness is not None
    assert (found.witness.step, found.witness.frame, found.witness.points) == (0, 7, ())


def test_putting_the_witness_in_gives_the_value_again() -> None:
    """With every existential variable fixed to its witness the formula keeps its value; no other does better."""
    rng = np.random.default_rng(1)
    tried = 0
    while tried < 60:
        trace = random_trace(rng, each=3)
        inner = Formulas(rng).formula(2, ("t",), ("p",))
        formula = s.Eventually(s.Freeze("t", s.Exists("p", inner)))
        checked = Robustness(formula, Instance(trace, "fake", PARAMETERS))
        value = checked.at()
        if not np.isfinite(value):
            continue
        tried += 1
        # Parts that hang on neither are computed apart, and then need not pass by t or p.
        at = {name: binding.position for binding in reversed(checked.witness()) for name in binding.names}
        step, prototype = s.Number(float(at.get("t", 0))), at.get("p")
        here: list[s.Formula] = [inner]
        if "t" in at:
            here.append(s.Comparison(s.TimeVariable("t"), "=", step))
        body: s.Formula = s.And(tuple(here)) if len(here) > 1 else inner
        names = {"fake": trace.prototypes[:3], "real": trace.prototypes[3:]}
        if prototype is not None:
            one = {"only": [trace.prototypes[prototype]]}
            jitter = {"jitter": [trace.prototypes[k] for k in trace.sets["jitter"]]}
            similarity = dict(zip(trace.prototypes, trace.similarity.T, strict=True))
            trace = make_trace(
                "a trace", trace.frames, trace.predicted, trace.series, similarity, {**names, **jitter, **one}
            )
        quantified = s.Exists("p", body, None, "all" if prototype is None else "only")
        fixed = s.Eventually(s.Freeze("t", quantified))
        assert Robustness(fixed, Instance(trace, "fake", PARAMETERS)).at() == value, printed(formula)
