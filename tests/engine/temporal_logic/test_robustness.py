"""The evaluator against App. B's recursion, against another program, and against closed forms."""

import time
import tracemalloc

import numpy as np
import pytest
from naive import value as naive_value
from random_formulas import PARAMETERS, Formulas, random_trace

from engine.errors import CancelledError, SpecificationError
from engine.progress import CancelToken
from engine.temporal_logic import syntax as s
from engine.temporal_logic.derived import core
from engine.temporal_logic.lowering import Instance
from engine.temporal_logic.parser import parse
from engine.temporal_logic.printer import printed
from engine.temporal_logic.robustness import Robustness, robustness
from engine.temporal_logic.specification import find_specification
from engine.temporal_logic.trace import make_trace
from engine.temporal_logic.verification import verify


def compare_with_the_naive_recursion(seed: int, count: int) -> int:
    """Every value of every step, bit for bit; returns how many formulas had a finite one."""
    rng = np.random.default_rng(seed)
    finite = 0
    for number in range(count):
        trace = random_trace(rng)
        draw = Formulas(rng)
        formula = draw.crossing() if number % 2 else draw.formula(int(rng.integers(1, 6)))
        own = str(rng.choice(["fake", "real"]))
        instance = Instance(trace, own, PARAMETERS)
        # A budget of a few elements splits every index there is.
        found = Robustness(formula, instance, budget=int(rng.choice([1, 3, 1 << 18]))).curve()
        wanted = [naive_value(formula, trace, own, PARAMETERS, step) for step in range(len(trace))]
        assert found.tolist() == wanted, f"{number}: {printed(formula)}"
        finite += bool(np.isfinite(found).any())
    return finite


def test_values_are_those_of_the_naive_recursion() -> None:
    assert compare_with_the_naive_recursion(seed=0, count=300) > 100


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_ten_thousand_values_are_those_of_the_naive_recursion() -> None:
    assert compare_with_the_naive_recursion(seed=1, count=10_000) > 4_000


def test_values_are_those_of_rtamt_where_both_languages_agree() -> None:
    rtamt = pytest.importorskip("rtamt", reason="rtamt is not for this Python")
    from stl import stl

    rng = np.random.default_rng(2)
    compared = 0
    for _ in range(140):
        formula = Formulas(rng, plain=True).formula(int(rng.integers(1, 5)))
        if any(isinstance(part, s.Comparison) and part.relation == "!=" for part in s.walk(formula)):
            continue  # rtamt does not read it
        trace = random_trace(rng, steps=int(rng.integers(2, 12)))  # rtamt stumbles over a single step
        other = rtamt.StlDiscreteTimeSpecification()
        for name in ("a", "b", "out"):
            other.declare_var(name, "float")
        other.spec = f"out = {stl(formula)}"
        other.parse()
        curves = {name: trace.series[name].tolist() for name in ("a", "b")}
        wanted = [value for _, value in other.evaluate({"time": list(range(len(trace))), **curves})]
        found = Robustness(formula, Instance(trace, None, {})).curve().tolist()
        assert found == wanted, printed(formula)
        compared += 1
    assert compared > 80


def test_derived_operators_say_what_they_are_derived_from() -> None:
    rng = np.random.default_rng(3)
    for _ in range(150):
        trace, formula = random_trace(rng), Formulas(rng).formula(4)
        simple = core(formula)
        kinds = {type(part) for part in s.walk(simple)}
        assert not kinds & {
            s.And, s.Implies, s.Eventually, s.Always, s.Once, s.Historically, s.ForAll,
        }  # fmt: skip
        instance = Instance(trace, "real", PARAMETERS)
        curves = [Robustness(each, instance).curve().tolist() for each in (formula, simple)]
        assert curves[0] == curves[1], printed(formula)


PHI_1 = """Class = own -> F(t. E p@t, p in P_own and H(u. A q@u, q in P_other -> S(t, p) > S(u, q) + c)
    and G(u. A q@u, q in P_other -> S(t, p) > S(u, q) + c))"""
PHI_2 = """G(t. A p@t, Class = own and p in P_other -> S(t, p) < low
    and G(u. t <= u and u <= t + n -> |S(u, p) - S(t, p)| < change))"""
PHI_3 = "G(t. A p@t, Class = own and p in P_other -> S(t, p) < low)"


