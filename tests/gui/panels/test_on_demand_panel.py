"""The part of the Explanation tab that asks slow explainers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget
from scenes import Scene, make_detector

from engine.errors import DeviceError, UsageError
from engine.progress import Progress
from engine.results import ExplainerInfo, Volumes, frozen
from engine.runtime.protocol import DetectorsListed, DetectorsRequest, ExplainRequest, Failed
from gui.panels.explanation import ExplanationPanel
from gui.panels.face_view import borders


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


def test_a_growing_mask_is_drawn_and_called_unfinished_until_it_is_made(
    panel: ExplanationPanel, scene: Scene, qtbot: Any
) -> None:
    view = panel.on_demand
    view.frame.click()
    assert request(scene).growing
    job = scene.engine.last(ExplainRequest)
    scene.progress(job, Progress("Explaining", 342, 2000, "samples", 40.0, "standard error up to 0.130"))
    errors = np.zeros((1, 7, 7), np.float32)
    errors[0, 2, 3] = 0.12
    scene.grow_job(job, (355,), 342, 2000, explainer_id="kernel-shap", errors=frozen(errors))
    qtbot.waitUntil(panel.view.isVisible)
    assert "Unfinished: 342 of 2000 samples, ± 0.12" in panel.score.text()
    assert panel.state.text() == "Unfinished, being made"
    assert view.words.text() == (
        "Kernel SHAP, frame 355\nExplaining 17 %, about 40 s left\n342 of 2000 samples, ± 0.12"
    )
    (mask,) = scene.session.explanations.values()
    assert mask.headline.endswith(", unfinished: 342 of 2000 samples, ± 0.12")
    assert not scene.session.made_masks(0, 499), "an export leaves it out"
    scene.explain_job(job, (355,), explainer_id="kernel-shap", errors=frozen(errors / 2))
    qtbot.waitUntil(lambda: "nfinished" not in panel.score.text() + panel.state.text())
    assert scene.session.explanations[0].grown is None
    assert len(scene.session.made_masks(0, 499)) == 1


def test_what_was_drawn_stays_when_it_is_stopped_and_is_gone_on_with(
    panel: ExplanationPanel, scene: Scene, qtbot: Any
) -> None:
    view = panel.on_demand
    view.frame.click()
    job = scene.engine.last(ExplainRequest)
    unknown = frozen(np.full((1, 7, 7), np.inf, np.float32))
    scene.grow_job(job, (355,), 60, 2000, explainer_id="kernel-shap", errors=unknown)
    view.cancel.click()
    qtbot.waitUntil(lambda: panel.state.text() == "Unfinished, stopped")
    assert "60 of 2000 samples, error not known yet" in panel.score.text()
    assert view.frame.text() == "Go on from 60 samples"
    scene.grow_job(job, (355,), 80, 2000, explainer_id="kernel-shap", errors=unknown)
    assert scene.session.explanations[0].grown == (60, 2000), "what a stopped job still says is dropped"
    view.frame.click()
    assert scene.session.explanations[0].grown == (60, 2000)
    assert scene.engine.last(ExplainRequest) != job
    scene.session.go_to(145)
    view.cancel.click()
    qtbot.waitUntil(lambda: scene.session.shown is not None and scene.session.shown.index == 145)
    assert not scene.session.explanations
    assert view.frame.text() == "Explain this frame with Kernel SHAP"


def test_a_volume_that_is_pointed_at_tells_its_mean_and_variance(
    panel: ExplanationPanel, scene: Scene, qtbot: Any
) -> None:
    panel.on_demand.frame.click()
    labels = np.zeros((1, 7, 7), np.int32)
    labels[:, :, 3:] = 1
    values = np.where(labels == 1, np.float32(-0.5), np.float32(0.25))
    volumes = Volumes(labels, np.array([1, 1]), np.array([0.125, -0.625]), np.array([0.0156, 0.0625]))
    job = scene.engine.last(ExplainRequest)
    scene.explain_job(
        job, (355,), explainer_id="kernel-shap", values=frozen(values), volumes=volumes, errors=frozen(0 * values)
    )
    qtbot.waitUntil(panel.view.isVisible)
    assert panel.volume.text().startswith("Point at a volume")
    view = panel.view
    side = (view.width() - 8) // 2
    left, right = (QPoint(side + 8 + round(side * at), side // 2) for at in (0.2, 0.8))
    qtbot.mouseMove(view, left)
    one = "Volume 0, on 1 of 1 frames: +0.25\nMean +0.12, variance 0.016"
    other = "Volume 1, on 1 of 1 frames: −0.5\nMean −0.62, variance 0.062"
    qtbot.waitUntil(lambda: panel.volume.text() == one)
    qtbot.mouseMove(view, right)
    qtbot.waitUntil(lambda: panel.volume.text() == other)
    qtbot.mouseMove(view, QPoint(5, side // 2))
    qtbot.waitUntil(lambda: panel.volume.text() == one)
    view.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert panel.volume.text() == other
    assert view.accessibleDescription() == other
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert panel.volume.text() == other, "there is none beyond"
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert panel.volume.text() == one
    scene.session.set_masks_visible(False)
    qtbot.waitUntil(lambda: not panel.volume.isVisible())


def test_the_border_of_a_volume_is_all_sides_between_in_and_out() -> None:
    inside = np.zeros((4, 5), np.bool_)
    inside[1, 1:3] = inside[3, 4] = True
    lines = {tuple(map(int, (line.x1(), line.y1(), line.x2(), line.y2()))) for line in borders(inside)}
    assert lines == {
        (1, 1, 2, 1), (2, 1, 3, 1), (1, 2, 2, 2), (2, 2, 3, 2), (1, 1, 1, 2), (3, 1, 3, 2),
        (4, 3, 5, 3), (4, 4, 5, 4), (4, 3, 4, 4), (5, 3, 5, 4),
    }  # fmt: skip


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
