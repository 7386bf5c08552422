"""Bars of scores that stand for several frames: where they are, how high, and what a click on them does."""

import numpy as np
from PySide6.QtCore import QPoint, Qt
from scenes import make_scores, make_track
from snippet_scenes import fours, make_snippets

FRAMES = 100

LEFT = Qt.MouseButton.LeftButton


def snippets(scene, panel, qtbot):
    """Low scores up to frame 39, high ones from 60 on, nothing in between."""
    spans = [*fours(0, 39), *fours(60, 99)]
    values = [0.25] * 10 + [0.75] * 10
    seen = np.concatenate((np.arange(40), np.arange(60, 100)))
    scene.finish(scene.analyse(), (make_track(0, seen), make_snippets(0, spans, values)))
    qtbot.waitUntil(lambda: bool(panel.stack.plot.tracks))


def place(panel, frame, probability):
    plot = panel.stack.plot
    return QPoint(round(panel.scale.x(frame)), plot.y() + round(plot.row_of(probability)))


def test_a_bar_has_the_width_of_its_span_and_the_height_of_its_score(panel, scene, qtbot):
    snippets(scene, panel, qtbot)
    bars = panel.stack.plot.bars
    (face, spans, scores) = bars.drawn()[0]
    assert (face, len(spans), len(scores)) == (0, 20, 20)
    panel.stack.surface.hide()
    image = panel.stack.plot.grab().toImage()
    row_of = panel.stack.plot.row_of

    def inks(first, last, probability):
        y = round(row_of(probability))
        return [
            image.pixelColor(x, y).rgb() for x in range(round(panel.scale.x(first)), round(panel.scale.x(last)))
        ]

    (ground,) = set(inks(44, 56, 0.6))
    assert ground not in inks(1, 2.5, 0.1)
    assert set(inks(1, 2.5, 0.35)) == {ground}  # above the low bars
    assert ground not in inks(61, 62.5, 0.6)
    assert set(inks(61, 62.5, 0.9)) == {ground}
    assert set(inks(44, 56, 0.1)) == {ground}
    low = set(inks(1, 2.5, 0.15))
    assert len(low) == 1, "a bar below the threshold is plain"
    assert len(set(inks(61, 62.5, 0.15))) > 1, "one above it is hatched"
    between = [set(inks(first - 0.7, first - 0.3, 0.15)) for first in (4, 8, 12)]
    assert all(len(found) > 1 for found in between), "bars are told apart"


def test_the_hatch_follows_the_threshold(panel, scene, qtbot):
    snippets(scene, panel, qtbot)
    panel.stack.surface.hide()

    def hatched(frame):
        image, y = panel.stack.plot.grab().toImage(), round(panel.stack.plot.row_of(0.1))
        xs = range(round(panel.scale.x(frame)), round(panel.scale.x(frame + 1.5)))
        return len({image.pixelColor(x, y).rgb() for x in xs}) > 1

    assert (hatched(1), hatched(61)) == (False, True)
    scene.session.set_threshold(0.2)
    assert (hatched(1), hatched(61)) == (True, True)
    scene.session.set_threshold(0.8)
    assert (hatched(1), hatched(61)) == (False, False)


def test_a_click_on_a_bar_goes_to_its_first_frame_and_one_above_it_to_its_own(panel, scene, qtbot):
    snippets(scene, panel, qtbot)
    surface = panel.stack.surface
    qtbot.mouseClick(surface, LEFT, pos=place(panel, 66, 0.3))
    assert scene.session.frame == 64
    qtbot.mouseClick(surface, LEFT, pos=place(panel, 66, 0.9))
    assert scene.session.frame == 66
    qtbot.mouseClick(surface, LEFT, pos=place(panel, 10, 0.4))  # above the low bar
    assert scene.session.frame == 10


def test_a_drag_that_begins_on_a_bar_scrubs(panel, scene, qtbot):
    snippets(scene, panel, qtbot)
    surface = panel.stack.surface
    qtbot.mousePress(surface, LEFT, pos=place(panel, 66, 0.3))
    qtbot.mouseMove(surface, place(panel, 70, 0.3))
    qtbot.mouseRelease(surface, LEFT, pos=place(panel, 75, 0.3))
    assert scene.session.frame == 75


def test_the_mouse_is_told_what_a_bar_is(panel, scene, qtbot):
    snippets(scene, panel, qtbot)
    qtbot.mouseMove(panel.stack.surface, place(panel, 66, 0.3))
    tip = panel.stack.surface.toolTip()
    assert "Face 1, frames 64 to 67: fake probability 0.75, at or above the threshold" in tip
    qtbot.mouseMove(panel.stack.surface, place(panel, 10, 0.1))
    assert "frames 8 to 11: fake probability 0.25, below the threshold" in panel.stack.surface.toolTip()
    qtbot.mouseMove(panel.stack.surface, place(panel, 50, 0.3))
    assert panel.stack.surface.toolTip() == ""


def test_frame_detectors_and_bars_too_narrow_to_see_are_left_out(panel, scene, qtbot):
    frames = np.arange(100)
    scene.finish(scene.analyse(), (make_track(0, frames), make_scores(0, frames, np.full(100, 0.75))))
    qtbot.waitUntil(lambda: bool(panel.stack.plot.tracks))
    assert panel.stack.plot.bars.drawn() == []
    qtbot.mouseClick(panel.stack.surface, LEFT, pos=place(panel, 66, 0.3))
    assert scene.session.frame == 66
    bars = panel.stack.plot.bars
    snippets(scene, panel, qtbot)
    qtbot.waitUntil(lambda: bool(bars.drawn()))
    bars.set_view(100, -0.5, 99.5, 0.7)  # 2.8 pixels a snippet
    assert bars.drawn() == []
    bars.set_view(100, -0.5, 99.5, 0.8)
    assert len(bars.drawn()[0][1]) == 20
    bars.set_view(100, 64, 67, 300)
    assert bars.drawn()[0][1].tolist() == [[64, 67]]
