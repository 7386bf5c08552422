"""The model: what is asked when, what is kept, and that no answer is ever of something else."""

import time
from pathlib import Path

import numpy as np
import pytest
from never_away import assert_never_away
from scenes import make_scores, make_track

from gui.settings import Settings
from gui.specifications import evaluating, shelf
from gui.specifications.wording import row_text, times_of, value_text


def high(first, last, value=0.9, track=0):
    frames = np.arange(first, last + 1)
    return make_track(track, frames), make_scores(track, frames, np.full(len(frames), value))


def test_nothing_is_chosen_at_first_and_the_library_is_there(checking):
    assert checking.chosen == ""
    assert checking.answers is None
    names = [entry.name for entry in checking.entries]
    assert {"phi_1", "phi_2", "phi_3", "steady", "sustained"} <= set(names)
    assert not any(entry.own or entry.problem for entry in checking.entries)


def test_each_face_gets_a_verdict_a_robustness_and_a_witness(scene, checking, choose, qtbot):
    choose("shipped/sustained")
    scene.finish(scene.analyse(), high(0, 199, 0.9), high(0, 99, 0.2, 1))
    qtbot.waitUntil(lambda: checking.answers is not None)
    first, second = checking.answers.faces
    assert (first.verification.verdict, second.verification.verdict) == ("satisfied", "violated")
    assert first.verification.robustness == pytest.approx(0.4)
    assert row_text(first) == "✓ Face 1: satisfied, robustness +0.400"
    assert row_text(second) == "✗ Face 2: violated, robustness −0.300"
    assert not checking.answers.provisional
    assert checking.standing == ""


def test_answers_are_provisional_until_the_analysis_is_over_and_follow_new_scores(scene, checking, choose, qtbot):
    choose("shipped/sustained")
    job = scene.analyse()
    assert "Waiting" in checking.standing
    scene.segment(job, 0, 49, high(0, 49, 0.2))
    qtbot.waitUntil(lambda: checking.answers is not None)
    assert checking.answers.provisional
    assert checking.answers.faces[0].verification.verdict == "violated"
    assert checking.standing == "Provisional: the analysis goes on."
    scene.segment(job, 50, 99, high(50, 99, 0.9))
    qtbot.waitUntil(lambda: checking.answers.faces[0].verification.verdict == "satisfied")
    assert checking.answers.faces[0].steps == 100
    scene.finish(job, high(0, 99, 0.9))
    qtbot.waitUntil(lambda: not checking.answers.provisional)


def test_new_scores_are_checked_now_and_then_only_and_the_last_are_never_lost(
    scene, checking, choose, qtbot, monkeypatch
):
    asked = []
    real = evaluating.check_faces

    def noting(specification, faces, **changes):
        asked.append(sum(len(part.spans) for part in faces[0].parts))
        return real(specification, faces, **changes)

    monkeypatch.setattr(evaluating, "check_faces", noting)
    choose("shipped/steady")
    job = scene.analyse()
    for first in range(0, 150, 5):
        scene.segment(job, first, first + 4, high(first, first + 4))
        qtbot.wait(10)
    qtbot.waitUntil(lambda: checking.answers is not None and checking.answers.faces[0].steps == 150)
    assert len(asked) <= 4  # 30 stretches in about half a second


def test_a_part_of_the_video_is_told_to_be_one(scene, checking, choose, qtbot):
    choose("shipped/steady")
    job = scene.analyse()
    scene.segment(job, 0, 99, high(0, 99))
    results = scene.session.results
    results.done = True
    checking._on_results()
    qtbot.waitUntil(lambda: checking.answers is not None)
    assert checking.standing == "Of the analysed part of the video alone."


def test_a_changed_parameter_is_checked_at_once_and_kept(scene, checking, make_checking, choose, qtbot):
    choose("shipped/sustained")
    scene.finish(scene.analyse(), high(0, 199, 0.9))
    qtbot.waitUntil(lambda: checking.answers is not None)
    checking.set_value("threshold", 0.95)
    qtbot.waitUntil(lambda: checking.answers.faces[0].verification.verdict == "violated")
    assert checking.values == {"threshold": 0.95, "scores": 10.0}
    again = make_checking()
    again.list_entries()
    qtbot.waitUntil(lambda: again.parsed is not None)
    assert (again.chosen, again.values["threshold"]) == ("shipped/sustained", 0.95)
    checking.set_value("threshold", None)
    assert checking.values["threshold"] == 0.5


