"""The controls of an explainer's settings: made from their description, and what they ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QDoubleSpinBox, QSpinBox
from scenes import Scene, make_detector

from engine.results import ExplainerInfo, Sanity, SettingInfo
from engine.runtime.protocol import DetectorsListed, ExplainRequest
from gui.panels.explainer_settings import ExplainerSettingsView
from gui.panels.explanation import ExplanationPanel

INFOS = (
    SettingInfo("layer", "last", "whose output is weighed", "choice", options=("last", "first")),
    SettingInfo("samples", 2000, "coalitions at most", "whole", 2, 1_000_000),
    SettingInfo("tolerance", 0.02, "share to end at", "real", 0, 1),
    SettingInfo("loud", False, "whether", "switch"),
)


@pytest.fixture
def scene(make_scene: Any, qtbot: Any) -> Scene:
    scene: Scene = make_scene(500)
    detector = replace(make_detector(), explainers=("gradcam", "attention"))
    explainers = (
        ExplainerInfo("gradcam", signed=True, slow=False, settings={"frame-mobile": INFOS}),
        ExplainerInfo("attention", signed=False, slow=False),
    )
    job = scene.engine.last(type(scene.engine.requests[1]))
    scene.send(DetectorsListed(job, (detector,), explainers))
    scene.open(qtbot)
    return scene


@pytest.fixture
def view(scene: Scene, qtbot: Any) -> ExplainerSettingsView:
    made = ExplainerSettingsView(scene.session)
    qtbot.addWidget(made)
    made.show()
    return made


def control(view: ExplainerSettingsView, name: str) -> Any:
    return view.controls[name]


def test_each_kind_has_its_control_with_range_default_and_help(view: ExplainerSettingsView) -> None:
    kinds = {name: type(widget) for name, widget in view.controls.items()}
    assert kinds == {"layer": QComboBox, "samples": QSpinBox, "tolerance": QDoubleSpinBox, "loud": QCheckBox}
    layer, samples = control(view, "layer"), control(view, "samples")
    assert [layer.itemText(row) for row in range(layer.count())] == ["last (default)", "first"]
    assert (samples.minimum(), samples.maximum(), samples.value()) == (2, 1_000_000, 2000)
    assert control(view, "tolerance").value() == 0.02
    assert "Coalitions at most" in samples.toolTip()
    assert "Default: 2000; a whole number from 2 to 1000000" in samples.toolTip()
    assert not view.defaults.isEnabled()
    assert view.title.text() == "Settings of Signed Grad-CAM"


def test_what_is_changed_is_kept_and_can_be_taken_back(view: ExplainerSettingsView, scene: Scene) -> None:
    layer = control(view, "layer")
    layer.setCurrentIndex(1)
    layer.activated.emit(1)
    control(view, "samples").setValue(500)
    control(view, "tolerance").setValue(0.1)
    control(view, "loud").click()
    assert scene.session.explainer_settings == (
        ("layer", "first"),
        ("loud", True),
        ("samples", 500),
        ("tolerance", 0.1),
    )
    assert control(view, "samples") is view.controls["samples"], "controls that are in use stay"
    view.defaults.click()
    assert scene.session.explainer_settings == ()
    assert (layer.currentData(), control(view, "samples").value()) == ("last", 2000)
    assert not control(view, "loud").isChecked()


def test_an_explainer_without_settings_has_no_such_part(view: ExplainerSettingsView, scene: Scene) -> None:
    assert view.isVisible()
    scene.session.set_explainer("attention")
    assert not view.isVisible()
    scene.session.set_explainer("gradcam")
    assert view.isVisible()
    assert set(view.controls) == {info.name for info in INFOS}


def test_the_wheel_changes_nothing_that_has_no_focus(view: ExplainerSettingsView, scene: Scene) -> None:
    samples = control(view, "samples")
    at = QPointF(samples.rect().center())
    turn = QWheelEvent(
        at, samples.mapToGlobal(at), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(samples, turn)
    assert samples.value() == 2000


def test_other_settings_ask_for_new_masks_and_say_that_they_were_not_measured(scene: Scene, qtbot: Any) -> None:
    panel = ExplanationPanel(scene.session)
    qtbot.addWidget(panel)
    panel.resize(330, 800)
    panel.show()
    scene.finish(scene.analyse(), *scene.two_people())
    scene.session.go_to(355)
    qtbot.waitUntil(lambda: scene.session.explaining)
    scene.explain(355, sanity=Sanity("passes", "Measured."))
    qtbot.waitUntil(panel.view.isVisible)
    assert panel.sanity.text() == "✓ Sanity: passes"

    control(panel.settings, "samples").setValue(50)
    qtbot.waitUntil(lambda: not panel.view.isVisible())
    qtbot.waitUntil(lambda: scene.session.explaining)
    request = scene.engine.requests[scene.engine.last(ExplainRequest)]
    assert isinstance(request, ExplainRequest)
    assert request.settings == {"samples": 50}
    scene.explain(355)
    qtbot.waitUntil(panel.view.isVisible)
    assert panel.sanity.text() == "? Sanity: not measured for these settings"

    panel.settings.defaults.click()
    qtbot.waitUntil(lambda: panel.sanity.text() == "✓ Sanity: passes")
    assert not scene.session.explaining, "it was kept"
