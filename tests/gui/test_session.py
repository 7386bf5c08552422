"""The model of the window: opening, moving, analysing and explaining, with the real engine thread."""

from pathlib import Path

import fakes
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.errors import WeightsError
from engine.runtime.protocol import AnalyzeRequest, ExplainRequest, ExplanationMade
from gui.session import Session
from gui.videos import AnalysisState, VideoStatus


def shown_number(session: Session) -> int:
    assert session.shown is not None
    return int(session.shown.pixels[..., 0].mean())


def analysed(session: Session, qtbot: QtBot) -> None:
    session.start_analysis()
    qtbot.waitUntil(lambda: session.analysis.state is AnalysisState.DONE)


def test_a_video_is_shown_before_it_is_hashed_or_analysed(session: Session, qtbot: QtBot) -> None:
    session.open([Path("/evidence/clip.mp4")])
    assert session.current is not None
    assert session.current.status is VideoStatus.OPENING
    qtbot.waitUntil(lambda: session.shown is not None)
    assert (session.frames, session.frame, session.shown_exact) == (100, 0, True)
    qtbot.waitUntil(lambda: session.identity is not None)
    assert session.identity is not None
    assert session.identity.sha256 == "cd" * 32


def test_a_file_that_cannot_be_opened_is_told_and_the_rest_goes_on(session: Session, qtbot: QtBot) -> None:
    session.open([Path("/evidence/bad.mp4"), Path("/evidence/good.mp4")])
    qtbot.waitUntil(lambda: [v.status for v in session.videos] == [VideoStatus.FAILED, VideoStatus.READY])
    assert session.media is None
    assert str(session.videos[0].error) == "/evidence/bad.mp4: The file holds no video. Choose a video file."
    assert session.videos[0].verdict("frame-mobile", 0.5).text == "Cannot be opened"
    session.show_video(1)
    qtbot.waitUntil(lambda: session.shown is not None)
    session.open([Path("/evidence/good.mp4"), Path("/evidence/bad.mp4")])  # tried again, not listed twice
    qtbot.waitUntil(lambda: [m.text for m in session.messages] == [str(session.videos[1].error)])
    assert [v.name for v in session.videos] == ["good.mp4", "bad.mp4"]
    assert session.shown is not None


def test_every_step_shows_the_asked_frame(opened: Session, qtbot: QtBot) -> None:
    rng = np.random.default_rng(1)
    for frame in [*rng.integers(0, 100, 40).tolist(), 99, 0]:
        opened.go_to(frame)
        if frame == 13:
            continue
        qtbot.waitUntil(lambda: opened.shown_exact)
        assert shown_number(opened) == opened.frame == frame
    opened.step(-1)
    assert opened.frame == 0
    opened.go_to(98)
    opened.step(10)
    assert opened.frame == 99


def test_a_damaged_frame_is_an_error_in_place_and_never_a_neighbour(opened: Session, qtbot: QtBot) -> None:
    opened.go_to(12)
    qtbot.waitUntil(lambda: opened.shown_exact)
    opened.step(1)
    qtbot.waitUntil(lambda: opened.shown_error is not None)
    assert opened.shown is None
    assert opened.shown_error.frame == 13
    opened.step(1)
    qtbot.waitUntil(lambda: opened.shown_exact)
    assert opened.shown_error is None


def test_a_key_frame_shown_while_dragging_is_not_called_exact(
    opened: Session, servers: list[fakes.FakeServer], qtbot: QtBot
) -> None:
    server = servers[-1]
    server.held = True
    opened.go_to(57, dragging=True)
    server.answer(57, key_frame=True)
    qtbot.waitUntil(lambda: shown_number(opened) == 50)
    assert not opened.shown_exact
    server.answer(57)
    qtbot.waitUntil(lambda: opened.shown_exact)
    assert shown_number(opened) == 57


