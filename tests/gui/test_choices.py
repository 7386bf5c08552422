"""What the window offers of what a detector can do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from scenes import make_detector

from engine.results import ExplainerInfo, SettingInfo
from gui.choices import Choices
from gui.settings import Settings

COUNT = SettingInfo("count", 7, "how many", "whole", 1, 9)
LOUD = SettingInfo("loud", False, "whether", "switch")


def layer(*options: str) -> SettingInfo:
    return SettingInfo("layer", options[0], "which", "choice", options=options)


GRADCAM = ExplainerInfo(
    "gradcam",
    signed=True,
    slow=False,
    settings={"frame-mobile": (layer("last", "first"), COUNT, LOUD), "frame-b4": (layer("end", "last"), COUNT)},
)
PATIENT = ExplainerInfo("patient", signed=True, slow=True, settings={"frame-mobile": (COUNT,)})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.ini"


def choices_in(file: Path) -> Choices:
    made = Choices(Settings(file))
    detectors = (replace(make_detector(), explainers=("patient", "gradcam")), make_detector("frame-b4"))
    made.set_detectors(detectors, (PATIENT, GRADCAM))
    return made


def test_explainers_that_take_minutes_come_last_and_are_never_chosen_by_themselves(file: Path) -> None:
    assert Choices(Settings(file)).explainers == ()
    choices = choices_in(file)
    assert choices.explainers == ("gradcam", "patient")
    assert (choices.explainer_id, choices.slow, choices.slow_explainer_id) == ("gradcam", False, "patient")
    choices.set_explainer("patient")
    assert (choices.explainer_id, choices.slow, choices.slow_explainer_id) == ("patient", True, "patient")
    choices.set_detector("frame-b4")
    assert (choices.explainer_id, choices.slow_explainer_id) == ("gradcam", "")


def test_only_what_differs_from_the_defaults_counts_as_set_and_it_is_kept_per_explainer(file: Path) -> None:
    choices = choices_in(file)
    choices.set_explainer_setting("loud", True)
    choices.set_explainer_setting("count", 3)
    assert choices.explainer_settings == (("count", 3), ("loud", True))
    choices.set_explainer("patient")
    assert choices.explainer_settings == ()
    choices.set_explainer_setting("count", 9)
    choices.settings.sync()

    again = choices_in(file)
    assert again.explainer_settings == (("count", 9),)
    again.set_explainer("gradcam")
    assert again.explainer_settings == (("count", 3), ("loud", True))
    again.set_explainer_setting("count", 7)
    assert again.explainer_settings == (("loud", True),)
    again.reset_explainer_settings()
    assert again.explainer_settings == ()
    again.set_explainer("patient")
    assert again.explainer_settings == (("count", 9),)


def test_a_layer_that_another_detector_lacks_or_has_by_default_is_left_out(file: Path) -> None:
    choices = choices_in(file)
    choices.set_explainer_setting("layer", "first")
    choices.set_detector("frame-b4")
    assert choices.explainer_settings == ()
    choices.set_explainer_setting("layer", "last")
    assert choices.explainer_settings == (("layer", "last"),)
    choices.set_detector("frame-mobile")
    assert choices.explainer_settings == ()


@pytest.mark.parametrize(
    "line", ["", "{", "7", '["gradcam"]', '["gradcam", 3]', '["gradcam", {"count": "3", "loud": 1, "size": 2}]']
)
def test_a_line_that_a_hand_has_broken_is_as_if_it_were_not_there(file: Path, line: str) -> None:
    settings = Settings(file)
    settings.change(explainer_settings=(line, '["patient", {"count": 2}]'))
    settings.sync()
    choices = choices_in(file)
    assert choices.explainer_settings == ()
    choices.set_explainer("patient")
    assert choices.explainer_settings == (("count", 2),)
