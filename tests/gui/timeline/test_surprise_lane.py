"""The lane of the errors of prediction: each frame has the value of its example in the window that began last."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from scenes import make_scores, make_track

from engine.results import Scores, frozen
from gui.timeline.surprise import MEANING, RULE, errors

WINDOWS = [(3, 62), (30, 89), (60, 119), (70, 129)]


def make_windows(track_id: int, windows: list[tuple[int, int]], seed: int = 0) -> Scores:
    scores = make_scores(track_id, np.array([first for first, _ in windows]), np.full(len(windows), 0.5))
    series = np.random.default_rng(seed).uniform(0.2, 1.1, (len(windows), 12)).astype(np.float32)
    return replace(
        scores,
        spans=frozen(np.array(windows, np.int64)),
        activations=MappingProxyType({"prediction-error": frozen(series)}),
    )


def expected(scores: Scores) -> dict[int, float]:
    """Frame -> error, frame by frame: of the windows that show it the one with the largest beginning."""
    found = {}
    for frame in range(200):
        showing = [
            (first, row) for row, (first, last) in enumerate(scores.spans.tolist()) if first <= frame <= last
        ]
        if showing:
            first, row = max(showing)
            found[frame] = float(scores.activations["prediction-error"][row, (frame - first) // 5])
    return found


def lps(face: int = 0, windows: list[tuple[int, int]] = WINDOWS):
    seen = np.unique(np.concatenate([np.arange(first, last + 1) for first, last in windows]))
    return make_track(face, seen), make_windows(face, windows, face)


@pytest.mark.parametrize(
    "windows",
    [WINDOWS, [(10, 29)], [(0, 59), (120, 179)], [(0, 59), (1, 60), (2, 61)]],
    ids=["overlapping", "a short face", "a gap", "nearly the same"],
)
def test_each_frame_has_the_error_of_its_example_in_the_window_that_began_last(scene, qtbot, windows):
    person = lps(0, windows)
    known = expected(person[1])
    scene.finish(scene.analyse(), person)
    (track,) = scene.session.visible_tracks
    found = errors(track)
    for frame in range(track.first, track.last + 1):
        value = float(found[frame - track.first])
        assert value == pytest.approx(known[frame]) if frame in known else np.isnan(value), frame


def test_the_curve_is_drawn_at_its_value(panel, scene, qtbot):
    person = lps()
    known = expected(person[1])
    scene.finish(scene.analyse(), person)
    lane = panel.stack.surprise
    qtbot.waitUntil(lane.isVisible)
    panel.stack.surface.hide()
    image = lane.grab().toImage()
    top, bottom = 3, lane.room - 3
    empty = image.pixelColor(round(panel.scale.x(190)), bottom)
    for frame in (5, 20, 45, 75, 110, 127):
        first = max(first for first, last in WINDOWS if first <= frame <= last)
        if (frame - first) % 5 not in (1, 2, 3):
            frame += 2 - (frame - first) % 5  # in the middle of its example no step is near
        x = round(panel.scale.x(frame))
        light = [image.pixelColor(x, y).lightness() for y in range(top, bottom + 1)]
        row = bottom - known[frame] / lane.top * (bottom - top)
        chance = bottom - (bottom - top) / lane.top
        inked = [y for y in range(top, bottom + 1) if light[y - top] > empty.lightness() + 25]
        assert any(abs(y - row) <= 1.5 for y in inked), (frame, row, inked)
        assert all(abs(y - row) <= 2.5 or abs(y - chance) <= 1.5 for y in inked), (frame, row, inked)


def test_hovering_gives_the_value_and_says_what_it_is_not(panel, scene, qtbot):
    person = lps()
    known = expected(person[1])
    scene.finish(scene.analyse(), person)
    lane = panel.stack.surprise
    qtbot.waitUntil(lane.isVisible)
    y = lane.y() + 10
    qtbot.mouseMove(panel.stack.surface, QPoint(round(panel.scale.x(66)), y))
    lines = panel.stack.surface.toolTip().split("\n")
    told = f"Face 1, frame 66: error {known[66]:.2f} (example of frames 65 to 69, window of frames 60 to 119)"
    assert lines == [told, f"S{MEANING[1:]}", RULE]
    assert "not fakeness" in lines[1]
    assert f"surprise {known[66]:.2f}" in panel.readout.text()
    qtbot.mouseMove(panel.stack.surface, QPoint(round(panel.scale.x(150)), y))
    assert panel.stack.surface.toolTip().startswith("Frame 150: no error of prediction here")
    assert "surprise" not in panel.readout.text()
    assert MEANING in lane.accessibleDescription()


def test_it_is_there_for_lps_alone_and_follows_the_faces(panel, scene, qtbot):
    lane = panel.stack.surprise
    assert not lane.isVisible()
    scene.finish(scene.analyse(), lps(), lps(1, [(100, 159)]))
    qtbot.waitUntil(lambda: len(lane.tracks) == 2)
    scene.session.set_face_visible(0, False)
    qtbot.waitUntil(lambda: [track.id for track in lane.tracks] == [1])
    panel.set_low(True)
    assert not lane.isVisible()
    panel.set_low(False)
    assert lane.isVisible()
    frames = np.arange(100)
    scene.finish(scene.analyse(), (make_track(0, frames), make_scores(0, frames, np.full(100, 0.1))))
    qtbot.waitUntil(lambda: not lane.isVisible())
