"""Excluding prototypes in the window: all numbers follow, undo gives back the stored ones, the case keeps it."""

import dpnet_scene
import numpy as np
import pytest
from dpnet_scene import NAMES, clip_scores, naive_logit, similarities
from PySide6.QtWidgets import QLabel
from scenes import SHA, Scene

from engine.case.case_file import CaseFile
from engine.rendering.layers import build_layers
from engine.rendering.primitives import Text
from engine.rendering.style import OverlayStyle
from gui.explaining import FrameExplanation
from gui.exporting import ExportJob, ExportPlan
from gui.panels.explanation import ExplanationPanel
from gui.results_model import ResultsModel
from gui.specifications.checking import Checking
from gui.status import StatusLine
from gui.timeline.timeline import TimelinePanel

FRAMES = 200
LEFT_OUT = {NAMES[2], NAMES[0]}
HEARD = (False, True, False, True)


@pytest.fixture
def scene(make_scene, qtbot) -> Scene:
    made = make_scene(FRAMES)
    dpnet_scene.list_dpnet(made)
    made.open(qtbot)
    return made


def expected(values: np.ndarray) -> np.ndarray:
    logits = np.array([naive_logit(row, HEARD) for row in values])
    return 1 / (1 + np.exp(-logits))


def shown(results: ResultsModel) -> list[object]:
    """All numbers that views read."""
    return [
        results.fake_probability,
        *((track.scores.tobytes(), track.spans.tobytes(), track.mean) for track in results),
        *(part.logits.tobytes() for track in results for part in track.parts),
        *(scores.fake_probability.tobytes() for scores in results.final.scores),
    ]


def test_scores_and_video_score_are_those_of_a_loop_without_the_excluded(scene):
    values = similarities(40)
    dpnet_scene.finish(scene, clip_scores(values), clip_scores(values[:20] * 0.5, track=1))
    results = scene.session.results
    scene.session.reviewing.exclude(LEFT_OUT)
    first, second = expected(values), expected(values[:20] * np.float32(0.5))
    np.testing.assert_allclose(results.tracks[0].scores, first, atol=1e-6)
    np.testing.assert_allclose(results.tracks[1].scores, second, atol=1e-6)
    assert results.tracks[0].probability_at(7) == pytest.approx(first[1], abs=1e-6)
    assert results.fake_probability == pytest.approx(max(first.mean(), second.mean()), abs=1e-6)
    assert all(set(scores.excluded) == LEFT_OUT for scores in results.final.scores)
    assert not any(scores.excluded for scores in results.stored.scores)


def test_undo_gives_the_stored_numbers_bit_for_bit_and_redo_the_others(scene):
    dpnet_scene.finish(scene, clip_scores(similarities(40)))
    session = scene.session
    before = shown(session.results)
    session.reviewing.exclude({NAMES[3]})
    one = shown(session.results)
    session.reviewing.toggle(NAMES[1])
    assert session.current.edits.undo_text == "Exclude 1 prototype"
    assert session.reviewing.words == "2 prototypes excluded"
    session.undo()
    assert shown(session.results) == one != before
    session.undo()
    assert shown(session.results) == before
    assert session.results.final is session.results.stored
    session.redo()
    assert shown(session.results) == one


def test_scores_that_come_later_follow_too_and_tracks_that_join(scene):
    values = similarities(40)
    job = scene.analyse()
    scene.session.reviewing.exclude(LEFT_OUT)
    dpnet_scene.segment(scene, job, clip_scores(values[:20]), last=99)
    np.testing.assert_allclose(scene.session.results.tracks[0].scores, expected(values)[:20], atol=1e-6)
    dpnet_scene.finish(scene, clip_scores(values), job=job)
    np.testing.assert_allclose(scene.session.results.tracks[0].scores, expected(values), atol=1e-6)
    scene.session.start_analysis()
    assert scene.session.results.excluded == LEFT_OUT


def test_other_videos_and_detectors_keep_theirs(scene, qtbot):
    dpnet_scene.finish(scene, clip_scores(similarities(40)))
    scene.session.reviewing.exclude(LEFT_OUT)
    scene.session.set_detector("frame-mobile")
    assert scene.session.reviewing.excluded == frozenset()
    scene.session.set_detector(dpnet_scene.DETECTOR)
    assert scene.session.reviewing.excluded_indices == {0, 2}
    scene.open(qtbot, "other.mp4")
    assert scene.session.reviewing.excluded == frozenset()


