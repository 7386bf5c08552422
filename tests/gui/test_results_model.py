"""Results by frame against a plain dictionary that is filled the slow way."""

import time
from collections.abc import Mapping
from dataclasses import replace

import fakes
import numpy as np
import pytest

from engine.results import FaceTrack, Scores, frozen
from engine.runtime.protocol import AnalysisDone, SegmentAnalyzed
from gui.results_model import ResultsModel


def a_track(number: int, frames: np.ndarray) -> FaceTrack:
    boxes = np.stack([frames, frames + 1, frames + 50, frames + 60], axis=1).astype(np.float32) + number * 100
    n = len(frames)
    return FaceTrack(
        number,
        frozen(frames.astype(np.int64)),
        frozen(boxes),
        frozen(np.zeros((n, 5, 2), np.float32)),
        frozen(np.ones(n, np.float32)),
        frozen(np.ones(n, np.bool_)),
        frozen(boxes),
    )


def some_scores(number: int, spans: np.ndarray, values: np.ndarray) -> Scores:
    values = frozen(values.astype(np.float32))
    return Scores("frame-mobile", number, frozen(spans.astype(np.int64)), values, values, fakes.PROVENANCE)


def segment(
    first: int,
    last: int,
    tracks: list[FaceTrack],
    scores: list[Scores],
    joined: Mapping[int, int] | None = None,
) -> SegmentAnalyzed:
    return SegmentAnalyzed(
        1, fakes.identity("/a"), "frame-mobile", first, last, tuple(tracks), tuple(scores), joined or {}  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_overlapping_spans_the_one_that_began_last_stands_for_a_frame(order: tuple[int, ...]) -> None:
    model, frames = ResultsModel(200), np.arange(120)
    spans, values = np.array([[0, 59], [30, 89], [60, 119]]), np.array([0.2, 0.5, 0.9])
    for at in order:
        part = some_scores(0, spans[at : at + 1], values[at : at + 1])
        model.add_segment(segment(0, 119, [a_track(0, frames)], [part]))
    for frame in frames.tolist():
        (face,) = model.faces_at(frame)
        assert face.probability == pytest.approx(values[min(frame // 30, 2)])


def test_stretches_in_any_order_give_what_a_dictionary_gives() -> None:
    rng = np.random.default_rng(2)
    model, length = ResultsModel(400), 25
    boxes: dict[tuple[int, int], np.ndarray] = {}
    values: dict[tuple[int, int], float] = {}
    for start in rng.permutation(np.arange(0, 400, length)):
        tracks, scores = [], []
        for number in (0, 1, 2):
            frames = np.flatnonzero(rng.random(length) < 0.7) + start
            if not len(frames):
                continue
            tracks.append(a_track(number, frames))
            chosen = frames[::3]
            probabilities = rng.random(len(chosen)).astype(np.float32)
            scores.append(some_scores(number, np.stack([chosen, chosen], 1), probabilities))
            boxes.update({(number, int(f)): b for f, b in zip(frames, tracks[-1].boxes, strict=True)})
            values.update({(number, int(f)): float(p) for f, p in zip(chosen, probabilities, strict=True)})
        model.add_segment(segment(int(start), int(start) + length - 1, tracks, scores))
    assert model.share_analysed == 1.0
    for frame in range(400):
        faces = {face.track_id: face for face in model.faces_at(frame)}
        assert set(faces) == {n for n in (0, 1, 2) if (n, frame) in boxes}
        for number, face in faces.items():
            assert np.array_equal(face.box, boxes[number, frame])
            assert np.isnan(face.probability) == ((number, frame) not in values)
    for track in model:
        mine = {f: p for (n, f), p in values.items() if n == track.id}
        at, probability = track.curve()
        assert at.tolist() == sorted(mine)
        assert probability.tolist() == [np.float32(mine[f]) for f in sorted(mine)]
        assert track.mean == pytest.approx(np.mean(list(mine.values())), abs=1e-6)
    assert model.running_probability == pytest.approx(max(t.mean for t in model))


def test_a_person_found_to_be_the_same_becomes_one_track() -> None:
    model = ResultsModel(100)
    first, second = np.arange(0, 25), np.arange(25, 50)
    spans = [np.stack([f, f], 1) for f in (first, second)]
    model.add_segment(segment(0, 24, [a_track(7, first)], [some_scores(7, spans[0], np.full(25, 0.2))]))
    model.add_segment(segment(25, 49, [a_track(9, second)], [some_scores(9, spans[1], np.full(25, 0.8))], {9: 7}))
    assert list(model.tracks) == [7]
    track = model.tracks[7]
    assert (track.first, track.last) == (0, 49)
    assert track.probability_at(10) == pytest.approx(0.2)
    assert track.probability_at(30) == pytest.approx(0.8)
    assert track.mean == pytest.approx(0.5)


def test_a_track_that_is_only_renamed_keeps_its_frames() -> None:
    model = ResultsModel(100)
    frames = np.arange(5, 10)
    model.add_segment(segment(0, 24, [a_track(3, frames)], []))
    model.add_segment(segment(25, 49, [], [], {3: 1}))
    assert [(t.id, t.first, t.last) for t in model] == [(1, 5, 9)]


def test_a_score_that_comes_again_replaces_the_old_one() -> None:
    model = ResultsModel(50)
    frames = np.arange(10)
    spans = np.stack([frames, frames], 1)
    for value in (0.3, 0.9):
        model.add_segment(segment(0, 9, [a_track(0, frames)], [some_scores(0, spans, np.full(10, value))]))
    assert model.tracks[0].scores.tolist() == [np.float32(0.9)] * 10


def test_spans_of_several_frames_cover_them_all() -> None:
    model = ResultsModel(50)
    frames = np.arange(20)
    spans = np.array([[0, 7], [8, 15]])
    model.add_segment(segment(0, 19, [a_track(0, frames)], [some_scores(0, spans, np.array([0.1, 0.7]))]))
    track = model.tracks[0]
    assert [round(track.probability_at(f), 3) for f in (0, 7, 8, 15)] == [0.1, 0.1, 0.7, 0.7]
    assert np.isnan(track.probability_at(16))
    assert track.curve()[0].tolist() == [3.5, 11.5]


def with_series(scores: Scores, **series: np.ndarray) -> Scores:
    made = {name.replace("_", "-"): frozen(values.astype(np.float32)) for name, values in series.items()}
    return replace(scores, activations=made)


def test_series_follow_their_spans_in_whatever_order_they_come() -> None:
    rng = np.random.default_rng(5)
    spans = np.stack([np.arange(0, 400, 4), np.arange(3, 400, 4)], 1)
    attention: dict[tuple[int, int], np.ndarray] = {}
    model = ResultsModel(400)
    frames = np.arange(400)
    model.add_segment(segment(0, 399, [a_track(0, frames)], []))
    for _ in range(25):  # some spans come twice: the last one counts
        rows = np.sort(rng.choice(100, size=9, replace=False))
        values = rng.random((9, 4)).astype(np.float32)
        made = some_scores(0, spans[rows], values.mean(axis=1))
        if rng.random() < 0.2:
            attention.update({(4 * r, 4 * r + 3): np.full(4, np.nan) for r in rows.tolist()})
        else:
            made = with_series(made, u_t=values, frame_logits=values - 1)
            attention.update({(4 * r, 4 * r + 3): v for r, v in zip(rows.tolist(), values, strict=True)})
        model.add_segment(segment(0, 399, [a_track(0, frames)], [made]))
    track = model.tracks[0]
    assert [tuple(span) for span in track.spans.tolist()] == sorted(attention)
    expected = np.stack([attention[span] for span in sorted(attention)])
    np.testing.assert_array_equal(track.activations["u-t"], expected.astype(np.float32))
    np.testing.assert_array_equal(track.activations["frame-logits"], expected.astype(np.float32) - 1)


def test_series_stay_with_a_person_found_to_be_the_same() -> None:
    model = ResultsModel(100)
    parts = []
    for number, start in ((7, 0), (9, 8)):
        spans = np.array([[start, start + 3], [start + 4, start + 7]])
        values = np.arange(8).reshape(2, 4) + start
        parts.append(with_series(some_scores(number, spans, np.array([0.2, 0.4])), u_t=values))
    model.add_segment(segment(0, 7, [a_track(7, np.arange(8))], [parts[0]]))
    model.add_segment(segment(8, 15, [a_track(9, np.arange(8, 16))], [parts[1]], {9: 7}))
    assert model.tracks[7].activations["u-t"].ravel().tolist() == list(range(16))
    assert model.tracks[7].frame_values("u-t", 0, 15).tolist() == list(range(16))


def test_each_frame_has_the_value_of_its_place_in_the_span() -> None:
    spans = np.array([[3, 4], [5, 8], [9, 12], [20, 23], [24, 24]])
    values = np.array([[0.1, 0.2, 9, 9], [0.3, 0.4, 0.5, 0.6], [1, 2, 3, 4], [5, 6, 7, 8], [0.7, 9, 9, 9]])
    model = ResultsModel(30)
    scored = with_series(some_scores(0, spans, np.full(5, 0.5)), u_t=values)
    model.add_segment(segment(0, 29, [a_track(0, np.arange(3, 25))], [scored]))
    track = model.tracks[0]
    known = {
        3: 0.1,
        4: 0.2,
        5: 0.3,
        6: 0.4,
        7: 0.5,
        8: 0.6,
        9: 1,
        10: 2,
        11: 3,
        12: 4,
        20: 5,
        21: 6,
        22: 7,
        23: 8,
        24: 0.7,
    }
    for first, last in ((0, 29), (4, 4), (7, 21), (13, 19)):
        found = track.frame_values("u-t", first, last)
        expected = np.array([known.get(frame, np.nan) for frame in range(first, last + 1)], np.float32)
        np.testing.assert_array_equal(found, expected)
    assert np.isnan(track.frame_values("other", 0, 29)).all()
    rows = [track.span_at(frame) for frame in (2, 3, 4, 5, 12, 13, 19, 20, 24, 25)]
    assert rows == [None, 0, 0, 1, 2, None, None, 3, 4, None]


def test_the_end_replaces_everything() -> None:
    model = ResultsModel(100)
    model.add_segment(segment(0, 24, [a_track(4, np.arange(25))], []))
    frames = np.arange(30, 40)
    scores = some_scores(0, np.stack([frames, frames], 1), np.full(10, 0.6))
    done = AnalysisDone(
        1, fakes.identity("/a"), "frame-mobile", (a_track(0, frames),), (scores,), 0.6, ("small faces",)  # type: ignore[arg-type]
    )  # fmt: skip
    model.replace(done)
    assert [(t.id, t.first, t.last) for t in model] == [(0, 30, 39)]
    assert (model.fake_probability, model.warnings, model.done) == (0.6, ("small faces",), True)
    assert model.faces_at(10) == ()


def test_a_stretch_that_the_mean_hides_is_kept_with_the_results_and_made_anew_with_them() -> None:
    frames = np.arange(100)
    spans = np.stack([frames, frames], axis=1)
    forged = np.where((frames >= 40) & (frames < 60), 0.9, 0.1)
    model = ResultsModel(100)
    assert model.hidden_stretches(lambda frame: frame / 25) == ()

    def end(values: np.ndarray) -> AnalysisDone:
        scores = (some_scores(0, spans, values),)
        tracks = (a_track(0, frames),)
        mean = float(values.mean())
        return AnalysisDone(1, fakes.identity("/a"), "frame-mobile", tracks, scores, mean, ())

    model.replace(end(forged))
    assert [(s.first, s.last) for s in model.hidden_stretches(lambda frame: frame / 25)] == [(40, 59)]
    model.replace(end(np.full(100, 0.1)))
    assert model.hidden_stretches(lambda frame: frame / 25) == ()


def test_a_two_hour_video_is_filled_without_slowing_down() -> None:
    """One stretch costs the same at the end as at the beginning, far below what the window may stand still."""
    frames, length = 2 * 3600 * 25, 250
    model = ResultsModel(frames)
    took = []
    for start in range(0, frames, length):
        span = np.arange(start, start + length)
        part, scores = a_track(0, span), some_scores(0, np.stack([span, span], 1), np.full(length, 0.5))
        began = time.thread_time()
        model.add_segment(segment(start, start + length - 1, [part], [scores]))
        took.append(time.thread_time() - began)
    assert len(model.tracks[0].scores) == frames
    assert np.quantile(took, 0.99) < 0.03