def test_frames_of_a_video_that_left_the_screen_are_dropped(
    opened: Session, servers: list[fakes.FakeServer], qtbot: QtBot
) -> None:
    old = servers[-1]
    opened.open([Path("/evidence/second.mp4")])
    old.answer(77)
    qtbot.waitUntil(lambda: len(servers) == 2 and opened.shown is not None)
    qtbot.wait(20)
    assert shown_number(opened) == 0
    qtbot.waitUntil(lambda: old.closed)


def test_playing_follows_the_times_of_the_file_and_counts_what_it_drops(
    opened: Session, servers: list[fakes.FakeServer], qtbot: QtBot
) -> None:
    opened.go_to(80)
    qtbot.waitUntil(lambda: opened.shown_exact)
    opened.play()
    with qtbot.waitSignal(opened.playing_changed, timeout=3000):
        pass  # 19 frames at 25 per second: it stops by itself
    assert opened.frame == 99
    assert not opened.playing
    shown = servers[-1].requests
    assert len(shown) <= 30
    assert opened.dropped_frames <= 3  # a busy machine may miss a few
    assert servers[-1].directions[-1] == 0


def test_frames_that_come_too_late_are_counted_as_dropped(
    opened: Session, servers: list[fakes.FakeServer], qtbot: QtBot
) -> None:
    server = servers[-1]
    server.held = True
    opened.play()
    server.answer(1)
    server.answer(6)
    qtbot.waitUntil(lambda: opened.shown is not None and opened.shown.index == 6)
    assert opened.dropped_frames == 4
    opened.pause()


def test_shuttle_keys_go_faster_and_turn_round(opened: Session) -> None:
    speeds = []
    opened.go_to(50)
    for direction in (1, 1, 1, 1, 1, -1, -1, -1, -1, -1):
        opened.shuttle(direction)
        speeds.append(opened.speed)
    opened.pause()
    assert speeds == [1, 2, 4, 8, 8, 4, 2, 1, -1, -2]
    assert opened.speed == 0


