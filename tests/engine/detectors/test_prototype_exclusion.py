"""Scores without some prototypes, against a loop over exact fractions; with none they are the stored ones."""

import math
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest

from engine.detectors.prototype_exclusion import without
from engine.errors import DataError
from engine.results import Prototype, PrototypeSource, Provenance, Scores, excluded_words, frozen

SOURCE = PrototypeSource("a.mp4", 0, (0, 0, 1, 1), (0, 0), (0, 0, 1, 1), 0.1, "")
COUNT = 10
PROTOTYPES = tuple(
    Prototype(f"p{k}", "real" if k < 5 else "fake", (1.0, -0.5) if k < 5 else (-0.5, 1.0), SOURCE)
    for k in range(COUNT)
)


def exact_logit(row: np.ndarray, heard: set[str]) -> Fraction:
    total = Fraction(0)
    for similarity, each in zip(row, PROTOTYPES, strict=True):
        if each.name in heard:
            total += Fraction(float(similarity)) * (Fraction(each.weights[1]) - Fraction(each.weights[0]))
    return total


@pytest.fixture
def scores() -> Scores:
    similarities = np.random.default_rng(3).random((30, COUNT)).astype(np.float32)
    everybody = {each.name for each in PROTOTYPES}
    logits = np.array([float(exact_logit(row, everybody)) for row in similarities], np.float32)
    starts = 5 * np.arange(30)
    return Scores(
        "dpnet",
        0,
        frozen(np.column_stack((starts, starts + 4))),
        frozen((1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)),
        frozen(logits),
        Provenance("dpnet", "ab" * 32, {"flow": "dis"}, "cpu", "float32", {}),
        MappingProxyType({"similarity": frozen(similarities)}),
    )


@pytest.mark.parametrize("left_out", [{"p9"}, {"p0", "p7", "p8"}, {each.name for each in PROTOTYPES}])
def test_the_logits_are_those_of_a_loop_over_fractions(scores: Scores, left_out: set[str]) -> None:
    heard = {each.name for each in PROTOTYPES} - left_out
    found = without(scores, PROTOTYPES, left_out)
    for row, logit, probability in zip(
        scores.activations["similarity"], found.logits, found.fake_probability, strict=True
    ):
        exact = exact_logit(row, heard)
        assert logit == np.float32(float(exact))
        assert probability == pytest.approx(1 / (1 + math.exp(-float(exact))), abs=1e-7)
    assert found.excluded == tuple(sorted(left_out))
    assert found.provenance.settings["flow"] == "dis"
    assert np.array_equal(found.activations["similarity"], scores.activations["similarity"])
    assert scores.excluded == ()


def test_with_none_excluded_it_is_the_stored_result_itself(scores: Scores) -> None:
    assert without(scores, PROTOTYPES, ()) is scores


def test_what_does_not_belong_together_is_an_error(scores: Scores) -> None:
    with pytest.raises(DataError, match="no prototype p77"):
        without(scores, PROTOTYPES, {"p77"})
    with pytest.raises(DataError, match="do not follow"):
        without(scores, PROTOTYPES[:8], {"p1"})
    with pytest.raises(DataError, match="do not follow"):
        without(replace(scores, logits=frozen(scores.logits + np.float32(0.01))), PROTOTYPES, {"p1"})
    with pytest.raises(DataError, match="do not follow"):
        without(replace(scores, activations=MappingProxyType({})), PROTOTYPES, {"p1"})


def test_how_many_are_excluded_in_words() -> None:
    assert (excluded_words(1), excluded_words(3)) == ("1 prototype excluded", "3 prototypes excluded")