@pytest.mark.parametrize("seed", range(12))
def test_the_specifications_of_the_paper_have_their_closed_forms(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps, own = int(rng.integers(1, 40)), ("fake", "real")[seed % 2]
    names = {name: [f"{name}{k}" for k in range(int(rng.integers(1, 7)))] for name in ("fake", "real")}
    similarity = {name: rng.random(steps) for name in names["fake"] + names["real"]}
    trace = make_trace("a trace", np.arange(steps), own, {}, similarity, names)
    low, change, n, c = rng.random(), rng.random() * 0.5, int(rng.integers(0, 8)), rng.random() * 0.2
    parameters = {"low": low, "change": change, "n": n, "c": c}
    mine = np.stack([similarity[name] for name in names[own]], axis=1)
    others = np.stack([similarity[name] for name in names["real" if own == "fake" else "fake"]], axis=1)
    wanted = {
        PHI_1: mine.max() - (others.max() + c),
        PHI_2: min(
            min((low - others[t]).min(), (change - np.abs(others[t : t + n + 1] - others[t])).min())
            for t in range(steps)
        ),
        PHI_3: (low - others).min(),
    }
    for text, value in wanted.items():
        checked = Robustness(parse(text, parameters), Instance(trace, own, parameters))
        assert checked.at() == value
        of_other = Instance(trace, "real" if own == "fake" else "fake", parameters)
        assert robustness(parse(text, parameters), of_other) == np.inf


@pytest.mark.parametrize("name", ["phi_1", "phi_1_literal", "phi_2", "phi_3"])
def test_a_thousand_frames_and_a_hundred_prototypes_take_seconds_and_little_memory(name: str) -> None:
    rng = np.random.default_rng(0)
    names = {kind: [f"{kind}{k}" for k in range(50)] for kind in ("fake", "real")}
    similarity = {each: rng.random(1000) for each in names["fake"] + names["real"]}
    trace = make_trace("a trace", range(1000), "fake", {}, similarity, names)
    before = time.process_time()
    tracemalloc.start()
    try:
        verify(find_specification(name), trace)
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
    assert time.process_time() - before < 10


def test_the_value_of_an_example_made_by_hand() -> None:
    trace = make_trace("a trace", range(4), None, {"a": [1.0, 2.0, -1.0, 5.0], "b": [0.0, 0.5, 3.0, 0.25]})

    def values(text: str) -> list[float]:
        return Robustness(parse(text), Instance(trace, None, {})).curve().tolist()

    assert values("a > 0") == [1.0, 2.0, -1.0, 5.0]
    assert values("a <= 1.5") == [0.5, -0.5, 2.5, -3.5]
    assert values("a = 1") == [-0.0, -1.0, -2.0, -4.0]
    assert values("a != 1") == [0.0, 1.0, 2.0, 4.0]
    assert values("G a > 0") == [-1.0, -1.0, -1.0, 5.0]
    assert values("F b > 1") == [2.0, 2.0, 2.0, -0.75]
    assert values("H a > 0") == [1.0, 1.0, -1.0, -1.0]
    assert values("O b > 1") == [-1.0, -0.5, 2.0, 2.0]
    assert values("a > 0 U b > 1") == [1.0, 2.0, 2.0, -0.75]
    assert values("b > 0 since a > 1.5") == [-0.5, 0.5, 0.5, 3.5]
    assert values("t. F(u. u = t + 1 and a(u) > a(t))") == [1.0, -3.0, 6.0, -np.inf]
    assert values("t. G(u. u = t + 1 -> a(u) > a(t))") == [1.0, -3.0, 6.0, np.inf]


def test_equality_is_never_satisfied() -> None:
    rng = np.random.default_rng(5)
    trace = random_trace(rng, steps=6)
    assert max(Robustness(parse("a = b"), Instance(trace, None, {})).curve()) <= 0


def test_memory_is_bounded_and_the_work_can_be_cancelled() -> None:
    rng = np.random.default_rng(6)
    trace = random_trace(rng, steps=40, each=4)
    formula = parse("F(t. E p, G(u. E q, |S(t, p) - S(u, q)| < 0.1 and S(u, q) > S(t, p) - a(t) * a(u)))")
    small, large = (Robustness(formula, Instance(trace, None, {}), budget=budget) for budget in (50, 1 << 30))
    assert small.curve().tolist() == large.curve().tolist()
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        Robustness(formula, Instance(trace, None, {}), budget=50, cancel=token).at()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c > 1", "no series c"),
        ("E p in P_smile, t. S(t, p) > 1", "no set of prototypes smile"),
        ("E p in P_own, t. S(t, p) > 1", "speaks of its own class"),
        ("a / (1 - 1) > 1", "divides by 0"),
        ("a * 1e300 * 1e300 > a * 1e300 * 1e300", "too large"),
    ],
)
def test_what_a_trace_does_not_have_is_said(text: str, message: str) -> None:
    trace = make_trace("a trace", range(3), None, {"a": [1.0, 2.0, 3.0]}, {"p0": [0.1] * 3}, {"fake": ["p0"]})
    with pytest.raises(SpecificationError, match=message):
        robustness(parse(text), Instance(trace, None, {}))


def test_the_predicted_class_is_asked_for_where_it_is_missing() -> None:
    trace = make_trace("a trace", range(3), None, {"a": [1.0, 2.0, 3.0]})
    with pytest.raises(SpecificationError, match="asks for the class"):
        robustness(parse("Class = fake -> a > 1"), Instance(trace, "fake", {}))
