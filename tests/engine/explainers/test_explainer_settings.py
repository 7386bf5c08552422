"""Settings of explainers: what may be given, as a value or as text, and what is said of anything else."""

from dataclasses import FrozenInstanceError, dataclass

import pytest

from engine.detectors.registry import explainers_of
from engine.detectors.specs import SPECS
from engine.errors import UsageError
from engine.explainers.registry import (
    CLIP_EXPLAINERS,
    EXPLAINERS,
    explainer_infos,
    explainer_settings,
    load_explainer,
)
from engine.explainers.settings import (
    ExplainerSettings,
    choice,
    real,
    setting_infos,
    settings_of,
    switch,
    whole,
)
from engine.results import DetectorInfo, SettingInfo


@dataclass(frozen=True)
class Toy(ExplainerSettings):
    count: int = whole(7, 1, 9, "how many")
    share: float = real(0.5, 0, 1, "how much")
    side: str = choice("left", ("left", "right"), "which")
    loud: bool = switch(False, "whether")


def test_text_and_values_make_the_same_settings() -> None:
    text = settings_of(Toy, "toy", {"count": "3", "share": "0.25", "side": "right", "loud": "On"})
    assert text == Toy(3, 0.25, "right", loud=True)
    assert type(text.count) is int
    assert settings_of(Toy, "toy", {"share": 1}).share == 1.0
    assert type(settings_of(Toy, "toy", {"share": 1}).share) is float
    assert settings_of(Toy, "toy", {}) == Toy()
    with pytest.raises(FrozenInstanceError):
        text.count = 4  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("count", "0", "whole number from 1 to 9"),
        ("count", 10, "whole number from 1 to 9"),
        ("count", "3.5", "whole number"),
        ("count", 3.0, "whole number"),
        ("count", True, "whole number"),
        ("count", None, "whole number"),
        ("share", "nan", "number from 0 to 1"),
        ("share", 1.01, "number from 0 to 1"),
        ("share", "much", "number from 0 to 1"),
        ("share", [1], "number from 0 to 1"),
        ("side", "up", "left, right"),
        ("side", ["left"], "left, right"),
        ("loud", "maybe", "on or off"),
        ("loud", 1, "on or off"),
    ],
)
def test_what_is_not_allowed_is_named_with_what_is(name: str, value: object, allowed: str) -> None:
    with pytest.raises(UsageError, match=f"setting {name}") as caught:
        settings_of(Toy, "toy", {name: value})
    assert allowed in caught.value.advice


def test_an_unknown_setting_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="toy has no setting size") as caught:
        settings_of(Toy, "toy", {"size": 3})
    assert caught.value.advice == "Choose one of count, share, side, loud"


def test_they_can_be_listed() -> None:
    found = setting_infos(Toy)
    assert found == (
        SettingInfo("count", 7, "how many", "whole", 1, 9),
        SettingInfo("share", 0.5, "how much", "real", 0, 1),
        SettingInfo("side", "left", "which", "choice", options=("left", "right")),
        SettingInfo("loud", False, "whether", "switch"),
    )
    assert [each.allowed for each in found] == [
        "a whole number from 1 to 9",
        "a number from 0 to 1",
        "one of left, right",
        "on or off",
    ]


@pytest.mark.parametrize("kind", [Toy, *(explainer.settings_type for explainer in EXPLAINERS.values())])
def test_what_the_list_allows_is_what_the_settings_take(kind: type[ExplainerSettings]) -> None:
    values: tuple[object, ...] = (0, 1, 2, 9, 10, 2001, 0.5, 1.01, -1, "left", "up", "sum", "bilinear", True, None)
    for info in setting_infos(kind):
        if info.kind == "choice" and not info.options:
            continue  # what it may be hangs on the detector
        for value in values:
            try:
                kind(**{info.name: value})
                taken = True
            except UsageError:
                taken = False
            assert info.allows(value) == taken, (info.name, value)


def test_the_registry_builds_an_explainer_with_settings_and_keys_it_by_them() -> None:
    made = load_explainer("kernel-shap", "frame-mobile", {"samples": "500", "seed": 3})
    assert (made.settings["samples"], made.settings["seed"], made.settings["segments"]) == (500, 3, 100)
    with pytest.raises(UsageError, match="samples"):
        load_explainer("kernel-shap", "frame-mobile", {"samples": "many"})
    with pytest.raises(UsageError, match="kernel-shap has no setting sample"):
        load_explainer("kernel-shap", "frame-mobile", {"sample": 500})


def test_every_explainer_lists_what_it_takes() -> None:
    for spec in SPECS.values():
        for explainer_id in spec.explainers:
            for each in explainer_settings(explainer_id, spec.id):
                made = load_explainer(explainer_id, spec.id, {each.name: each.default})
                assert made.settings == load_explainer(explainer_id, spec.id).settings
                assert each.name in made.settings
                assert each.meaning
                assert each.allowed
    assert {info.id: info.slow for info in explainer_infos()} == {
        name: name == "kernel-shap" for name in [*EXPLAINERS, *CLIP_EXPLAINERS]
    }


def test_the_window_is_told_what_can_be_set_on_each_trained_detector() -> None:
    detectors = [
        DetectorInfo(name, name, "", trained, "", {}, "", explainers_of(name), "")
        for name, trained in (("frame-mobile", True), ("frame-mobile-ltpa", True), ("frame-b4", False))
    ]
    found = {info.id: info.settings for info in explainer_infos(detectors)}
    assert set(found["gradcam"]) == {"frame-mobile", "frame-mobile-ltpa"}
    assert set(found["ltpa"]) == {"frame-mobile-ltpa"}
    layer = found["gradcam"]["frame-mobile"][0]
    assert (layer.name, layer.default) == ("layer", layer.options[0])
    assert len(layer.options) > 5
    assert found["gradcam"]["frame-mobile"] == explainer_settings("gradcam", "frame-mobile")