def test_results_fill_while_the_analysis_runs_and_get_their_final_names(
    opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.delay = 0.05
    stretches: list[tuple[int, int]] = []
    opened.results_changed.connect(lambda first, last: stretches.append((first, last)))
    opened.start_analysis()
    assert opened.analysis.state is AnalysisState.QUEUED
    qtbot.waitUntil(lambda: (0, 24) in stretches)
    assert opened.analysis.state is AnalysisState.RUNNING
    assert opened.results is not None
    assert sorted(opened.results.tracks) == [10, 11]
    assert opened.results.share_analysed == 0.25
    qtbot.waitUntil(lambda: opened.analysis.state is AnalysisState.DONE)
    assert sorted(opened.results.tracks) == [0, 1]
    assert opened.results.running_probability == pytest.approx(
        np.mean([fakes.probability(f, 0) for f in range(100)]), abs=1e-6
    )
    opened.go_to(0)
    opened.go_to_peak(1)
    assert opened.frame == 33
    opened.go_to_peak(1)
    assert opened.frame == 33
    assert opened.messages[-1].text.startswith("No suspicious moment after frame 33")


def test_only_the_asked_range_and_people_are_analysed(
    opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    opened.start_analysis(range=(10, 19), people=[1])
    qtbot.waitUntil(lambda: opened.analysis.state is AnalysisState.DONE)
    (request,) = [r for r in switches.asked if isinstance(r, AnalyzeRequest)]
    assert (request.first, request.last, request.people) == (10, 19, (1,))
    assert opened.results is not None
    assert [(t.id, t.first, t.last) for t in opened.results] == [(1, 10, 19)]


def test_cancelling_says_so_until_it_is_done_and_keeps_what_was_found(
    opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.delay = 0.15
    opened.start_analysis()
    qtbot.waitUntil(lambda: opened.results is not None and len(opened.results) > 0)
    opened.cancel_analysis()
    assert opened.analysis.state is AnalysisState.CANCELLING
    qtbot.waitUntil(lambda: opened.analysis.state is AnalysisState.CANCELLED, timeout=1000)
    assert opened.results is not None
    assert 0 < opened.results.share_analysed < 1
    assert not [m for m in opened.messages if m.level == "error"]


def test_a_failing_analysis_is_told_in_place_and_playing_goes_on(
    opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.fail = WeightsError("The weights are damaged", advice="Train them again")
    opened.start_analysis()
    qtbot.waitUntil(lambda: opened.analysis.state is AnalysisState.FAILED)
    assert opened.messages[-1].text == "The weights are damaged. Train them again."
    opened.go_to(40)
    qtbot.waitUntil(lambda: opened.shown_exact)


def test_events_of_an_analysis_that_was_replaced_are_dropped(
    opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.delay = 0.05
    opened.start_analysis()
    qtbot.waitUntil(lambda: opened.results is not None and len(opened.results) > 0)
    opened.start_analysis(range=(50, 74))
    assert opened.results is not None
    assert len(opened.results) == 0
    qtbot.waitUntil(lambda: opened.analysis.state is AnalysisState.DONE)
    assert [(t.first, t.last) for t in opened.results] == [(50, 74)]


def test_masks_are_made_for_the_frame_at_rest_and_stale_answers_are_dropped(
    opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    analysed(opened, qtbot)
    qtbot.waitUntil(lambda: bool(opened.explanations))
    assert set(opened.explanations) == {0, 1}
    made: list[int] = []
    opened.explanations_changed.connect(made.append)
    switches.delay = 0.3
    opened.go_to(20)
    qtbot.waitUntil(lambda: any(isinstance(r, ExplainRequest) and r.frames == (20,) for r in switches.asked))
    opened.go_to(21)  # the answer for frame 20 is no longer wanted
    assert not opened.explaining
    switches.delay = 0.0
    qtbot.waitUntil(lambda: bool(opened.explanations))
    asked = [r.frames for r in switches.asked if isinstance(r, ExplainRequest)]
    assert asked[-2:] == [(20,), (21,)]
    opened.go_to(20)
    qtbot.waitUntil(lambda: opened.shown_exact)
    assert not opened.explanations


def test_an_answer_with_an_unknown_job_changes_nothing(opened: Session, qtbot: QtBot) -> None:
    analysed(opened, qtbot)
    qtbot.waitUntil(lambda: bool(opened.explanations))
    before = opened.explanations[0]
    other = ExplanationMade(9999, opened.identity, None)  # type: ignore[arg-type]
    opened._on_event(other)
    assert opened.explanations[0] is before


def test_scrubbing_quickly_asks_only_for_the_last_frame(
    opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    analysed(opened, qtbot)
    qtbot.waitUntil(lambda: bool(opened.explanations))
    before = len(switches.asked)
    for frame in range(30, 60):
        opened.go_to(frame, dragging=True)
    qtbot.waitUntil(lambda: bool(opened.explanations) and opened.shown is not None and opened.shown.index == 59)
    assert [r.frames for r in switches.asked[before:] if isinstance(r, ExplainRequest)] == [(59,)]


def test_failed_masks_are_told_once_and_not_asked_again_in_a_loop(
    opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.fail_explaining = WeightsError("No gradient", advice="Choose another explainer")
    analysed(opened, qtbot)
    qtbot.waitUntil(lambda: any("No gradient" in m.text for m in opened.messages))
    qtbot.wait(200)
    assert sum("No gradient" in m.text for m in opened.messages) == 1


def test_nothing_is_explained_while_masks_are_off(opened: Session, switches: fakes.Switches, qtbot: QtBot) -> None:
    opened.set_masks_visible(False)
    analysed(opened, qtbot)
    opened.go_to(3)
    qtbot.wait(150)
    assert not any(isinstance(r, ExplainRequest) for r in switches.asked)


def test_an_untrained_detector_is_never_scored_in_silence(
    session: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.trained = False
    session.settings.change(analyse_on_open=True)
    session.start()
    qtbot.waitUntil(lambda: bool(session.detectors))
    session.open([Path("/evidence/clip.mp4")])
    qtbot.waitUntil(lambda: session.shown is not None)
    session.start_analysis()
    assert "cannot score: no weights were found" in session.messages[-1].text
    assert not any(isinstance(r, AnalyzeRequest) for r in switches.asked)


def test_a_video_opened_before_the_engine_is_up_is_analysed_as_soon_as_it_is(
    session: Session, qtbot: QtBot
) -> None:
    session.settings.change(analyse_on_open=True)
    session.open([Path("/evidence/clip.mp4")])
    qtbot.waitUntil(lambda: session.shown is not None)
    assert session.analysis.state is AnalysisState.IDLE
    session.start()
    qtbot.waitUntil(lambda: session.analysis.state is AnalysisState.DONE)


def test_refused_weights_are_told_in_place(opened: Session, qtbot: QtBot) -> None:
    opened.import_weights(Path("/weights/odd"))
    qtbot.waitUntil(lambda: bool(opened.messages))
    assert opened.messages[-1].text == "/weights/odd: The weights have the wrong shape. Train them again."


def test_marks_are_undone_per_video(opened: Session, qtbot: QtBot) -> None:
    opened.add_mark(5, 5, "blink")
    opened.add_mark(2, 4, "edge")
    assert [m.note for m in opened.marks] == ["edge", "blink"]
    opened.open([Path("/evidence/second.mp4")])
    qtbot.waitUntil(lambda: opened.shown is not None)
    opened.undo()  # must not reach into the first video
    opened.show_video(0)
    assert [m.note for m in opened.marks] == ["edge", "blink"]
    opened.undo()
    assert [m.note for m in opened.marks] == ["blink"]
    opened.redo()
    opened.remove_mark(opened.marks[1])
    opened.undo()
    assert [m.note for m in opened.marks] == ["edge", "blink"]


def test_in_and_out_points_never_cross(opened: Session) -> None:
    opened.set_in(20)
    opened.set_out(40)
    assert opened.range == (20, 40)
    opened.set_in(50)
    assert opened.range == (50, 99)
    opened.set_out(30)
    assert opened.range == (0, 30)


def test_removing_a_video_stops_its_analysis_and_shows_the_next(
    opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.delay = 0.1
    opened.open([Path("/evidence/second.mp4")])
    qtbot.waitUntil(lambda: opened.media is not None)
    opened.start_analysis()
    second = opened.media
    opened.remove_video(1)
    assert [v.name for v in opened.videos] == ["clip.mp4"]
    assert opened.current_row == 0
    qtbot.waitUntil(lambda: second.closed)  # type: ignore[union-attr]
    opened.remove_video(0)
    assert opened.current is None
    assert (opened.frames, opened.shown) == (0, None)


def test_while_playing_masks_are_held_with_the_number_of_their_frame(
    opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    analysed(opened, qtbot)
    held: list[tuple[int, int]] = []

    def note() -> None:
        if opened.held_masks is not None and opened.shown is not None:
            held.append((opened.held_masks[0], opened.shown.index))

    opened.shown_changed.connect(note)
    switches.delay = 0.1
    opened.play()
    qtbot.waitUntil(lambda: len({frame for frame, _ in held}) >= 3)
    opened.pause()
    assert all(0 <= shown - frame <= 12 for frame, shown in held)
    assert opened.held_masks is None


def test_masks_do_not_hold_up_an_analysis_while_playing(
    opened: Session, switches: fakes.Switches, qtbot: QtBot
) -> None:
    switches.delay = 0.3
    opened.set_masks_visible(False)
    opened.start_analysis()
    opened.play()
    opened.set_masks_visible(True)
    qtbot.waitUntil(lambda: opened.results is not None and len(opened.results) > 0)
    qtbot.wait(150)
    assert not any(isinstance(r, ExplainRequest) for r in switches.asked)
    opened.step(-opened.frame)
    qtbot.waitUntil(lambda: any(isinstance(r, ExplainRequest) for r in switches.asked))