def test_the_verdict_of_the_list_and_specifications_follow(scene, qtbot):
    checking = Checking(scene.session, scene.session)
    checking.list_entries()
    qtbot.waitUntil(lambda: bool(checking.entries))
    checking.choose("shipped/phi_1")
    values = similarities(40) + 0.04 * np.array([0, 0, 1, 1], np.float32)
    dpnet_scene.finish(scene, clip_scores(values))
    qtbot.waitUntil(lambda: checking.answers is not None and checking.progress is None)
    by = checking.witness_prototype
    scene.session.reviewing.exclude({by})
    qtbot.waitUntil(lambda: checking.answers is not None and checking.witness_prototype not in (by, None))
    heard = [n for n, name in enumerate(NAMES) if name != by]
    fake = max(values[:, n].max() for n in heard if n > 1)
    assert checking.answer.verification.robustness == pytest.approx(float(fake) - values[:, :2].max(), abs=1e-6)
    assert "1 prototype excluded" in checking.standing
    verdict = scene.session.current.verdict(dpnet_scene.DETECTOR, 0.5)
    assert "1 prototype excluded" in verdict.detail
    assert "1 prototype excluded" in scene.session.current.likelihood(scene.session.detector).reason
    checking.close()


def test_the_case_keeps_all_of_it_and_logs_each_change(scene, make_scene, qtbot, tmp_path):
    session, path = scene.session, tmp_path / "a.tell"
    session.open_case(path)
    scene.open(qtbot)
    dpnet_scene.finish(scene, clip_scores(similarities(40)))
    prototype = session.detector.prototypes[2]
    session.reviewing.exclude(LEFT_OUT)
    session.reviewing.toggle(NAMES[0])
    session.undo()
    session.reviewing.rename(prototype, "  lips   blur ")
    session.reviewing.label(prototype, "eye-mouth")
    session.close()
    with CaseFile.open(path) as case:
        told = [entry for entry in case.log_entries() if entry.action == "prototypes excluded"]
        assert [set(entry.details["excluded"]) for entry in told] == [LEFT_OUT, {NAMES[2]}, LEFT_OUT]
        assert told[1].details["brought_back"] == [NAMES[0]]
        assert all(entry.details["sha256"] == SHA and entry.time for entry in told)
        case.verify_log()
    again = make_scene(FRAMES)
    dpnet_scene.list_dpnet(again)
    again.session.open_case(path)
    qtbot.waitUntil(lambda: again.session.reviewing.excluded == LEFT_OUT)
    qtbot.waitUntil(lambda: again.session.reviewing.review(prototype).name == "lips blur")
    assert again.session.reviewing.review(prototype).artefact == "eye-mouth"
    assert again.session.reviewing.name_of(NAMES[2]) == f"lips blur ({NAMES[2]})"
    dpnet_scene.finish(again, clip_scores(similarities(40)))
    np.testing.assert_allclose(again.session.results.tracks[0].scores, expected(similarities(40)), atol=1e-6)


def test_what_is_exported_is_without_the_excluded(scene, tmp_path):
    dpnet_scene.finish(scene, clip_scores(similarities(40)))
    scene.session.reviewing.exclude(LEFT_OUT)
    style = OverlayStyle(mask=False, outline=False)
    plan = ExportPlan(tmp_path / "clip.mp4", 0, 3, False, False, style)
    made = ExportJob(scene.session, scene.session.media, plan).scene()
    assert made.excluded == (NAMES[0], NAMES[2])
    assert made.probability(0, 2) == pytest.approx(expected(similarities(40))[0], abs=1e-6)
    layers = build_layers(made.at(0, 0, 0.0), style)
    assert "2 prototypes excluded" in [item.text for item in layers.items if isinstance(item, Text)]


def test_the_window_says_in_its_status_its_list_and_its_timeline_that_some_are_excluded(scene, qtbot):
    status, timeline = StatusLine(scene.session), TimelinePanel(scene.session)
    for widget in (status, timeline):
        qtbot.addWidget(widget)
        widget.show()
    dpnet_scene.finish(scene, clip_scores(similarities(40)))
    badge = status.findChild(QLabel, "excluded")
    assert not badge.isVisible()
    scene.session.reviewing.exclude(LEFT_OUT)
    assert (badge.isVisible(), badge.text()) == (True, "2 prototypes excluded")
    qtbot.waitUntil(lambda: "2 prototypes excluded" in timeline.legend.accessibleDescription())
    assert scene.session.current.verdict(dpnet_scene.DETECTOR, 0.5).text.endswith("suspicious*")
    scene.session.undo()
    assert not badge.isVisible()
    qtbot.waitUntil(lambda: "excluded" not in timeline.legend.accessibleDescription())


def test_a_mask_is_told_to_be_of_the_whole_network(scene):
    panel = ExplanationPanel(scene.session)
    dpnet_scene.finish(scene, clip_scores(similarities(40)))
    made = clip_scores(similarities(1)).provenance
    values, affine = np.zeros((4, 4), np.float32), np.eye(2, 3, dtype=np.float32)
    mask = FrameExplanation("gradcam", dpnet_scene.DETECTOR, 0, 5, values, affine, 0.5, True, made)
    assert "With all prototypes" not in panel._score(mask)
    scene.session.reviewing.exclude(LEFT_OUT)
    assert "With all prototypes (2 excluded elsewhere)" in panel._score(mask)
    panel.deleteLater()
