"""The model of the suspicious intervals: what it finds while results come in, its rule, and the marks it makes."""

from dataclasses import replace

import numpy as np
import pytest
from scenes import CARD, SHA, make_detector, make_scores, make_track
from snippet_scenes import fours, make_snippets

from engine.evaluation.intervals import IntervalRule
from gui.intervals import Intervals


@pytest.fixture
def intervals(scene):
    made = Intervals(scene.session, scene.session)
    yield made
    made.close()


def person(high=((50, 80),), value=0.9, face=0, frames=200):
    at = np.arange(frames)
    values = np.full(frames, 0.1)
    for first, end in high:
        values[first:end] = value
    return make_track(face, at), make_scores(face, at, values)


def found(intervals):
    return [(each.track_id, each.first, each.last) for each in intervals.found]


def test_they_follow_a_running_analysis(scene, intervals, qtbot):
    job = scene.analyse()
    _, scores = person(((50, 80), (120, 140)))

    def part(first, last):
        rows = np.arange(first, last + 1)
        return make_track(0, rows), make_scores(0, rows, scores.fake_probability[rows])

    scene.segment(job, 100, 199, part(100, 199))
    qtbot.waitUntil(lambda: found(intervals) == [(0, 120, 139)])
    scene.segment(job, 0, 99, part(0, 99))
    qtbot.waitUntil(lambda: found(intervals) == [(0, 50, 79), (0, 120, 139)])
    scene.frames = 80
    scene.open(qtbot, "second.mp4")
    qtbot.waitUntil(lambda: found(intervals) == [])


def test_the_usual_rule_hangs_on_the_detector_and_a_chosen_one_is_kept(scene, intervals, qtbot):
    scene.finish(scene.analyse(), person())
    qtbot.waitUntil(lambda: bool(intervals.found))
    assert intervals.rule == IntervalRule(0.5, 0.4, 1, 10, 3)
    assert not intervals.own_rule
    own = IntervalRule(0.95, 0.9, 1, 10, 3)
    intervals.set_rule(own)
    assert (intervals.found, intervals.rule, intervals.own_rule) == ((), own, True)
    scene.finish(scene.analyse(), person())
    intervals.refresh()
    assert intervals.rule == own
    intervals.set_rule(None)
    assert (found(intervals), intervals.own_rule) == ([(0, 50, 79)], False)
    spans = fours(0, 199)
    scene.finish(scene.analyse(), (make_track(0, np.arange(200)), make_snippets(0, spans, [0.7] * 50)))
    qtbot.waitUntil(lambda: intervals.rule == IntervalRule(0.5, 0.4, 4, 10, 3))
    assert found(intervals) == [(0, 0, 199)]


def test_the_threshold_of_the_card_is_where_intervals_begin(make_scene, qtbot):
    scene = make_scene(200)
    scene.list_detectors(replace(make_detector(), card=CARD | {"threshold": 0.3}))
    scene.open(qtbot)
    intervals = Intervals(scene.session, scene.session)
    scene.finish(scene.analyse(), person(value=0.35))
    qtbot.waitUntil(lambda: found(intervals) == [(0, 50, 79)])
    assert (intervals.rule.high, intervals.rule.low) == (0.3, 0.24)
    intervals.close()


def test_a_mark_says_what_found_it_and_can_be_undone(scene, intervals, qtbot):
    scene.finish(scene.analyse(), person())
    qtbot.waitUntil(lambda: bool(intervals.found))
    intervals.mark(intervals.found[0])
    (mark,) = scene.session.marks
    assert (mark.first, mark.last) == (50, 79)
    for words in ("Face 1", "frame-mobile", "mean 0.90", "peak 0.90 at frame 50", SHA, intervals.rule.words()):
        assert words in mark.note
    scene.session.undo()
    assert scene.session.marks == ()
    scene.session.redo()
    assert scene.session.marks == (mark,)


def test_the_current_one_is_the_chosen_one_or_under_the_playhead(scene, intervals, qtbot):
    scene.finish(scene.analyse(), person(((50, 80), (120, 140))))
    qtbot.waitUntil(lambda: len(intervals.found) == 2)
    assert intervals.current is None
    intervals.mark_current()
    assert scene.session.marks == ()
    assert "No suspicious interval holds frame 0" in scene.session.messages[-1].text
    scene.session.go_to(79)
    assert intervals.current == intervals.found[0]
    intervals.choose(intervals.found[1])
    intervals.mark_current()
    assert [(mark.first, mark.last) for mark in scene.session.marks] == [(120, 139)]
    intervals.go_to(intervals.found[1])
    assert scene.session.frame == 120
    intervals.set_rule(IntervalRule(0.5, 0.4, 1, 25, 3))
    assert (found(intervals), intervals.chosen) == ([(0, 50, 79)], None)


def test_hidden_faces_have_none(scene, intervals, qtbot):
    scene.finish(scene.analyse(), person(), person(((100, 150),), face=1))
    qtbot.waitUntil(lambda: found(intervals) == [(0, 50, 79), (1, 100, 149)])
    scene.session.set_face_visible(0, False)
    qtbot.waitUntil(lambda: found(intervals) == [(1, 100, 149)])


def test_what_stands_out_is_told_of_whole_curves_and_can_be_marked(scene, intervals, qtbot):
    """Below the threshold all along, so that no interval is found: the step is there all the same."""
    track, scores = person(((50, 80),), value=0.3)
    job = scene.analyse()
    scene.segment(job, 0, 199, (track, scores))
    intervals.refresh()
    assert intervals.outstanding is None, "half a curve may have other steps"
    scene.finish(job, (track, scores))
    qtbot.waitUntil(lambda: intervals.outstanding is not None)
    out = intervals.outstanding
    assert (found(intervals), out.track_id, out.first, out.last) == ([], 0, 50, 79)
    assert out.contrast == pytest.approx(np.log(0.3 / 0.7) - np.log(0.1 / 0.9), abs=1e-5)
    intervals.go_to(out)
    assert scene.session.frame == 50
    intervals.mark_outstanding()
    (mark,) = scene.session.marks
    assert (mark.first, mark.last) == (50, 79)
    assert "stands out from the rest of itself" in mark.note
    assert f"higher by {out.contrast:.2f}" in mark.note
    assert SHA in mark.note
    scene.session.undo()
    assert scene.session.marks == ()
