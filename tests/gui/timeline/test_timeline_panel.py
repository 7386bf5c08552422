import time

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from scenes import make_scores, make_track, suspicious_curve

from gui.timeline.thumbnails import frames_for
from gui.timeline.timeline import TimelinePanel, stretches

FRAMES = 500
HEIGHT = 320

LEFT = Qt.MouseButton.LeftButton


def at(panel, frame, lane=None):
    lane = lane or panel.stack.plot
    return QPoint(round(panel.scale.x(frame)), lane.geometry().center().y() + 25 * (lane is panel.stack.plot))


def test_the_plot_and_the_lanes_share_one_scale_to_the_pixel(panel):
    view = panel.stack.plot.getPlotItem().getViewBox()
    for action in (panel.fit, panel.zoom_in, panel.zoom_in):
        action()
        for frame in (int(panel.scale.start) + 1, int(panel.scale.end) - 1):
            x = panel.stack.plot.mapFromScene(view.mapViewToScene(QPointF(frame, 0))).x()
            assert abs(x - panel.scale.x(frame)) <= 1


def test_clicking_and_dragging_scrubs_exactly_to_the_frame_under_the_mouse(panel, scene, qtbot):
    server = scene.session._screen._server
    surface = panel.stack.surface
    qtbot.mousePress(surface, LEFT, pos=at(panel, 120))
    assert scene.session.frame == 120
    assert server.requests[-1] == (120, True)
    qtbot.mouseMove(surface, at(panel, 240))
    qtbot.mouseRelease(surface, LEFT, pos=at(panel, 333))
    assert scene.session.frame == 333
    assert server.requests[-1] == (333, False)


def test_a_wild_drag_asks_for_a_frame_per_refresh_and_ends_where_it_was_let_go(panel, scene, qtbot):
    server, surface = scene.session._screen._server, panel.stack.surface
    qtbot.mousePress(surface, LEFT, pos=at(panel, 10))
    asked = len(server.requests)
    for frame in range(11, 400):
        qtbot.mouseMove(surface, at(panel, frame), delay=-1)
    assert len(server.requests) - asked < 200
    qtbot.mouseRelease(surface, LEFT, pos=at(panel, 399))
    assert scene.session.frame == 399
    qtbot.wait(60)
    assert scene.session.frame == 399  # nothing that still waited comes after


def test_curves_are_interrupted_where_the_face_is_away_and_hatched_where_nothing_was_analysed(panel, scene, qtbot):
    job = scene.analyse()
    frames = np.concatenate((np.arange(0, 100), np.arange(150, 300)))
    scene.segment(job, 0, 299, (make_track(0, frames), make_scores(0, frames, np.full(len(frames), 0.75))))
    qtbot.waitUntil(lambda: panel.stack.analysed.ranges == ((0, 299),))
    panel.stack.surface.hide()
    image = panel.stack.plot.grab().toImage()
    ground = image.pixelColor(round(panel.scale.x(125)), round(panel.stack.plot.row_of(0.3)))

    def painted(frame, low, high):
        x = round(panel.scale.x(frame))
        rows = range(round(panel.stack.plot.row_of(high)), round(panel.stack.plot.row_of(low)) + 1)
        return [
            image.pixelColor(x + dx, y) for dx in range(8) for y in rows if image.pixelColor(x + dx, y) != ground
        ]

    assert painted(50, 0.7, 0.8)
    assert painted(200, 0.7, 0.8)
    assert not painted(120, 0.7, 0.8)  # the face is away
    assert not painted(50, 0.1, 0.4)
    assert painted(400, 0.1, 0.4)  # hatched
    assert not painted(120, 0.1, 0.4)


