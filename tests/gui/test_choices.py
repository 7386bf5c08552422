"""What the window offers of what a detector can do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scenes import make_detector

from engine.results import ExplainerInfo
from gui.choices import Choices
from gui.settings import Settings


def test_explainers_that_take_minutes_are_left_to_the_command_line(tmp_path: Path) -> None:
    choices = Choices(Settings(tmp_path / "settings.ini"))
    assert choices.explainers == ()
    detector = replace(make_detector(), explainers=("patient", "gradcam"))
    choices.set_detectors(
        (detector,), (ExplainerInfo("patient", True, True), ExplainerInfo("gradcam", True, False))
    )
    assert choices.explainers == ("gradcam",)
    assert choices.explainer_id == "gradcam"