def test_another_video_never_shows_the_answers_of_the_one_before(scene, checking, choose, qtbot):
    choose("shipped/sustained")
    scene.finish(scene.analyse(), high(0, 199, 0.9))
    qtbot.waitUntil(lambda: checking.answers is not None)
    scene.session.open([scene.folder / "other.mp4"])
    assert checking.answers is None
    scene.session.show_video(0)
    qtbot.waitUntil(lambda: checking.answers is not None)
    scene.analyse()  # anew: what was found is gone
    assert checking.answers is None


def test_hidden_faces_are_not_checked(scene, checking, choose, qtbot):
    choose("shipped/steady")
    scene.finish(scene.analyse(), high(0, 199), high(0, 99, 0.2, 1))
    qtbot.waitUntil(lambda: checking.answers is not None)
    scene.session.set_face_visible(0, False)
    qtbot.waitUntil(lambda: [face.track_id for face in checking.answers.faces] == [1])


def test_a_text_with_a_fault_is_told_and_nothing_is_said_of_the_video(scene, checking, write, qtbot):
    scene.finish(scene.analyse(), high(0, 199))
    assert write("□(probability > 0.5)").fault is None
    qtbot.waitUntil(lambda: checking.answers is not None)
    fault = write("□(probability > )").fault
    assert (fault.line, fault.column) == (1, 17)
    assert "expected a value" in fault.reason
    assert checking.answers is None
    assert checking.standing == "Nothing is checked until the text is right."


def test_typing_is_read_when_it_rests(checking, qtbot, monkeypatch):
    read = []
    real = evaluating.parsed
    monkeypatch.setattr(evaluating, "parsed", lambda text, name: read.append(text) or real(text, name))
    checking.start_new()
    text = "□(probability > 0.5)"
    for end in range(1, len(text) + 1):
        checking.set_text(text[:end])
        qtbot.wait(2)
    qtbot.waitUntil(lambda: checking.parsed is not None and checking.parsed.text == text)
    assert read[-1] == text
    assert len(read) <= 3


def test_edited_texts_outlive_choosing_another_and_the_program(checking, scene, choose, write, qtbot):
    write("□(logit > 0)")
    choose("shipped/steady")
    assert not checking.edited
    checking.choose(shelf.NEW)
    assert checking.text == "□(logit > 0)"
    scene.settings.sync()
    kept = Settings(scene.folder / "settings.ini").preferences
    assert kept.specification == shelf.NEW
    assert any("logit > 0" in line for line in kept.specification_drafts)
    checking.revert()
    assert (checking.chosen, checking.is_draft(shelf.NEW)) == ("", False)


def test_a_shipped_text_can_be_edited_reverted_and_saved_under_another_name(checking, choose, qtbot):
    choose("shipped/steady")
    text = checking.text.replace("0.3", "0.2")
    checking.set_text(text)
    assert checking.edited
    assert not checking.can_save
    checking.save("mine")
    qtbot.waitUntil(lambda: checking.chosen == "own/mine" and checking.entry is not None)
    file = shelf.own_folder() / "mine.tqtl"
    assert file.read_text(encoding="utf-8") == text
    assert not checking.edited
    assert [path.name for path in file.parent.iterdir()] == ["mine.tqtl"]  # no .part is left
    checking.choose("shipped/steady")
    assert not checking.edited


def test_saving_over_ones_own_file_keeps_it_chosen_and_its_answers(scene, checking, write, qtbot):
    scene.finish(scene.analyse(), high(0, 199))
    write("□(probability > 0.5)")
    checking.save("mine")
    qtbot.waitUntil(lambda: checking.entry is not None and checking.entry.own)
    write_text = "□(probability > 0.6)"
    checking.set_text(write_text)
    assert checking.can_save
    checking.save()
    qtbot.waitUntil(lambda: checking.entry.text == write_text)
    assert not checking.edited
    qtbot.waitUntil(lambda: checking.answers is not None)


def test_a_file_that_cannot_be_written_is_told_and_leaves_the_old_one(checking, write, scene, qtbot):
    write("□(probability > 0.5)")
    shelf.own_folder().parent.mkdir(parents=True, exist_ok=True)
    shelf.own_folder().write_text("in the way")
    checking.save("mine")
    qtbot.waitUntil(lambda: any(message.level == "error" for message in scene.session.messages))
    assert "cannot be written" in scene.session.messages[-1].text
    assert checking.edited


def test_a_file_with_a_fault_is_listed_with_it_and_can_be_mended(scene, qtbot):
    shelf.save("broken", "□(probability > ")
    shelf.save("good", 'title "Good"\n□(probability > 0.5)')
    entries = {entry.name: entry for entry in shelf.listing() if entry.own}
    assert "expected a value" in entries["broken"].problem
    assert entries["good"].title == "Good"
    assert entries["broken"].text == "□(probability > "


