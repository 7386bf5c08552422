"""Analyses of a clip whose every answer is known, by a detector that reads the number of the frame."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import toy
from inbox import Inbox

from engine.case.case_file import CaseFile
from engine.errors import CancelledError, EvidenceChangedError, InternalError, UsageError, VideoError
from engine.runtime.engine import Engine
from engine.runtime.protocol import (
    AnalysisDone,
    AnalyzeRequest,
    Failed,
    Finished,
    Priority,
    Progressed,
    SegmentAnalyzed,
)


@pytest.fixture
def analyse(engine: Engine, inbox: Inbox) -> Callable[..., AnalysisDone]:
    def run(clip: Path, **options: object) -> AnalysisDone:
        detector = str(options.pop("detector_id", "frame-mobile"))
        job = engine.submit(AnalyzeRequest(clip, detector, **options))  # type: ignore[arg-type]
        last = inbox.last(job)
        assert isinstance(last, Finished), last
        (done,) = inbox.kind(job, AnalysisDone)
        return done

    return run


def frames_of(done: AnalysisDone, track: int) -> list[int]:
    return next((s.spans[:, 0].tolist() for s in done.scores if s.track_id == track), [])


def same(one: AnalysisDone, other: AnalysisDone) -> None:
    """Both say exactly the same."""
    assert [t.id for t in one.tracks] == [t.id for t in other.tracks]
    for a, b in zip(one.tracks, other.tracks, strict=True):
        for name in ("frames", "boxes", "landmarks", "scores", "detected", "raw_boxes"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert [s.track_id for s in one.scores] == [s.track_id for s in other.scores]
    for a, b in zip(one.scores, other.scores, strict=True):
        for name in ("spans", "fake_probability", "logits"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    assert one.fake_probability == other.fake_probability


A_FRAMES = [f for f in range(toy.FRAMES) if f not in toy.GAP]
B_FRAMES = list(range(toy.B_FROM, toy.FRAMES))


def test_every_frame_of_every_person_gets_the_score_of_exactly_that_frame(
    analyse: Callable[..., AnalysisDone], clip: Path
) -> None:
    done = analyse(clip)
    persons = {0: "A", 1: "B"}
    a_tracks = [t for t in done.tracks if t.boxes[0, 1] < 50]
    assert sorted(f for t in a_tracks for f in t.frames.tolist()) == A_FRAMES
    assert [t.frames.tolist() for t in done.tracks if t.boxes[0, 1] >= 50] == [B_FRAMES]
    for scores in done.scores:
        track = next(t for t in done.tracks if t.id == scores.track_id)
        person = persons[int(track.boxes[0, 1] > 50)]
        frames = scores.spans[:, 0]
        np.testing.assert_array_equal(frames, scores.spans[:, 1])
        np.testing.assert_array_equal(frames, track.frames)
        np.testing.assert_allclose(scores.logits, [toy.logit(person, f) for f in frames], atol=1e-6)
        np.testing.assert_allclose(scores.fake_probability, 1 / (1 + np.exp(-scores.logits)), atol=1e-6)
    scored = sorted(f for s in done.scores for f in s.spans[:, 0].tolist())
    assert scored == sorted(A_FRAMES + B_FRAMES)
    means = [np.mean(s.fake_probability.astype(np.float64)) for s in done.scores]
    assert done.fake_probability == pytest.approx(max(means), abs=1e-9)


def test_the_segments_tell_the_same_as_the_end(
    engine: Engine, inbox: Inbox, analyse: Callable[..., AnalysisDone], clip: Path
) -> None:
    done = analyse(clip)
    segments = inbox.kind(done.job, SegmentAnalyzed)
    assert sorted((s.first, s.last) for s in segments) == [(0, 63), (64, 127), (128, 191), (192, 199)]
    assert {s.video.sha256 for s in segments} == {done.video.sha256}
    told = sorted(
        (int(f), round(float(x), 6))
        for s in segments
        for e in s.scores
        for f, x in zip(e.spans[:, 0], e.logits, strict=True)
    )
    final = sorted(
        (int(f), round(float(x), 6)) for e in done.scores for f, x in zip(e.spans[:, 0], e.logits, strict=True)
    )
    assert told == final
    names: dict[int, int] = {}
    for segment in segments:
        names.update(segment.joined)
        assert all(t.frames[0] >= segment.first and t.frames[-1] <= segment.last for t in segment.tracks)
    ids = {t.id for s in segments for t in s.tracks}
    roots = {i for i in ids if i not in names}
    assert len(roots) == len(done.tracks)


@pytest.mark.parametrize("focus", [0, 70, 150, 199])
def test_the_result_does_not_depend_on_where_the_playhead_is(
    engine: Engine, inbox: Inbox, analyse: Callable[..., AnalysisDone], clip: Path, focus: int
) -> None:
    expected = analyse(clip)
    engine.focus(focus)
    fresh = shutil.copy(clip, clip.with_name(f"copy{focus}.mkv"))
    done = analyse(Path(fresh))
    first = inbox.kind(done.job, SegmentAnalyzed)[0]
    assert first.first <= focus <= first.last, "the stretch around the playhead goes first"
    same(done, expected)


def test_every_nth_frame_and_a_range_give_the_scores_of_the_full_run(
    analyse: Callable[..., AnalysisDone], clip: Path, tmp_path: Path
) -> None:
    full = analyse(clip)
    for number, options in enumerate(
        ({"every": 7}, {"first": 50, "last": 140}, {"every": 3, "first": 100, "last": 170})
    ):
        fresh = Path(shutil.copy(clip, tmp_path / f"{number}.mkv"))
        part = analyse(fresh, **options)
        first, last = options.get("first", 0), options.get("last", toy.FRAMES - 1)
        asked = {f for f in range(first, last + 1) if f % options.get("every", 1) == 0}
        expected = {
            (f, round(float(x), 6))
            for s in full.scores
            for f, x in zip(s.spans[:, 0].tolist(), s.logits, strict=True)
            if f in asked
        }
        found = [
            (f, round(float(x), 6))
            for s in part.scores
            for f, x in zip(s.spans[:, 0].tolist(), s.logits, strict=True)
        ]
        assert sorted(found) == sorted(expected)
        assert len(found) == len(asked & set(A_FRAMES)) + len(asked & set(B_FRAMES))
        for track in part.tracks:
            assert track.frames[0] >= first
            assert track.frames[-1] <= last


def test_the_second_run_computes_nothing_and_says_the_same(
    engine: Engine,
    inbox: Inbox,
    settings: toy.Settings,
    analyse: Callable[..., AnalysisDone],
    clip: Path,
    tmp_path: Path,
) -> None:
    case = tmp_path / "case.tell"
    first = analyse(clip, case=case)
    scored, looked = len(settings.scored), settings.looked
    assert scored == len(A_FRAMES) + len(B_FRAMES)
    again = analyse(clip, case=case)
    assert (len(settings.scored), settings.looked) == (scored, looked)
    assert all(s.resumed for s in inbox.kind(again.job, SegmentAnalyzed))
    assert not any(s.resumed for s in inbox.kind(first.job, SegmentAnalyzed))
    same(first, again)


def test_another_engine_goes_on_from_the_case(
    engine: Engine, settings: toy.Settings, analyse: Callable[..., AnalysisDone], clip: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case.tell"
    expected = analyse(clip)
    part = analyse(clip, case=case, first=64, last=127)
    assert frames_of(part, part.scores[0].track_id)
    settings.scored.clear()
    settings.looked = 0
    inbox = Inbox()
    other = Engine(inbox, "cpu", worker="toy")
    job = other.submit(AnalyzeRequest(clip, "frame-mobile", case=case))
    assert isinstance(inbox.last(job), Finished)
    assert other.stop(10)
    resumed = {s.first: s.resumed for s in inbox.kind(job, SegmentAnalyzed)}
    assert resumed == {0: False, 64: True, 128: False, 192: False}
    in_part = range(64, 128)
    assert len(settings.scored) == len(A_FRAMES) + len(B_FRAMES) - sum(f in A_FRAMES for f in in_part) - len(
        in_part
    )
    same(inbox.kind(job, AnalysisDone)[0], expected)
    with CaseFile.open(case) as stored:
        assert len(stored.videos()) == 1


def test_frames_that_were_scored_before_are_not_scored_again_when_more_are_asked(
    settings: toy.Settings, analyse: Callable[..., AnalysisDone], clip: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case.tell"
    analyse(clip, case=case, every=2)
    half = len(settings.scored)
    full = analyse(clip, case=case)
    assert len(settings.scored) == len(A_FRAMES) + len(B_FRAMES)
    assert half == sum(f % 2 == 0 for f in A_FRAMES + B_FRAMES)
    same(full, analyse(clip))
    sparse = analyse(clip, case=case, every=2)
    assert sum(len(s.spans) for s in sparse.scores) == half, "only what is asked is told"


def test_a_second_detector_uses_the_faces_of_the_first(
    settings: toy.Settings, analyse: Callable[..., AnalysisDone], clip: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case.tell"
    first = analyse(clip, case=case)
    looked = settings.looked
    second = analyse(clip, case=case, detector_id="frame-b4")
    assert settings.looked == looked
    assert second.detector_id == "frame-b4"
    np.testing.assert_array_equal(first.scores[0].logits, second.scores[0].logits)
    assert first.scores[0].provenance.component != second.scores[0].provenance.component


def test_one_person_alone_is_scored_under_the_id_of_the_full_analysis(
    settings: toy.Settings, analyse: Callable[..., AnalysisDone], clip: Path, tmp_path: Path
) -> None:
    full = analyse(clip)
    person = next(s.track_id for s in full.scores if s.spans[0, 0] == toy.B_FROM)
    fresh = Path(shutil.copy(clip, tmp_path / "fresh.mkv"))
    settings.scored.clear()
    alone = analyse(fresh, people=(person,))
    assert [s.track_id for s in alone.scores] == [person]
    assert sorted(250 - blue for blue in settings.scored) == B_FRAMES
    np.testing.assert_array_equal(
        alone.scores[0].logits, next(s.logits for s in full.scores if s.track_id == person)
    )
    assert [t.id for t in alone.tracks] == [t.id for t in full.tracks]
    part = analyse(clip, people=(person,), first=100, last=120)
    assert [s.track_id for s in part.scores] == [person]
    assert frames_of(part, person) == list(range(100, 121))


def test_cancel_in_the_middle_ends_within_a_second_and_keeps_what_is_done(
    engine: Engine, inbox: Inbox, settings: toy.Settings, clip: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case.tell"
    settings.seconds_per_crop = 0.01
    job = engine.submit(AnalyzeRequest(clip, "frame-mobile", case=case))
    inbox.wait(lambda e: isinstance(e, SegmentAnalyzed))
    time.sleep(0.1)
    started = time.monotonic()
    engine.cancel(job)
    last = inbox.last(job)
    assert time.monotonic() - started < 1.0
    assert isinstance(last, Failed)
    assert isinstance(last.error, CancelledError)
    done = len(inbox.kind(job, SegmentAnalyzed))
    assert done < 4
    settings.seconds_per_crop = 0
    job = engine.submit(AnalyzeRequest(clip, "frame-mobile", case=case))
    assert isinstance(inbox.last(job), Finished)
    assert sum(s.resumed for s in inbox.kind(job, SegmentAnalyzed)) == done


def test_stop_in_the_middle_joins_all_threads(inbox: Inbox, settings: toy.Settings, clip: Path) -> None:
    settings.seconds_per_crop = 0.01
    engine = Engine(inbox, "cpu", worker="toy")
    engine.submit(AnalyzeRequest(clip, "frame-mobile"))
    assert settings.started.wait(30)
    started = time.monotonic()
    assert engine.stop(5)
    assert time.monotonic() - started < 1.5


def test_a_fault_in_the_middle_is_told_and_the_next_analysis_works(
    engine: Engine, inbox: Inbox, settings: toy.Settings, analyse: Callable[..., AnalysisDone], clip: Path
) -> None:
    settings.fail_at_crop = 70
    job = engine.submit(AnalyzeRequest(clip, "frame-mobile"))
    last = inbox.last(job)
    assert isinstance(last, Failed)
    assert isinstance(last.error, InternalError)
    assert "ZeroDivisionError" in last.details
    settings.fail_at_crop = None
    assert len(analyse(clip).tracks) > 0


def test_two_analyses_at_once_do_not_disturb_each_other(
    engine: Engine, inbox: Inbox, settings: toy.Settings, clip: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copy(clip, tmp_path / "other.mkv"))
    settings.seconds_per_crop = 0.002
    low = engine.submit(AnalyzeRequest(clip, "frame-mobile"), Priority.BACKGROUND)
    inbox.wait(lambda e: isinstance(e, SegmentAnalyzed))
    high = engine.submit(AnalyzeRequest(other, "frame-mobile"), Priority.USER)
    inbox.last(low)
    assert inbox.events.index(inbox.last(high)) < inbox.events.index(inbox.last(low))
    same(inbox.kind(low, AnalysisDone)[0], inbox.kind(high, AnalysisDone)[0])


def test_progress_counts_the_asked_frames(
    engine: Engine, inbox: Inbox, analyse: Callable[..., AnalysisDone], clip: Path
) -> None:
    done = analyse(clip, every=4, first=3, last=150)
    progress = [e.progress for e in inbox.kind(done.job, Progressed) if e.progress.label == "Analysing"]
    asked = len([f for f in range(3, 151) if f % 4 == 0])
    assert progress[0].done == 0
    assert progress[-1].done == progress[-1].total == asked
    assert [p.done for p in progress] == sorted(p.done for p in progress)


# Bad input


@pytest.mark.parametrize(
    "options", [{"first": 200}, {"first": 5, "last": 4}, {"last": 200}, {"every": 0}, {"first": -1}]
)
def test_frames_that_are_not_there_are_words_at_fault(
    engine: Engine, inbox: Inbox, clip: Path, options: dict[str, int]
) -> None:
    last = inbox.last(engine.submit(AnalyzeRequest(clip, "frame-mobile", **options)))
    assert isinstance(last, Failed)
    assert isinstance(last.error, UsageError)
    assert "200 frames" in last.error.message


def test_a_file_that_is_no_video_is_an_error_of_the_video(engine: Engine, inbox: Inbox, tmp_path: Path) -> None:
    for name, data in (("text.mp4", b"hello"), ("empty.mp4", b""), ("gone.mp4", None)):
        if data is not None:
            (tmp_path / name).write_bytes(data)
        last = inbox.last(engine.submit(AnalyzeRequest(tmp_path / name, "frame-mobile")))
        assert isinstance(last, Failed)
        assert isinstance(last.error, VideoError)
        assert last.details == ""


def test_a_file_that_changed_is_refused_and_can_be_opened_anew(
    engine: Engine, inbox: Inbox, analyse: Callable[..., AnalysisDone], clip: Path, tmp_path: Path
) -> None:
    case = tmp_path / "case.tell"
    path = Path(shutil.copy(clip, tmp_path / "evidence.mkv"))
    analyse(path, case=case)
    with path.open("ab") as file:
        file.write(b"tampered")
    last = inbox.last(engine.submit(AnalyzeRequest(path, "frame-mobile", case=case)))
    assert isinstance(last, Failed)
    assert isinstance(last.error, EvidenceChangedError)
    last = inbox.last(engine.submit(AnalyzeRequest(path, "frame-mobile", case=case)))
    assert isinstance(last, Failed), "the case remembers what it was"
    assert isinstance(last.error, EvidenceChangedError)
    assert isinstance(inbox.last(engine.submit(AnalyzeRequest(path, "frame-mobile"))), Finished)


def test_a_file_that_vanishes_while_it_is_analysed_is_told(
    engine: Engine, inbox: Inbox, settings: toy.Settings, clip: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(clip, tmp_path / "evidence.mkv"))
    settings.seconds_per_crop = 0.01
    job = engine.submit(AnalyzeRequest(path, "frame-mobile"))
    assert settings.started.wait(30)
    path.unlink()
    last = inbox.last(job)
    assert isinstance(last, Failed)
    assert isinstance(last.error, EvidenceChangedError)


def test_a_video_without_a_face_is_no_error(
    engine: Engine, analyse: Callable[..., AnalysisDone], clip: Path
) -> None:
    done = analyse(clip, first=0, last=15)
    assert done.tracks
    import av

    empty = clip.with_name("empty.mkv")
    with av.open(empty, "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "bgr0"
        for _ in range(3):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24"))
            )
        container.mux(stream.encode())
    done = analyse(empty)
    assert (done.tracks, done.scores, done.fake_probability) == ((), (), None)
    assert any("No face" in warning for warning in done.warnings)
