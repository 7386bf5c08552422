"""The preference study against P002's table 4, a hand-made study and a brute-force sign test."""

from math import comb

import pytest

from engine.errors import DataError
from engine.evaluation.preference import Answer, Study, findings, sign_test


@pytest.mark.parametrize(
    ("wins", "losses", "p", "tolerance"),
    [
        (212, 176, 0.075456, 5e-7),
        (210, 154, 0.003881, 5e-7),
        (212, 128, 6.10e-6, 5e-9),
        (177, 129, 0.007115, 5e-7),
        (156, 128, 0.108958, 5e-7),
        (178, 158, 0.299944, 5e-7),  # what the row printed as 178/154 belongs to
        (178, 154, 0.2068, 5e-5),
    ],
)
def test_table_4_of_the_paper(wins: int, losses: int, p: float, tolerance: float) -> None:
    assert sign_test(wins, losses) == pytest.approx(p, abs=tolerance)


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (5, 0), (3, 3), (9, 2), (1, 30)])
def test_the_sign_test_is_twice_the_smaller_tail(wins: int, losses: int) -> None:
    n = wins + losses
    tail = sum(comb(n, k) for k in range(min(wins, losses) + 1)) / 2**n
    assert sign_test(wins, losses) == pytest.approx(min(1, 2 * tail))
    assert sign_test(wins, losses) == pytest.approx(sign_test(losses, wins))


def study() -> Study:
    picked = [("a",)] * 12 + [("a", "b")] * 3 + [("b",)] + [()] * 4
    right = [True] * 15 + [False] * 3 + [None] * 2
    answers = (Answer(str(n), "s", r, c) for n, (c, r) in enumerate(zip(picked, right, strict=True)))
    return Study("by hand", ("a", "b", "c"), tuple(answers))


def test_shares_accuracy_and_pairs_by_hand() -> None:
    found = findings(study())
    assert found.votes == {"a": 15, "b": 4, "c": 0}
    assert found.shares == {"a": 0.75, "b": 0.2, "c": 0.0}
    assert (found.answers, found.none) == (20, 4)
    assert found.accuracy == 15 / 18
    assert found.level == pytest.approx(0.05 / 3)
    by = {(t.first, t.second): t for t in found.pairs}
    assert (by["a", "b"].only_first, by["a", "b"].only_second) == (12, 1)
    assert by["a", "b"].p == pytest.approx(2 * 14 / 2**13)
    assert by["a", "b"].significant
    assert by["b", "c"].p == pytest.approx(0.125)
    assert not by["b", "c"].significant


def test_bonferroni_holds_back_what_one_test_alone_would_pass() -> None:
    """177 / 129 of six pairs: .0071 is under .00833; with seven explainers, 21 pairs, it is not."""
    answers = tuple(Answer(str(n), "s", None, ("a",) if n < 177 else ("b",)) for n in range(306))
    for names, significant in ((("a", "b", "c", "d"), True), (tuple("abcdefg"), False)):
        assert findings(Study("t", names, answers)).pairs[0].significant is significant


def test_a_study_without_answers_has_no_findings() -> None:
    with pytest.raises(DataError, match="no answer"):
        findings(Study("t", ("a",), ()))