@pytest.mark.parametrize(
    ("name", "fine"), [("mine 2", True), ("a/b", False), ("", False), ("../x", False), ("steady", False)]
)
def test_names_of_files(checking, name, fine):
    assert (shelf.name_problem(name, checking.entries) == "") is fine


def test_a_chosen_file_that_is_gone_is_told(scene, make_checking, qtbot):
    scene.settings.change(specification="own/lost")
    made = make_checking()
    made.list_entries()
    qtbot.waitUntil(lambda: bool(made.entries))
    assert made.chosen == ""
    assert "lost is no longer there" in scene.session.messages[-1].text


def test_settings_that_a_hand_has_broken_are_left_aside(scene, make_checking):
    scene.settings.change(
        specification_parameters=("nonsense", '["shipped/steady", {"jump": "high"}]', '["x", 3]', "[1]"),
        specification_drafts=("{", '["own/", 5]'),
        specification_class="cat",
    )
    made = make_checking()
    assert made.own_class == "predicted"
    assert made.values == {}


def test_the_witness_is_gone_to_and_the_face_can_be_changed(scene, checking, choose, qtbot):
    choose("shipped/steady")
    jump = np.where(np.arange(200) < 120, 0.2, 0.8)
    frames = np.arange(200)
    scene.finish(scene.analyse(), (make_track(0, frames), make_scores(0, frames, jump)), high(0, 99, 0.2, 1))
    qtbot.waitUntil(lambda: checking.answers is not None)
    assert [frame for frame, _ in checking.marked_frames] == [119, 120]
    checking.go_to_witness()
    assert scene.session.frame == 119
    checking.show_next_face()
    assert checking.answer.track_id == 1
    checking.show_next_face()
    assert checking.answer.track_id == 0


def test_a_class_can_be_chosen_where_there_is_one_for_each(scene, checking, write, qtbot):
    scene.finish(scene.analyse(), high(0, 199, 0.2))
    write("Class = own -> □(probability < 0.5)")
    qtbot.waitUntil(lambda: checking.answers is not None)
    assert checking.answer.verification.own_class == "real"
    checking.set_own_class("fake")
    qtbot.waitUntil(lambda: checking.answer is not None and checking.answer.verification.own_class == "fake")
    assert checking.answer.verification.verdict == "not applicable"
    assert row_text(checking.answer) == "– Face 1: not applicable"


def test_exact_zero_is_undecided_and_infinity_is_vacuous(scene, checking, write, qtbot):
    scene.finish(scene.analyse(), high(0, 199, 0.5))
    write("□(probability > 0.5)")
    qtbot.waitUntil(lambda: checking.answers is not None)
    assert row_text(checking.answer) == "? Face 1: undecided, robustness 0"
    write("□(t. t ≥ 0)")
    qtbot.waitUntil(lambda: checking.answer is not None and checking.answer.verification.vacuous)
    assert row_text(checking.answer) == "✓ Face 1: satisfied, vacuously, robustness +∞"
    assert times_of(checking.answer.verification) == ()
    checking.go_to_witness()
    assert "No frame decides" in scene.session.messages[-1].text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0712, "+0.071"), (-0.5, "−0.500"), (0.00003, "+3.0e−05"), (float("-inf"), "−∞")]
)
def test_values_are_written_with_their_sign(value, text):
    assert value_text(value) == text


def test_the_event_loop_is_never_away_while_a_long_video_is_read_and_checked(make_scene, make_checking, qtbot):
    def checked(watch):
        scene = make_scene(4000)
        scene.list_detectors()
        scene.open(qtbot)
        checking = make_checking(scene)
        rng = np.random.default_rng(1)
        frames = np.arange(4000)
        scene.finish(scene.analyse(), (make_track(0, frames), make_scores(0, frames, rng.random(4000))))
        watch.start()
        checking.choose("shipped/sustained")
        checking.list_entries()
        qtbot.waitUntil(lambda: checking.progress is not None, timeout=20_000)
        checking.set_value("scores", 30.0)  # in the middle of the one before
        qtbot.waitUntil(lambda: checking.answers is not None, timeout=60_000)
        watch.stop()
        assert checking.answer.verification.parameters["scores"] == 30.0

    assert_never_away(checked)


def test_the_window_is_made_without_the_parser(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import sys, gui.main_window; print([m for m in sys.modules if m == 'lark' or m.startswith('torch')])"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", f"after {time.monotonic() - began:.1f} s"


def test_what_is_saved_while_the_shelf_is_read_is_not_lost(checking, write, scene, qtbot):
    write("□(probability > 0.5)")
    checking.save("mine")
    checking.list_entries()  # begins before the file is there
    qtbot.waitUntil(lambda: checking.entry is not None and checking.entry.id == "own/mine")
    assert not any("no longer there" in message.text for message in scene.session.messages)
