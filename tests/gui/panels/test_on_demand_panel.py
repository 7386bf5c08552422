"""The part of the Explanation tab that asks slow explainers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget
from scenes import Scene, make_detector

from engine.errors import DeviceError, UsageError
from engine.progress import Progress
from engine.results import ExplainerInfo, frozen
from engine.runtime.protocol import DetectorsListed, DetectorsRequest, ExplainRequest, Failed
from gui.panels.explanation import ExplanationPanel


@pytest.fixture
def scene(make_scene: Any, qtbot: Any) -> Scene:
    scene: Scene = make_scene(500)
    detector = replace(make_detector(), explainers=("gradcam", "kernel-shap"))
    explainers = (
        ExplainerInfo("gradcam", signed=True, slow=False),
        ExplainerInfo("kernel-shap", signed=True, slow=True),
    )
    scene.send(DetectorsListed(scene.engine.last(DetectorsRequest), (detector,), explainers))
    scene.open(qtbot)
    scene.finish(scene.analyse(), *scene.two_people())
    scene.session.set_explainer("kernel-shap")
    scene.session.go_to(355)
    qtbot.waitUntil(lambda: scene.session.shown_exact)
    return scene


@pytest.fixture
def panel(scene: Scene, qtbot: Any) -> ExplanationPanel:
    made = ExplanationPanel(scene.session)
    qtbot.addWidget(made)
    made.resize(330, 800)
    made.show()
    return made


def request(scene: Scene) -> ExplainRequest:
    found = scene.engine.requests[scene.engine.last(ExplainRequest)]
    assert isinstance(found, ExplainRequest)
    return found


def test_it_is_there_only_for_a_slow_explainer(panel: ExplanationPanel, scene: Scene) -> None:
    view = panel.on_demand
    assert view.frame.isVisible()
    assert view.frame.text() == "Explain this frame with Kernel SHAP"
    assert panel.state.text() == "Not made for this frame"
    scene.session.set_explainer("gradcam")
    assert not view.isVisible()


def test_progress_and_cancel_stand_in_the_place_of_the_buttons(panel: ExplanationPanel, scene: Scene) -> None:
    view = panel.on_demand
    view.frame.click()
    assert (request(scene).frames, request(scene).stored) == ((355,), False)
    job = scene.engine.last(ExplainRequest)
    scene.progress(job, Progress("Explaining", 860, 2000, "samples", 12.0, "standard error up to 0.100"))
    assert not view.frame.isVisible()
    panel.refresh()
    assert panel.state.text() == "Being made"
    assert view.bar.value() == 430
    assert view.words.text() == (
        "Kernel SHAP, frame 355\nExplaining 43 %, about 12 s left\nstandard error up to 0.100"
    )
    view.cancel.click()
    assert scene.engine.cancelled == [job]
    assert view.frame.isVisible()
    assert not view.bar.isVisible()


def test_the_range_is_asked_for_without_frames_that_show_no_face(panel: ExplanationPanel, scene: Scene) -> None:
    scene.session.set_in(145)
    scene.session.set_out(202)
    assert panel.on_demand.range.text() == "Explain the range, 8 frames"
    panel.on_demand.range.click()
    assert request(scene).frames == (145, 146, 147, 148, 149, 200, 201, 202)
    assert request(scene).at_once
    assert panel.on_demand.words.text() == "Kernel SHAP, 8 frames"


def test_a_finished_mask_tells_its_largest_standard_error_and_its_cost(
    panel: ExplanationPanel, scene: Scene, qtbot: Any
) -> None:
    panel.on_demand.frame.click()
    job = scene.engine.last(ExplainRequest)
    errors = np.zeros((1, 7, 7), np.float32)
    errors[0, 2, 3] = 0.05
    scene.explain_job(job, (355,), explainer_id="kernel-shap", errors=frozen(errors))
    qtbot.waitUntil(panel.view.isVisible)
    largest = float(np.abs(scene.session.explanations[0].values).max())
    assert f"Largest standard error 0.05 ({round(5 / largest)} %)" in panel.score.text()
    assert "Cost 1 forward pass, 21 ms" in panel.score.text()
    assert panel.on_demand.frame.isVisible()


def test_an_error_stands_where_it_was_asked(panel: ExplanationPanel, scene: Scene) -> None:
    panel.on_demand.frame.click()
    error = DeviceError("The memory is full", advice="Close other programs")
    scene.send(Failed(scene.engine.last(ExplainRequest), error))
    assert panel.on_demand.error.text() == "✕ The memory is full. Close other programs."
    assert panel.on_demand.error.isVisible()
    panel.on_demand.frame.click()
    assert not panel.on_demand.error.isVisible()


def test_settings_that_make_no_sense_are_told_before_anybody_asks(
    panel: ExplanationPanel, scene: Scene, qtbot: Any
) -> None:
    asked = scene.engine.requests.values
    qtbot.waitUntil(lambda: any(isinstance(each, ExplainRequest) for each in asked()))
    assert request(scene).stored
    error = UsageError("There is no value for the clip", advice="Set scope=frame")
    scene.send(Failed(scene.engine.last(ExplainRequest), error))
    assert panel.on_demand.error.text() == "✕ There is no value for the clip. Set scope=frame."
    assert not scene.session.messages


def test_nothing_is_squeezed_when_a_mask_comes_while_the_window_shrinks(scene: Scene, qtbot: Any) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    panel = ExplanationPanel(scene.session)
    dock = QDockWidget()
    dock.setWidget(panel)
    window.setCentralWidget(QWidget())
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.resize(1920, 1080)
    window.show()
    panel.on_demand.frame.click()
    errors = frozen(np.full((1, 7, 7), 0.05, np.float32))
    scene.explain_job(scene.engine.last(ExplainRequest), (355,), explainer_id="kernel-shap", errors=errors)
    window.resize(1280, 500)
    qtbot.waitUntil(panel.view.isVisible)
    qtbot.wait(100)
    for widget in (panel.on_demand.frame, panel.score, panel.legend, panel.colours):
        assert widget.height() >= widget.sizeHint().height()
