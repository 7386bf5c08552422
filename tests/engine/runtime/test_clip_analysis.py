"""Analyses by a detector that judges clips, segment by segment, held against its plan for the whole video."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import toy
from inbox import Inbox

from engine.case.case_file import CaseFile
from engine.detectors.stretches import stretches
from engine.errors import CancelledError, UsageError
from engine.evaluation.evaluate import Sample
from engine.progress import CancelToken
from engine.results import FaceTrack, Scores
from engine.runtime.engine import Engine
from engine.runtime.protocol import AnalysisDone, AnalyzeRequest, Finished, SegmentAnalyzed
from engine.runtime.scoring import AnalysisScorer

DETECTOR = "snippet-compact"


@pytest.fixture
def analyse(engine: Engine, inbox: Inbox) -> Callable[..., AnalysisDone]:
    def run(clip: Path, **options: object) -> AnalysisDone:
        job = engine.submit(AnalyzeRequest(clip, DETECTOR, **options))  # type: ignore[arg-type]
        last = inbox.last(job)
        assert isinstance(last, Finished), last
        (done,) = inbox.kind(job, AnalysisDone)
        return done

    return run


def planned(track: FaceTrack, every: int = 1) -> list[tuple[list[int], list[int]]]:
    """Spans and the frames of their snippets by the plan of whole stretches."""
    found = []
    for run in stretches(track.frames):
        for one in toy.ToyClipDetector().plan(int(run[0]), int(run[-1]), every):
            rows = one.frames.reshape(-1, 8)
            at = np.searchsorted(rows.max(1), one.spans[:, 1])
            found += zip(one.spans.tolist(), rows[at].tolist(), strict=True)
    return sorted(found)


def blue(track: FaceTrack, frames: list[int]) -> list[float]:
    person = "B" if track.boxes[0, 1] > 50 else "A"
    return [100 * (toy.logit(person, frame) + 1) for frame in frames]


def check(done: AnalysisDone, scores: Scores, wanted: list[tuple[list[int], list[int]]]) -> None:
    track = next(t for t in done.tracks if t.id == scores.track_id)
    assert scores.spans.tolist() == [span for span, _ in wanted]
    expected = np.array([blue(track, frames) for _, frames in wanted])
    np.testing.assert_allclose(scores.activations["blue"], expected, atol=0.01)
    np.testing.assert_allclose(scores.logits, expected.mean(1) / 100 - 1, atol=1e-4)


def test_segments_give_the_clips_of_whole_tracks(analyse: Callable[..., AnalysisDone], clip: Path) -> None:
    done = analyse(clip)
    assert len(done.scores) == len(done.tracks) >= 2
    for scores in done.scores:
        track = next(t for t in done.tracks if t.id == scores.track_id)
        check(done, scores, planned(track))
        told = [frame for low, high in scores.spans.tolist() for frame in range(low, high + 1)]
        assert told == track.frames.tolist(), "every frame has one score"


def test_order_and_interruptions_change_nothing(
    analyse: Callable[..., AnalysisDone],
    engine: Engine,
    inbox: Inbox,
    settings: toy.Settings,
    clip: Path,
    tmp_path: Path,
) -> None:
    whole = analyse(clip)
    asked = len(settings.scored)
    case = tmp_path / "c.tell"
    engine.focus(150)
    first = analyse(clip, case=case, first=128, last=191)
    for scores in first.scores:
        assert all(low <= 191 and high >= 128 for low, high in scores.spans.tolist())
    again = analyse(clip, case=case)
    for one, other in zip(whole.scores, again.scores, strict=True):
        for name in ("spans", "logits", "fake_probability"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        np.testing.assert_array_equal(one.activations["blue"], other.activations["blue"])
    assert len(settings.scored) == 2 * asked, "nothing was scored twice"
    done = analyse(clip, case=case)
    assert len(settings.scored) == 2 * asked, "nothing is scored that is stored"
    assert all(s.resumed for s in inbox.kind(done.job, SegmentAnalyzed))
    assert CaseFile.open_or_create(case).videos()[0].identity.sha256 == done.video.sha256


@pytest.mark.parametrize("every", [41, 90])
def test_fewer_clips_are_those_of_the_coarser_grid(
    analyse: Callable[..., AnalysisDone], clip: Path, every: int, tmp_path: Path
) -> None:
    for case in (None, tmp_path / "c.tell"):
        if case is not None:
            analyse(clip, case=case)  # all of them lie in the case already
        done = analyse(clip, every=every, case=case)
        for scores in done.scores:
            track = next(t for t in done.tracks if t.id == scores.track_id)
            check(done, scores, planned(track, every))


def test_one_person_alone(analyse: Callable[..., AnalysisDone], clip: Path) -> None:
    done = analyse(clip, people=(1,))
    assert [scores.track_id for scores in done.scores] == [1]


def test_it_is_cancelled_between_clips(settings: toy.Settings, clip: Path) -> None:
    token = CancelToken()
    settings.started.clear()
    detector = toy.ToyClipDetector()
    score = detector.score_clip

    def once(*args: object) -> object:
        token.cancel()
        return score(*args)  # type: ignore[arg-type]

    detector.score_clip = once  # type: ignore[assignment, method-assign]
    with pytest.raises(CancelledError):
        AnalysisScorer(detector, toy.ToyFaces(), 1).score(Sample("toy", clip, 0), token)  # type: ignore[arg-type]
    assert len(settings.scored) == 1


def test_single_frames_cannot_be_explained_by_it(engine: Engine, inbox: Inbox, clip: Path, tmp_path: Path) -> None:
    import cv2

    still = tmp_path / "face.png"
    cv2.imwrite(str(still), np.full((64, 64, 3), 90, np.uint8))
    with pytest.raises(UsageError, match="looks at 40 at once"):
        AnalysisScorer(toy.ToyClipDetector(), toy.ToyFaces(), 1).score(  # type: ignore[arg-type]
            Sample("still", still, 0, kind="face"), CancelToken()
        )
