"""The heat strip of prototypes: each similarity at its frames, in its row; classes have a letter, too."""

import time

import numpy as np
import pytest
from prototype_scenes import COUNT, fives, make_prototype_detector, make_similarities
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QImage
from scenes import make_scores, make_track

from engine.results import SIMILARITY
from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.evidence import MOST
from gui.timeline.prototypes import MEANING, columns, shades
from gui.timeline.scale import FrameScale

FRAMES = 100
SPANS = [(2, 4), *fives(5, 44), *fives(60, 99)]


@pytest.fixture
def choice(panel, scene):
    scene.list_detectors(make_prototype_detector())
    made = PrototypeChoice(scene.session, scene.session)
    panel.follow_prototypes(made)
    return made


def person(face=0):
    seen = np.concatenate((np.arange(2, 45), np.arange(60, 100)))
    return make_track(face, seen), make_similarities(face, SPANS)


def span_of(frame):
    return next((row for row, (first, last) in enumerate(SPANS) if first <= frame <= last), None)


def test_each_column_has_its_frames_clip_or_the_largest_of_its_clips(panel, choice, scene):
    scene.finish(scene.analyse(), person())
    (track,) = scene.session.visible_tracks
    similarity, chosen = track.activations[SIMILARITY], (3, 17, 8)
    found = columns(track, chosen, FrameScale.whole(100, 0, 700))
    assert found.shape == (3, 700)
    for x in range(700):
        row = span_of(int((x + 0.5) // 7))
        expected = [np.nan] * 3 if row is None else similarity[row, chosen].tolist()
        np.testing.assert_array_equal(found[:, x], np.array(expected, np.float32))
    narrow = columns(track, chosen, FrameScale.whole(100, 0, 10))  # ten frames a column
    for x in range(10):
        rows = {span_of(f) for f in range(10 * x, 10 * x + 10)} - {None}
        for at, j in enumerate(chosen):
            inside = [similarity[row, j] for row in rows]
            assert (np.isnan(narrow[at, x]) and not inside) or narrow[at, x] == max(inside)


def test_every_similarity_is_painted_in_its_row_at_its_frames(panel, choice, scene, qtbot):
    scene.finish(scene.analyse(), person())
    lane = panel.stack.prototypes
    qtbot.waitUntil(lane.isVisible)
    panel.stack.surface.hide()
    image = lane.grab().toImage()
    similarity = lane.track.activations[SIMILARITY]
    assert len(lane.rows) == MOST
    for number, j in enumerate(lane.rows):
        table = shades(choice.prototypes[j].label)
        for frame in (2, 4, 5, 9, 17, 44, 60, 99):
            y = lane.top(number) + 2
            assert lane.row_at(y) == j
            pixel = image.pixelColor(round(panel.scale.x(frame)), y)
            shade = table[round(float(similarity[span_of(frame), j]) * 255)].astype(int)
            assert np.abs(np.array([pixel.red(), pixel.green(), pixel.blue()]) - shade).max() <= 1, (j, frame)
    empty = {image.pixelColor(round(panel.scale.x(frame)), 2).rgb() for frame in (0, 1, 50, 58)}
    assert len(empty) == 1


def test_hovering_gives_name_frame_similarity_and_evidence(panel, choice, scene, qtbot):
    _, scores = person()
    scene.finish(scene.analyse(), person())
    lane = panel.stack.prototypes
    qtbot.waitUntil(lane.isVisible)
    j, row = lane.rows[1], span_of(27)
    similarity, prototype = float(scores.activations[SIMILARITY][row, j]), choice.prototypes[j]
    real, fake = (weight * similarity for weight in prototype.weights)
    expected = [
        f"{prototype.name}, of {prototype.label}",
        f"Face 1, frame 27 (clip of frames 25 to 29): similarity {similarity:.3f}",
        f"Evidence: {fake:+.3f} for fake, {real:+.3f} for real",
    ]

    def told():
        """The lane may still move to its place."""
        place = QPoint(round(panel.scale.x(27)), lane.y() + lane.top(1) + 2)
        qtbot.mouseMove(panel.stack.surface, place + QPoint(30, 0))
        qtbot.mouseMove(panel.stack.surface, place)
        return panel.stack.surface.toolTip().split("\n") == expected

    qtbot.waitUntil(told)
    assert lane.tip(QPointF(panel.scale.x(50), lane.top(1) + 2)).endswith("Frame 50: not scored")
    assert lane.tip(QPointF(panel.scale.x(50), lane.height() - 2))[1:] == MEANING[1:]
    scene.session.reviewing.rename(prototype, "lips out of step")
    assert lane.text_of(j, 27).startswith(f"lips out of step ({prototype.name}), of {prototype.label}\n")
    choice.exclude({j})
    assert j not in lane.rows
    assert "+0.000 for fake" in lane.text_of(j, 27)


def test_detectors_without_prototypes_have_no_lane(panel, choice, scene, qtbot):
    lane = panel.stack.prototypes
    assert not lane.isVisible()
    scene.finish(scene.analyse(), person(), person(1))
    qtbot.waitUntil(lane.isVisible)
    assert lane.track.id == 0
    choice.choose_face(1)
    assert lane.track.id == 1
    panel.set_low(True)
    assert not lane.isVisible()
    panel.set_low(False)
    assert lane.isVisible()
    frames = np.arange(100)
    scene.list_detectors()
    scene.finish(scene.analyse(), (make_track(0, frames), make_scores(0, frames, np.full(100, 0.1))))
    qtbot.waitUntil(lambda: not lane.isVisible())
    assert choice.prototypes == ()


def test_classes_are_told_apart_without_colour(panel, choice, scene, qtbot):
    """Fake above real, a seam between them, and a letter beside each block."""
    scene.finish(scene.analyse(), person())
    lane = panel.stack.prototypes
    qtbot.waitUntil(lane.isVisible)
    labels = [choice.prototypes[j].label for j in lane.rows]
    assert labels == sorted(labels)
    fakes = labels.count("fake")
    assert 0 < fakes < MOST
    assert lane.row_at(lane.top(fakes) - 1) is None
    assert "of fake (F) and of real (R)" in lane.accessibleDescription()


def test_a_repaint_only_copies(panel, choice, scene, qtbot):
    """Under 5 ms of this thread's own time, of a picture of 1200 pixels, though the cursor moved."""
    scene.finish(scene.analyse(), person())
    lane = panel.stack.prototypes
    qtbot.waitUntil(lane.isVisible)
    target = QImage(lane.size(), QImage.Format.Format_ARGB32_Premultiplied)
    lane.render(target)
    taken = []
    for _ in range(20):
        began = time.thread_time()
        lane.render(target)
        taken.append(time.thread_time() - began)
    assert min(taken) < 0.005
    assert COUNT > MOST