def test_the_wheel_zooms_around_the_mouse(panel):
    position = QPointF(700, 150)
    frame = panel.scale.position(700)
    event = QWheelEvent(
        position, position, QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    panel.stack.surface.wheelEvent(event)
    assert panel.scale.span == pytest.approx(500 / 1.25**2)
    assert panel.scale.position(700) == pytest.approx(frame)


def test_the_threshold_line_is_dragged_and_its_value_shown(panel, scene, qtbot):
    plot, surface = panel.stack.plot, panel.stack.surface
    x = round(panel.scale.x(100))
    start = QPoint(x, plot.y() + round(plot.row_of(0.5)))
    target = QPoint(x, plot.y() + round(plot.row_of(0.8)))
    qtbot.mousePress(surface, LEFT, pos=start)
    qtbot.mouseMove(surface, target)
    assert panel.stack.plot.threshold == pytest.approx(0.8, abs=0.01)
    assert panel.threshold.text() == f"Threshold {panel.stack.plot.threshold:.2f}"
    assert scene.session.threshold == 0.5  # nothing but the line follows the hand
    qtbot.mouseRelease(surface, LEFT, pos=target)
    assert scene.session.threshold == pytest.approx(0.8, abs=0.01)
    assert panel.threshold.text() == f"Threshold {scene.session.threshold:.2f}"
    assert scene.session.frame == 0


def test_a_mark_is_reached_by_a_click_and_edited_by_a_double_click(panel, scene, qtbot):
    mark = scene.mark(310, 340, "edge flickers")
    scene.mark(100, 100, "")
    lane = panel.stack.marks
    surface = panel.stack.surface
    assert lane.hit(panel.scale.x(325)) == mark
    assert lane.hit(panel.scale.x(200)) is None
    qtbot.mouseClick(surface, LEFT, pos=at(panel, 330, lane))
    assert scene.session.frame == 310
    with qtbot.waitSignal(panel.mark_edit_requested) as edited:
        qtbot.mouseDClick(surface, LEFT, pos=at(panel, 330, lane))
    assert edited.args == [mark]


def test_the_read_out_names_frame_time_and_the_probability_of_each_person(panel, scene, qtbot):
    people = scene.two_people()
    scene.finish(scene.analyse(), *people)
    panel.stack.surface.hovered.emit(300)
    both = panel.readout.text()
    assert "Frame 300" in both
    assert "0:12.000" in both
    assert f"Face 1 {people[0][1].fake_probability[250]:.2f}" in both
    assert "Face 2" in both
    panel.stack.surface.hovered.emit(170)
    assert "Face" not in panel.readout.text()


def test_the_most_suspicious_moment_is_one_click_away(panel, scene, qtbot):
    assert not panel.chip.isVisible()
    people = scene.two_people()
    scene.finish(scene.analyse(), *people)
    qtbot.waitUntil(panel.chip.isVisible)
    frames, values = people[0][1].spans[:, 0], people[0][1].fake_probability
    top = int(frames[values.argmax()])
    assert panel.chip.text() == f"▲ Most suspicious: frame {top}, Face 1, {values.max():.2f}"
    panel.chip.click()
    assert scene.session.frame == top
    scene.session.set_threshold(0.99)
    assert panel.chip.text().startswith("▽")


def test_what_is_not_analysed_is_hatched_and_the_bar_says_so(panel, scene, qtbot):
    job = scene.analyse()
    frames = np.arange(100, 200)
    scene.segment(job, 100, 199, (make_track(0, frames), make_scores(0, frames, frames / 500)))
    qtbot.waitUntil(lambda: panel.stack.analysed.ranges == ((100, 199),))
    assert panel.stack.plot._hatching._ranges == ((0, 99), (200, 499))
    line = panel.stack.plot._items[0].line
    assert (line.xData.min(), line.xData.max()) == (100, 199)


def test_zooming_out_again_shows_the_whole_video(panel):
    panel.zoom_in()
    panel.zoom_in()
    assert panel.scale.span == 125
    panel.fit()
    assert panel.scale.fitted


def test_playing_out_of_the_view_turns_the_page(panel, scene):
    panel.zoom_in()
    scene.session.go_to(450)
    assert panel.scale.start < 450 < panel.scale.end


def test_another_video_takes_everything_with_it(panel, scene, qtbot):
    scene.mark(3, 3, "first video")
    panel.zoom_in()
    scene.frames = 80
    scene.open(qtbot, "second.mp4")
    qtbot.waitUntil(lambda: scene.session.frames == 80)
    assert panel.scale.frames == 80
    assert panel.scale.fitted
    assert panel.stack.marks.marks == ()


def test_without_a_video_the_timeline_is_empty_and_quiet(make_scene, qtbot):
    panel = TimelinePanel(make_scene(500).session)
    qtbot.addWidget(panel)
    panel.resize(1200, 320)
    panel.show()
    qtbot.mouseClick(panel.stack.surface, LEFT, pos=QPoint(600, 150))
    panel.zoom_in()
    panel.stack.surface.hovered.emit(3)
    assert panel.readout.text() == ""
    ruler = panel.stack.ruler.grab().toImage()
    assert {ruler.pixelColor(x, 8).name() for x in range(100, 1100)} == {ruler.pixelColor(100, 3).name()}


def test_stretches_are_the_runs_of_true():
    assert stretches(np.array([1, 1, 0, 1, 0, 0, 1], bool)) == [(0, 1), (3, 3), (6, 6)]
    assert stretches(np.zeros(4, bool)) == []


def test_thumbnails_prefer_key_frames_and_stay_put_while_panning(panel):
    scale = panel.scale.resized(84, 1000)
    keys = np.arange(0, 500, 50)
    shown = frames_for(scale, keys, 100)
    assert shown == list(range(0, 500, 50))
    close = scale.showing(100, 139)
    panned = close.panned(8)
    assert len(set(frames_for(close, keys, 100)) & set(frames_for(panned, keys, 100))) >= 8


def test_a_two_hour_video_stays_fluid(make_scene, qtbot):
    frames = 180_000
    scene = make_scene(frames)
    scene.list_detectors()
    scene.open(qtbot)
    panel = TimelinePanel(scene.session)
    qtbot.addWidget(panel)
    panel.resize(1900, 320)
    panel.show()
    qtbot.waitExposed(panel)
    job = scene.analyse()
    people = []
    for number in range(3):
        seen = np.arange(frames - 2000)
        people.append(
            (make_track(number, seen), make_scores(number, seen, suspicious_curve(frames, 0.5, number)[seen]))
        )
    scene.segment(job, 0, frames - 2001, *people)
    qtbot.waitUntil(lambda: panel.stack.analysed.ranges == ((0, frames - 2001),))
    surface = panel.stack.surface

    def move(step: int) -> None:
        surface._move_cursor(step * 4000)
        surface.repaint()

    def add(step: int) -> None:
        more = np.arange(frames - 2000 + step * 50, frames - 1950 + step * 50)
        part = make_track(0, more), make_scores(0, more, np.full(50, 0.5))
        scene.segment(job, int(more[0]), int(more[-1]), part)
        panel._show_results()

    assert median_ms(move, 30) <= 8
    assert median_ms(add, 20) < 20


def median_ms(action, times: int) -> float:
    took = []
    for step in range(times):
        began = time.thread_time()  # of this thread alone: other work on the machine does not count
        action(step)
        took.append((time.thread_time() - began) * 1000)
    return float(np.median(took))
