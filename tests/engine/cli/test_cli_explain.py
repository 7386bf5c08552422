"""The settings of an explainer as words of `explain`."""

import pytest

from engine import cli
from engine.cli.explainer_words import chosen, chosen_of, load_compared
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


def test_nothing_can_be_set_without_an_explainer() -> None:
    assert chosen_of(None, []) == {}
    assert chosen_of("gradcam", ["smoothing=bilinear"]) == {"smoothing": "bilinear"}
    with pytest.raises(UsageError, match="no explainer"):
        chosen_of(None, ["smoothing=bilinear"])
    assert cli.run(["stills", "a.mp4", "--frames", "0", "--out", "x", "--set", "smoothing=bilinear"]) == 2
    assert cli.run(["export", "a.mp4", "--frames", "0:1", "--out", "x.mp4", "--set", "smoothing=bilinear"]) == 2


def test_explainers_that_are_compared_share_settings_and_may_have_their_own() -> None:
    given = "gradcam,gradcam:smoothing=none:layer=trunk.blocks.2,kernel-shap"
    found = load_compared(given, ["smoothing=bilinear", "samples=50"], "frame-mobile")
    assert list(found) == given.split(",")
    plain, own, shap = found.values()
    assert (plain.settings["layer"], plain.settings["smoothing"]) == ("trunk.bn2", "bilinear")
    assert (own.settings["layer"], own.settings["smoothing"]) == ("trunk.blocks.2", "none")
    assert shap.settings["samples"] == 50


@pytest.mark.parametrize(
    ("given", "settings", "wrong"),
    [
        ("gradcam", ["samples=50"], "samples"),
        ("gradcam:smoothing", [], "smoothing"),
        ("gradcam:size=3", [], "size"),
        ("gradcam:smoothing=maybe", [], "maybe"),
        ("dowsing", [], "dowsing"),
        ("gradcam,kernel-shap", ["smoothing=maybe"], "maybe"),
    ],
)
def test_what_cannot_be_compared_is_told(given: str, settings: list[str], wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong):
        load_compared(given, settings, "frame-mobile")
