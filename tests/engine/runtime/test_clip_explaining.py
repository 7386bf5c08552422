"""Maps of frames that are judged by clips, held against the clips of an analysis of the whole video."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import toy
from inbox import Inbox

from engine.detectors.base import Clip
from engine.errors import CancelledError
from engine.explainers import kernel_shap, registry
from engine.results import Explanation
from engine.runtime.engine import Engine
from engine.runtime.pictures import PictureThread, Window
from engine.runtime.protocol import (
    AnalysisDone,
    AnalyzeRequest,
    ExplainRequest,
    ExplanationGrew,
    ExplanationMade,
    Failed,
    Finished,
    Notice,
)
from engine.video.reader import FrameReader

DETECTOR, EXPLAINER = "snippet-compact", "snippet-attention"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[toy.Settings]:
    class OfToy(toy.ToyClipExplainer):
        def __init__(self, _: object) -> None:
            super().__init__()

    monkeypatch.setitem(registry.CLIP_EXPLAINERS, EXPLAINER, OfToy)
    yield toy.reset()
    toy.reset()


Explain = Callable[..., list[Explanation]]


@pytest.fixture
def explain(engine: Engine, inbox: Inbox, clip: Path) -> Explain:
    def run(*frames: int, **options: object) -> list[Explanation]:
        job = engine.submit(ExplainRequest(clip, DETECTOR, EXPLAINER, frames, **options))  # type: ignore[arg-type]
        last = inbox.last(job)
        assert isinstance(last, Finished), last
        return [event.explanation for event in inbox.kind(job, ExplanationMade)]

    return run


def blue(explanation: Explanation, frame: int) -> float:
    """Of the square that the explained face is."""
    return float(250 - frame) if explanation.affine[0, 1, 2] > 40 else float(frame)


def test_every_frame_is_explained_by_the_span_that_an_analysis_gives_it(
    engine: Engine, inbox: Inbox, explain: Explain, clip: Path, settings: toy.Settings
) -> None:
    job = engine.submit(AnalyzeRequest(clip, DETECTOR))
    assert isinstance(inbox.last(job), Finished)
    (done,) = inbox.kind(job, AnalysisDone)
    scored = len(settings.scored)
    found = {each.track_id: each for each in explain(*range(toy.FRAMES))}
    assert sorted(found) == [track.id for track in done.tracks]
    for track, scores in zip(done.tracks, done.scores, strict=True):
        each = found[track.id]
        assert each.frames.tolist() == track.frames.tolist()
        of_frame = {
            frame: logit
            for (low, high), logit in zip(scores.spans.tolist(), scores.logits.tolist(), strict=True)
            for frame in range(low, high + 1)
        }
        assert each.logits.tolist() == [of_frame[frame] for frame in each.frames.tolist()]
        expected = [blue(each, frame) for frame in each.frames.tolist()]
        np.testing.assert_allclose(each.values[:, 1, 0], expected, atol=1)
    assert len(settings.explained) == scored, "as many clips as were scored, none of them twice"


def test_one_frame_brings_its_clip_and_the_neighbours_are_kept(
    explain: Explain, settings: toy.Settings, tmp_path: Path
) -> None:
    case = tmp_path / "c.tell"
    first = explain(60, case=case)
    assert [each.frames.tolist() for each in first] == [[60], [60]]
    assert settings.explained == [40, 40], "A and B, on the grid of 40 frames"
    assert explain(75, case=case)[0].values[0, 0, 0] == pytest.approx(75, abs=1)
    (near,) = explain(41, 79, 80, case=case, stored=True, track_id=0)
    assert near.frames.tolist() == [41, 79], "frame 80 is of another clip"
    assert settings.explained == [40, 40], "nothing was made twice"
    np.testing.assert_allclose(near.affine @ [1, 1, 1], [[10 + 41 // 4 + 32, 52], [10 + 79 // 4 + 32, 52]], atol=2)


def test_frames_are_told_one_by_one_and_those_without_a_face_are_told_of(
    engine: Engine, inbox: Inbox, explain: Explain, clip: Path
) -> None:
    told = explain(20, 21, at_once=True)
    assert [each.frames.tolist() for each in told] == [[20], [21]]
    assert not explain(100, track_id=0)
    assert any("no such face" in event.text for event in inbox.events if isinstance(event, Notice))


def test_a_damaged_frame_spoils_its_clip_alone_and_is_told_once(
    explain: Explain, inbox: Inbox, settings: toy.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = PictureThread._advance

    def damaged(self: PictureThread, reader: FrameReader, window: Window) -> None:
        advance(self, reader, window)
        window.frames.pop(50, None)

    monkeypatch.setattr(PictureThread, "_advance", damaged)
    (far,) = explain(20, 60, 61, track_id=0)
    assert far.frames.tolist() == [20]
    told = [event.text for event in inbox.events if isinstance(event, Notice)]
    assert told == ["Frame 50 is damaged: what is judged together with it cannot be explained"] * 2, "A and B"


def test_where_spans_overlap_a_frame_is_explained_by_the_one_that_begins_last(
    explain: Explain, settings: toy.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The logit of such a window is, for A, that of its last eight frames: it tells where the window began."""

    def plan(_: object, first: int, last: int, every: int = 1) -> Sequence[Clip]:
        assert every == 1
        begins = sorted({first, *range(-(-first // 20) * 20, last - 38, 20), last - 39})
        return [Clip(np.arange(at, at + 40), np.array([[at, at + 39]])) for at in begins]

    monkeypatch.setattr(toy.ToyClipDetector, "plan", plan)
    case = tmp_path / "c.tell"
    explain(30, case=case, track_id=0)
    (kept,) = explain(*range(90), case=case, track_id=0, stored=True)
    assert kept.frames.tolist() == [*range(20, 40)]
    (all_of_it,) = explain(*range(90), case=case, track_id=0)
    expected = [max(at for at in (0, 20, 40, 50) if at <= frame) for frame in range(90)]
    np.testing.assert_allclose((all_of_it.logits + 1) * 100, np.array(expected) + 35.5, atol=0.5)
    assert sorted(settings.explained) == [0, 20, 40, 40, 50, 60, 80], "three of B from 40 on; none twice"


SHAP = {"samples": 12, "segments": 4, "tolerance": 0}


@pytest.fixture
def every_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Growth is told after each pass."""
    monkeypatch.setattr(kernel_shap, "TELL_SECONDS", 0)
    monkeypatch.setattr(kernel_shap, "TELL_SHARE", 0)


@pytest.mark.usefixtures("every_pass")
def test_a_slow_explainer_grows_on_the_frame_that_was_asked_and_its_neighbours_are_kept(
    engine: Engine, inbox: Inbox, clip: Path, settings: toy.Settings, tmp_path: Path
) -> None:
    request = ExplainRequest(
        clip, DETECTOR, "kernel-shap", (60,), growing=True, settings=SHAP, case=tmp_path / "c.tell"
    )
    job = engine.submit(request)
    assert isinstance(inbox.last(job), Finished)
    made = {event.explanation.track_id: event.explanation for event in inbox.kind(job, ExplanationMade)}
    grew = inbox.kind(job, ExplanationGrew)
    assert settings.scored == [40] * len(settings.scored), "all passes are of the clip that holds the frame"
    for track, explanation in made.items():
        own = [event for event in grew if event.explanation.track_id == track]
        counts = [event.samples for event in own]
        assert counts == sorted(counts)
        assert counts[-1] == own[0].most > counts[0]
        assert {event.explanation.frames.tolist() == [60] for event in own} == {True}
        np.testing.assert_array_equal(own[-1].explanation.values, explanation.values)
        assert explanation.errors is not None
        assert explanation.cost is not None
        assert explanation.cost.passes.tolist() == [counts[-1] + 2], "40 crops a pass, 40 frames that are told of"
    before = len(settings.scored)
    job = engine.submit(replace(request, frames=tuple(range(40, 80)), stored=True))
    assert isinstance(inbox.last(job), Finished)
    assert len(settings.scored) == before
    near = next(e.explanation for e in inbox.kind(job, ExplanationMade) if e.explanation.track_id == 0)
    assert near.frames.tolist() == [*range(40, 80)]
    of_snippet = np.repeat(np.arange(40, 80).reshape(5, 8).mean(1), 8)
    np.testing.assert_allclose((near.logits + 1) * 100, of_snippet, atol=0.5)


@pytest.mark.usefixtures("every_pass")
def test_a_slow_explainer_that_was_cancelled_goes_on_and_no_pass_is_made_twice(
    engine: Engine, inbox: Inbox, clip: Path, settings: toy.Settings, tmp_path: Path
) -> None:
    def submitted(name: str, **options: object) -> int:
        given = {"growing": True, "settings": SHAP, "case": tmp_path / name, **options}
        return engine.submit(ExplainRequest(clip, DETECTOR, "kernel-shap", (20,), **given))  # type: ignore[arg-type]

    whole = submitted("whole.tell")
    assert isinstance(inbox.last(whole), Finished)
    count = len(settings.scored)
    settings.scored.clear()
    first = submitted("parts.tell")
    inbox.wait(lambda event: isinstance(event, ExplanationGrew) and event.job == first and event.samples >= 2)
    engine.cancel(first)
    ended = inbox.last(first)
    if isinstance(ended, Failed):  # else it was done sooner than it could be cancelled
        assert isinstance(ended.error, CancelledError)
    second = submitted("parts.tell")
    assert isinstance(inbox.last(second), Finished)
    assert len(settings.scored) == count
    (one,), (other,) = (inbox.kind(job, ExplanationMade) for job in (whole, second))
    np.testing.assert_array_equal(one.explanation.values, other.explanation.values)
    np.testing.assert_array_equal(one.explanation.errors, other.explanation.errors)
