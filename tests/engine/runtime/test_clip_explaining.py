"""Maps of frames that are judged by clips, held against the clips of an analysis of the whole video."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import toy
from inbox import Inbox

from engine.explainers import registry
from engine.results import Explanation
from engine.runtime.engine import Engine
from engine.runtime.pictures import PictureThread, Window
from engine.runtime.protocol import (
    AnalysisDone,
    AnalyzeRequest,
    ExplainRequest,
    ExplanationMade,
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
