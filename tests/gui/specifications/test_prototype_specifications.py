"""Specifications over prototypes in the window: values of closed forms, the witness, and detectors without any."""

import dpnet_scene
import numpy as np
import pytest
from PySide6.QtCore import Qt
from scenes import make_scores, make_track

from gui.specifications.checking import Checking
from gui.specifications.panel import SpecificationsPanel
from gui.timeline.timeline import TimelinePanel
from gui.timeline.verdict import tip_of

FRAMES = 200


@pytest.fixture
def scene(make_scene, qtbot):
    made = make_scene(FRAMES)
    dpnet_scene.list_dpnet(made)
    made.open(qtbot)
    return made


@pytest.fixture
def found(scene, checking, choose, qtbot):
    """Checks a shipped specification on similarities; the answer of the face."""

    def check(name, similarity):
        choose(f"shipped/{name}")
        dpnet_scene.finish(scene, dpnet_scene.clip_scores(similarity))
        qtbot.waitUntil(lambda: checking.answers is not None and not checking.answers.provisional)
        return checking.answer

    return check


def test_the_key_frame_is_that_of_the_closed_form(found, checking):
    values = dpnet_scene.similarities(40)
    values[:, 2:] += 0.04
    answer = found("phi_1", values)
    assert answer.verification.predicted == "fake"
    fake, real = values[:, 2:].astype(np.float64), values[:, :2].astype(np.float64)
    assert answer.verification.robustness == pytest.approx(fake.max() - real.max(), abs=1e-12)
    step, at = np.unravel_index(fake.argmax(), fake.shape)
    assert checking.witness_frame == dpnet_scene.STEP * step
    assert checking.witness_prototype == dpnet_scene.NAMES[2 + at]


@pytest.mark.parametrize("name", ["phi_2", "phi_3"])
def test_non_relevance_is_that_of_the_closed_form(found, checking, name):
    values = dpnet_scene.similarities(40, seed=3)
    values[:, 2:] += 0.04
    values[:, :2] *= 0.3
    answer = found(name, values)
    real = values[:, :2].astype(np.float64)
    expected = (0.4 - real).min()
    if name == "phi_2":
        for t in range(40):
            for later in range(t, min(t + 5, 39) + 1):
                expected = min(expected, (0.1 - np.abs(real[later] - real[t])).min())
    assert answer.verification.robustness == pytest.approx(expected, abs=1e-12)
    assert checking.witness_prototype in dpnet_scene.NAMES[:2]


def test_the_tab_names_the_prototype_and_goes_to_the_frame(scene, checking, found, qtbot):
    panel = SpecificationsPanel(scene.session, checking)
    qtbot.addWidget(panel)
    panel.show()
    found("phi_1", dpnet_scene.similarities(40) + 0.04 * np.array([0, 0, 1, 1]))
    qtbot.waitUntil(lambda: len(panel.answers.buttons) > 1)
    decided, by = panel.answers.buttons[:2]
    assert by.text() == f"by the prototype {checking.witness_prototype}"
    qtbot.mouseClick(decided, Qt.MouseButton.LeftButton)
    assert scene.session.frame == checking.witness_frame
    with qtbot.waitSignal(panel.answers.prototype_requested) as asked:
        qtbot.mouseClick(by, Qt.MouseButton.LeftButton)
    assert asked.args == [checking.witness_prototype]


def test_the_lane_has_the_curve_and_names_the_prototype_at_the_witness(scene, checking, found, qtbot):
    timeline = TimelinePanel(scene.session)
    qtbot.addWidget(timeline)
    timeline.follow(checking)
    timeline.show()
    values = dpnet_scene.similarities(40) + 0.04 * np.array([0, 0, 1, 1])
    answer = found("phi_1", values.astype(np.float32))
    lane = timeline.stack.verdict
    qtbot.waitUntil(lambda: lane.curve is not None and len(lane.curve.values) == 40)
    assert lane.curve.values[0] == answer.verification.robustness
    (frame, _), *_ = lane.curve.witness
    assert checking.witness_prototype in tip_of(lane.curve, frame, frame)


def test_a_detector_without_prototypes_is_told_plainly_and_nothing_is_checked(scene, choose, qtbot):
    checking = scene.session.findChild(Checking)
    scene.session.set_detector("frame-mobile")
    frames = np.arange(FRAMES)
    scene.finish(scene.analyse(), (make_track(0, frames), make_scores(0, frames, np.full(FRAMES, 0.8))))
    choose("shipped/phi_1")
    assert "has no prototypes, and this specification speaks of them" in checking.standing
    assert scene.session.detector.name in checking.standing
    assert checking.answers is None
    assert checking.progress is None
    choose("shipped/steady")
    qtbot.waitUntil(lambda: checking.answers is not None)
    assert checking.answer.verification.verdict == "satisfied"
