"""Text to formula and back, and what is said of a text that is none."""

import numpy as np
import pytest
from random_formulas import PARAMETERS, Formulas

from engine.temporal_logic import syntax as s
from engine.temporal_logic.faults import FormulaError
from engine.temporal_logic.parser import parse
from engine.temporal_logic.printer import printed

A = s.Comparison(s.Series("a"), ">", s.Number(1.0))
B = s.Comparison(s.Series("b"), ">", s.Number(1.0))
C = s.Comparison(s.Series("c"), ">", s.Number(1.0))


def test_what_is_printed_is_parsed_to_the_same() -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        formula = Formulas(rng).formula(int(rng.integers(1, 7)))
        assert parse(printed(formula), PARAMETERS) == formula
        text = printed(formula, ascii_only=True)
        assert text.isascii()
        assert parse(text, PARAMETERS) == formula


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("a > 1", A),
        ("¬ a > 1 ∧ b > 1", s.And((s.Not(A), B))),
        ("not a > 1 & b > 1", s.And((s.Not(A), B))),
        ("a > 1 and b > 1 or c > 1", s.Or((s.And((A, B)), C))),
        ("a > 1 or b > 1 and c > 1", s.Or((A, s.And((B, C))))),
        ("a > 1 and b > 1 and c > 1", s.And((A, B, C))),
        ("(a > 1 and b > 1) and c > 1", s.And((s.And((A, B)), C))),
        ("a > 1 -> b > 1 -> c > 1", s.Implies(A, s.Implies(B, C))),
        ("a > 1 ⇒ b > 1 ∨ c > 1", s.Implies(A, s.Or((B, C)))),
        ("G a > 1 and b > 1", s.And((s.Always(A), B))),
        ("□ (a > 1 → b > 1)", s.Always(s.Implies(A, B))),
        ("♦ ◇⁻ a > 1", s.Eventually(s.Once(A))),
        ("always historically a > 1", s.Always(s.Historically(A))),
        ("a > 1 U b > 1 and c > 1", s.And((s.Until(A, B), C))),
        ("F a > 1 since b > 1", s.Since(s.Eventually(A), B)),
        ("G t. a > 1 -> b > 1", s.Always(s.Freeze("t", s.Implies(A, B)))),
        ("a > 1 and t′. b > 1 or c > 1", s.And((A, s.Freeze("t'", s.Or((B, C)))))),
        ("E p, a > 1 -> b > 1", s.Exists("p", s.Implies(A, B))),
        ("t. ∀p@t ∈ P_F, a > 1", s.Freeze("t", s.ForAll("p", A, "t", "fake"))),
        ("exists p in all, p not in P_R", s.Exists("p", s.Member("p", "real", negated=True))),
        ("E p in P, p ∉ P_jitter", s.Exists("p", s.Member("p", "jitter", negated=True))),
        ("Class(V) ≠ fake", s.ClassIs("fake", negated=True)),
        ("Class == own", s.ClassIs("own")),
        ("t. t <= t + 2", s.Freeze("t", s.Comparison(
            s.TimeVariable("t"), "<=", s.Arithmetic("+", s.TimeVariable("t"), s.Number(2.0))))),
        ("a - b - 1 > 2 * -c", s.Comparison(
            s.Arithmetic("-", s.Arithmetic("-", s.Series("a"), s.Series("b")), s.Number(1.0)), ">",
            s.Arithmetic("*", s.Number(2.0), s.Negative(s.Series("c"))))),
        ("|a - |b|| > (1 + 2) / 4", s.Comparison(
            s.Absolute(s.Arithmetic("-", s.Series("a"), s.Absolute(s.Series("b")))), ">",
            s.Arithmetic("/", s.Arithmetic("+", s.Number(1.0), s.Number(2.0)), s.Number(4.0)))),
        ("x > 1.5e-3 # a remark\n and true", s.And((
            s.Comparison(s.Parameter("x"), ">", s.Number(0.0015)), s.Truth(True)))),
        ("⊥ or false", s.Or((s.Truth(False), s.Truth(False)))),
    ],
)  # fmt: skip
def test_words_mean(text: str, formula: s.Formula) -> None:
    assert parse(text, {"x"}) == formula


def test_the_formulas_of_the_paper_are_understood_as_printed() -> None:
    """But for the class and the sets, which the paper writes F(R) and P_F(R)."""
    parse(
        "♦(t.∃pk@t, Class(V) = own ∧ pk ∈ P_own → □(t'.((0 < t' ∧ t' < T)"
        " → ∀pj@t', pj ∈ P_other ∧ S(t, pk) > S(t', pj))))"
    )
    parse(
        "□(t.∀pi@t, Class(V) = own ∧ pi ∈ P_other → S(t, pi) < 0.4 ∧ □(t'.(t ≤ t' ∧ t' ≤ t + 5)"
        " → |S(t', pi) − S(t, pi)| < 0.1))".replace("−", "-")
    )


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "expected a formula, found the end"),
        ("a >", 1, 4, "expected a value, found the end"),
        ("a > 1 and\n  and b > 1", 2, 3, 'expected a formula, found "and"'),
        ("(a > 1", 1, 7, 'expected .*"\\)", found the end'),
        ("a > 1)", 1, 6, 'expected the end, found "\\)"'),
        ("a ? 1", 1, 3, r"the letter '\?' means nothing"),
        ("exists a > 1", 1, 10, 'expected in or not in or "," or "@", found ">"'),
        ("Class = maybe", 1, 9, "no class maybe"),
        ("G S(t, p) > 1", 1, 5, "no time is called t"),
        ("t. S(t, p) > 1", 1, 9, "no prototype is called p"),
        ("E p@t, p in P_F", 1, 5, "no time is called t"),
        ("E p, p in Q", 1, 11, "Q is no set"),
        ("E p, p > 1", 1, 6, "p is a prototype, not a value"),
        ("t. E t, a(t) > 1", 1, 11, "no time is called t"),
        ("t. a > t", 1, 8, "a time is compared with a value"),
        ("T. a > 1", 1, 1, "T has a meaning already"),
        ("x. a > 1", 1, 1, "x has a meaning already"),
        ("t. S(t) > 1", 1, 4, "S needs a time and a prototype"),
        ("t. E p, a(t, p) > 1", 1, 14, "a takes a time alone"),
        ("1 / a > 1", 1, 3, "divides by what may be 0"),
        ("a > 1e999", 1, 5, "too large"),
        ("stride > a(", 1, 12, "expected a name"),
        ("not " * 90 + "true", 1, 245, "nested too deeply"),
        ("|" * 3 + "-" * 90 + "a" + "|" * 3 + " > 1", 1, 61, "nested too deeply"),
    ],
)
def test_errors_point_to_the_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(FormulaError, match=message) as caught:
        parse(text, {"x"})
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).count("\n") == 0
    shown, caret, _ = caught.value.pointed().split("\n")
    assert shown == text.split("\n")[line - 1]
    assert caret.index("^") == column - 1


def test_what_was_expected_is_told_as_a_list() -> None:
    with pytest.raises(FormulaError) as caught:
        parse("G t. a(t")
    assert caught.value.expected == ('")"', '","')
