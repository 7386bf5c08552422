"""The lane of the suspicious intervals: where they are drawn, what is told of them, and where a click leads."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from scenes import make_scores, make_track

from gui.intervals import Intervals
from gui.timeline.timeline import TimelinePanel


@pytest.fixture
def panel(scene, qtbot):
    panel = TimelinePanel(scene.session)
    panel.show_intervals(Intervals(scene.session, panel))
    qtbot.addWidget(panel)
    panel.resize(1200, 420)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def people():
    """Face 1 is high in 50..79, Face 2 in 60..99 and in 150..169."""
    frames = np.arange(200)
    first = np.where((frames >= 50) & (frames < 80), 0.9, 0.1)
    second = np.where(((frames >= 60) & (frames < 100)) | ((frames >= 150) & (frames < 170)), 0.8, 0.2)
    return (
        (make_track(0, frames), make_scores(0, frames, first)),
        (make_track(1, frames, 400), make_scores(1, frames, second)),
    )


def place(panel, frame, row, rows=2):
    lane = panel.stack.intervals
    return QPoint(round(panel.scale.x(frame)), lane.y() + round(lane.height() * (row + 0.5) / rows))


def test_the_lane_is_there_when_there_is_something_in_it(panel, scene, qtbot):
    lane = panel.stack.intervals
    assert not lane.isVisible()
    scene.finish(scene.analyse(), *people())
    qtbot.waitUntil(lane.isVisible)
    found = [(each.track_id, each.first, each.last) for each in lane.intervals]
    assert found == [(0, 50, 79), (1, 60, 99), (1, 150, 169)]
    panel.stack.surface.hide()
    image = lane.grab().toImage()

    def drawn(frame, row):
        y = round(lane.height() * (row + 0.5) / 2)
        strip = [image.pixelColor(round(panel.scale.x(frame)) + dx, y).rgb() for dx in range(-8, 9)]
        return set(strip) != {image.pixelColor(round(panel.scale.x(20)), y).rgb()}

    assert [drawn(frame, 0) for frame in (40, 55, 90, 160)] == [False, True, False, False]
    assert [drawn(frame, 1) for frame in (40, 55, 90, 120, 160)] == [False, False, True, False, True]
    scene.session.set_face_visible(1, False)
    qtbot.waitUntil(lambda: [each.track_id for each in lane.intervals] == [0])


def test_a_click_goes_to_the_first_frame_and_beside_it_scrubs(panel, scene, qtbot):
    scene.finish(scene.analyse(), *people())
    qtbot.waitUntil(panel.stack.intervals.isVisible)
    surface = panel.stack.surface
    for frame, row, goes_to in ((70, 0, 50), (70, 1, 60), (160, 1, 150), (120, 0, 120)):
        qtbot.mouseClick(surface, Qt.MouseButton.LeftButton, pos=place(panel, frame, row))
        assert scene.session.frame == goes_to


def test_the_mouse_is_told_figures_and_rule(panel, scene, qtbot):
    scene.finish(scene.analyse(), *people())
    qtbot.waitUntil(panel.stack.intervals.isVisible)
    qtbot.mouseMove(panel.stack.surface, place(panel, 160, 1))
    lines = panel.stack.surface.toolTip().split("\n")
    assert lines[0] == "Face 2, frames 150–169, 0:06.00–0:06.76"
    assert lines[1] == "mean 0.80, peak 0.80 at frame 150"
    assert lines[2].startswith("Rule: begins at 0.50, goes on down to 0.40")


def test_curves_give_way_in_a_low_window_and_not_in_a_high_one(panel, scene, qtbot):
    alone = panel.stack.plot.minimumHeight()
    scene.finish(scene.analyse(), *people())
    qtbot.waitUntil(panel.stack.intervals.isVisible)
    assert panel.stack.plot.minimumHeight() < alone
    panel.resize(1200, 1100)
    qtbot.waitUntil(lambda: panel.stack.plot.minimumHeight() == alone)
