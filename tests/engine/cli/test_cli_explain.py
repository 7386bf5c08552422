"""The settings of an explainer as words of `explain`."""

import pytest

from engine import cli
from engine.cli.explain import chosen
from engine.errors import UsageError


def test_settings_are_names_and_values() -> None:
    assert chosen([]) == {}
    assert chosen(["samples=500", " layer = trunk.blocks.2 "]) == {"samples": "500", "layer": "trunk.blocks.2"}
    assert chosen(["a=b=c"]) == {"a": "b=c"}


@pytest.mark.parametrize("words", [["samples"], ["=3"], ["samples="], ["a=1", "a=2"]])
def test_anything_else_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        chosen(words)


def test_what_can_be_set_is_listed_without_a_video(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["explain", "--settings", "--explainer", "kernel-shap"]) == 0
    said = capsys.readouterr().out
    assert "samples: coalitions per game at most; a whole number from 2 to 1000000; default: 2000" in said
    assert cli.run(["explain", "--settings", "--explainer", "dowsing"]) == 2
    assert "dowsing" in capsys.readouterr().err
