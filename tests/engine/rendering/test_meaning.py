"""The words of maps without a sign."""

import re

import pytest

from engine.explainers.registry import explainer_infos
from engine.rendering.meaning import ATTENTION, meaning_of

UNSIGNED = [info.id for info in explainer_infos() if not info.signed]
LOOKING = {"attention", "ltpa", "snippet-attention"}


@pytest.mark.parametrize("explainer_id", UNSIGNED)
def test_they_take_no_side_and_only_attention_looks(explainer_id: str) -> None:
    meaning = meaning_of(explainer_id)
    assert not re.search(r"fake|real|forg|suspic|support", f"{meaning.low} {meaning.high} {meaning.text}")
    assert (meaning == ATTENTION) == (explainer_id in LOOKING)
