"""The U-T strip: each value at its frame, on a fixed scale, and only where there is one."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from scenes import make_scores, make_track
from snippet_scenes import fours, make_snippets

from gui.timeline.attention import MEANING, ROW, columns, shades
from gui.timeline.scale import FrameScale

FRAMES = 100


def snippets(scene, face=0):
    """Two stretches; the first span is cut off in front, as at the beginning of a face."""
    spans = [(2, 3), *fours(4, 41), *fours(60, 99)]
    seen = np.concatenate((np.arange(2, 42), np.arange(60, 100)))
    return make_track(face, seen), make_snippets(face, spans, [0.5] * len(spans), face)


def expected(scores):
    """Frame -> attention, span by span."""
    known = {}
    for (first, last), row in zip(scores.spans.tolist(), scores.activations["u-t"].tolist(), strict=True):
        for offset in range(last - first + 1):
            known[first + offset] = row[offset]
    return known


def test_the_scale_is_fixed_and_from_dark_to_light():
    table = shades().astype(int)
    assert table.shape == (256, 3)
    assert (np.diff(table.sum(axis=1)) >= 0).all()
    assert table[255].sum() > table[0].sum() + 300


def test_each_column_has_the_value_of_its_frame_or_the_largest_of_its_frames(panel, scene, qtbot):
    person = snippets(scene)
    known = expected(person[1])
    scene.finish(scene.analyse(), person)
    (track,) = scene.session.visible_tracks
    wide = FrameScale.whole(100, 0, 700)
    found = columns(track, wide)
    middles = [int((x + 0.5) // 7) for x in range(700)]
    np.testing.assert_array_equal(found, np.array([known.get(f, np.nan) for f in middles], np.float32))
    narrow = columns(track, FrameScale.whole(100, 0, 25))  # four frames a column
    for column, value in enumerate(narrow.tolist()):
        inside = [known[f] for f in range(4 * column, 4 * column + 4) if f in known]
        assert (np.isnan(value) and not inside) or value == pytest.approx(max(inside))


def test_the_strip_is_drawn_where_there_is_attention(panel, scene, qtbot):
    person = snippets(scene)
    known, table = expected(person[1]), shades()
    scene.finish(scene.analyse(), person)
    lane = panel.stack.attention
    qtbot.waitUntil(lane.isVisible)
    panel.stack.surface.hide()
    image = lane.grab().toImage()
    for frame in (2, 3, 4, 5, 17, 41, 60, 99):
        pixel = image.pixelColor(round(panel.scale.x(frame)), ROW // 2)
        shade = table[round(known[frame] * 255)]
        assert np.abs(np.array([pixel.red(), pixel.green(), pixel.blue()]) - shade).max() <= 1, frame
    empty = {image.pixelColor(round(panel.scale.x(frame)), ROW // 2).rgb() for frame in (0, 1, 44, 50, 58)}
    assert len(empty) == 1


def test_hovering_gives_frame_and_value_and_says_what_it_is_not(panel, scene, qtbot):
    person = snippets(scene)
    known = expected(person[1])
    scene.finish(scene.analyse(), person)
    lane = panel.stack.attention
    qtbot.waitUntil(lane.isVisible)
    y = lane.y() + ROW // 2
    qtbot.mouseMove(panel.stack.surface, QPoint(round(panel.scale.x(18)), y))
    lines = panel.stack.surface.toolTip().split("\n")
    assert lines[0] == f"Face 1, frame 18: attention {known[18]:.2f} (score of frames 16 to 19)"
    assert lines[1] == "Attention, no probability; 0.25 where nothing was learnt"
    assert f"U-T {known[18]:.2f}" in panel.readout.text()
    qtbot.mouseMove(panel.stack.surface, QPoint(round(panel.scale.x(50)), y))
    assert panel.stack.surface.toolTip().startswith("Frame 50: no U-T map here")
    assert "U-T" not in panel.readout.text()
    assert MEANING in lane.accessibleDescription()


def test_a_row_for_each_face_and_none_for_detectors_without_attention(panel, scene, qtbot):
    lane = panel.stack.attention
    assert not lane.isVisible()
    scene.finish(scene.analyse(), snippets(scene), snippets(scene, 1))
    qtbot.waitUntil(lambda: len(lane.tracks) == 2)
    two = lane.height()
    scene.session.set_face_visible(0, False)
    qtbot.waitUntil(lambda: [track.id for track in lane.tracks] == [1])
    assert two - lane.height() == ROW
    panel.set_low(True)
    assert not lane.isVisible()
    panel.set_low(False)
    assert lane.isVisible()
    frames = np.arange(100)
    scene.finish(scene.analyse(), (make_track(0, frames), make_scores(0, frames, np.full(100, 0.1))))
    qtbot.waitUntil(lambda: not lane.isVisible())
