"""The verdict lane: bars at their frames, no bar in a gap, the witness and what the mouse is told."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from scenes import make_scores, make_track

from gui.specifications.checking import Checking
from gui.timeline.scale import FrameScale
from gui.timeline.timeline import TimelinePanel
from gui.timeline.verdict import VerdictCurve, columns, heights, tip_of

FRAMES = 500

LEFT = Qt.MouseButton.LeftButton


def curve(values, starts=None, witness=()):
    starts = np.arange(len(values)) if starts is None else np.asarray(starts)
    spans = np.column_stack((starts, starts))
    return VerdictCurve("Steady", "Face 1", "✗", "violated", "", spans, np.asarray(values, float), witness)


def test_heights_are_shares_of_the_largest_finite_value():
    np.testing.assert_allclose(heights(np.array([0.5, -0.25, np.inf, -np.inf, 0.0])), [1, -0.5, 1, -1, 0])
    np.testing.assert_array_equal(heights(np.zeros(3)), np.zeros(3))
    np.testing.assert_array_equal(heights(np.array([np.inf])), [1])


def test_each_step_has_the_pixels_of_its_frames():
    scale = FrameScale.whole(10, 100, 500)  # 50 pixels a frame
    made = curve([1.0, -1.0, 0.5], [0, 1, 8])
    left, right, low, high = columns(made.spans, heights(made.values), scale)
    assert left.tolist() == [100, 150, 500]
    assert right.tolist() == [150, 200, 550]
    assert low.tolist() == [0, -1, 0]
    assert high.tolist() == [1, 0, 0.5]


def test_no_extreme_is_lost_where_a_pixel_holds_many_steps():
    values = np.full(10_000, 0.1)
    values[1234], values[7777] = -1.0, 0.9
    made = curve(values)
    scale = FrameScale.whole(10_000, 0, 500)
    left, _, low, high = columns(made.spans, heights(made.values), scale)
    assert len(left) <= 502
    assert low.min() == -1.0
    assert high.max() == pytest.approx(0.9)
    zoomed = columns(made.spans, heights(made.values), scale.showing(1200, 1300))
    assert len(zoomed[0]) == 101
    assert zoomed[2].min() == -1.0


def test_tooltips_say_the_value_the_witness_and_where_there_is_no_score():
    made = curve([0.25, -0.5], [0, 5], ((5, "t"),))
    assert tip_of(made, 0, None).splitlines()[-1] == "Asked at frame 0 it holds: +0.250"
    assert tip_of(made, 3, None).splitlines()[-1] == "No score at frame 3"
    assert "Decided at frame 5 (t). Click to go there" in tip_of(made, 5, 5)
    assert tip_of(made, 5, 5).splitlines()[-1] == "Asked at frame 5 it does not hold: −0.500"


@pytest.fixture
def checking(scene):
    made = Checking(scene.session, scene.session)
    yield made
    made.close()


@pytest.fixture
def panel(scene, checking, qtbot):
    panel = TimelinePanel(scene.session)
    panel.follow(checking)
    qtbot.addWidget(panel)
    panel.resize(1200, 360)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def analyse(scene, jump_at=300):
    frames = np.concatenate((np.arange(0, 100), np.arange(150, 500)))
    values = np.where(frames < jump_at, 0.2, 0.8)
    scene.finish(scene.analyse(), (make_track(0, frames), make_scores(0, frames, values)))


def show(panel, checking, scene, qtbot):
    checking.choose("shipped/steady")
    analyse(scene)
    qtbot.waitUntil(lambda: panel.stack.verdict.curve is not None and bool(panel.stack.verdict.curve.witness))


def at(panel, frame):
    lane = panel.stack.verdict
    return QPoint(round(panel.scale.x(frame)), lane.geometry().center().y())


def test_there_is_no_lane_without_a_specification(panel, scene, qtbot):
    analyse(scene)
    qtbot.wait(120)
    assert not panel.stack.verdict.isVisible()


def test_the_lane_draws_the_signs_of_the_curve_and_nothing_in_a_gap(panel, checking, scene, qtbot):
    show(panel, checking, scene, qtbot)
    lane = panel.stack.verdict
    assert lane.isVisible()
    assert (lane.curve.sign, lane.curve.face) == ("✗", "Face 1")
    panel.stack.surface.hide()
    image = lane.grab().toImage()
    above, below = 6, lane.height() - 5

    def ink(frame, y):
        strip = [image.pixelColor(round(panel.scale.x(frame)) + dx, y).rgb() for dx in range(-8, 9)]
        return len(set(strip)) > 1 or strip[0] != ground

    ground = image.pixelColor(round(panel.scale.x(125)), above).rgb()
    assert not ink(125, above)
    assert not ink(125, below)
    assert ink(50, below)
    assert not ink(50, above)  # before the jump the formula does not hold
    assert ink(400, lane.height() // 2 - 3)
    assert not ink(400, below)


def test_a_click_on_the_witness_goes_there_and_one_beside_it_scrubs(panel, checking, scene, qtbot):
    show(panel, checking, scene, qtbot)
    assert [frame for frame, _ in panel.stack.verdict.curve.witness] == [299, 300]
    qtbot.mouseClick(panel.stack.surface, LEFT, pos=at(panel, 299) + QPoint(-4, 0))  # frame 297 or so
    assert scene.session.frame == 299
    qtbot.mouseClick(panel.stack.surface, LEFT, pos=at(panel, 200))
    assert scene.session.frame == 200


def test_the_mouse_is_told_the_verdict(panel, checking, scene, qtbot):
    show(panel, checking, scene, qtbot)
    qtbot.mouseMove(panel.stack.surface, at(panel, 60))
    tip = panel.stack.surface.toolTip()
    assert "Steady scores" in tip
    assert "Face 1: violated, robustness −0.300" in tip
    assert "Asked at frame 60 it does not hold: −0.300" in tip


def test_provisional_and_missing_answers_are_told_in_the_lane(panel, checking, scene, qtbot):
    checking.choose("shipped/steady")
    job = scene.analyse()
    qtbot.waitUntil(lambda: panel.stack.verdict.curve is not None)
    assert "Waiting for the first scores" in panel.stack.verdict.curve.note
    frames = np.arange(100)
    scene.segment(job, 0, 99, (make_track(0, frames), make_scores(0, frames, np.full(100, 0.4))))
    qtbot.waitUntil(lambda: "Provisional" in panel.stack.verdict.curve.title)
    assert panel.stack.verdict.curve.sign == "✓"


def test_what_says_nothing_of_the_video_is_written_instead_of_drawn(panel, checking, scene, qtbot):
    checking.start_new()
    checking.set_text("□(t. t ≥ 0)")
    analyse(scene)
    qtbot.waitUntil(
        lambda: panel.stack.verdict.curve is not None and "vacuously" in panel.stack.verdict.curve.note
    )
    panel.stack.set_low(True)
    assert not panel.stack.verdict.isVisible()
    panel.stack.set_low(False)
    assert panel.stack.verdict.isVisible()
