"""Scores of spans spread over their frames, and kept, against loops."""

import json

import numpy as np
import pytest

from engine.evaluation.kept_scores import packed, unpacked
from engine.evaluation.video_scores import TrackScores, VideoScores

SPANS = np.array([[4, 7], [8, 11], [10, 13], [20, 20]])
PROBABILITY = np.array([0.2, 0.4, 0.9, 0.1], np.float32)
ATTENTION = np.arange(16, dtype=np.float32).reshape(4, 4) / 16


def naive(values: np.ndarray) -> dict[int, float]:
    """Mean over the spans that hold a frame; values (K,), or (K, n) by the frame's place in the span."""
    found: dict[int, list[float]] = {}
    for (low, high), value in zip(SPANS.tolist(), values, strict=True):
        for frame in range(low, high + 1):
            found.setdefault(frame, []).append(float(value if value.ndim == 0 else value[frame - low]))
    return {frame: sum(each) / len(each) for frame, each in sorted(found.items())}


def test_overlapping_spans_are_averaged_frame_by_frame() -> None:
    track = TrackScores(SPANS, PROBABILITY, 100.0, ATTENTION)
    for expected, (frames, values) in (
        (naive(PROBABILITY), track.by_frame()),
        (naive(ATTENTION), track.attention_by_frame() or ()),
    ):
        assert frames.tolist() == list(expected)
        np.testing.assert_allclose(values, list(expected.values()), atol=1e-7)
    assert track.frames.tolist() == [*range(4, 14), 20]
    assert track.mean == pytest.approx(0.4), "of the spans, not of the frames"
    assert TrackScores(SPANS, PROBABILITY, 100.0).attention_by_frame() is None


def test_of_several_faces_the_largest_counts_in_each_frame() -> None:
    other = TrackScores(np.array([[6, 9]]), np.array([0.3], np.float32), 50.0, np.full((1, 4), 0.7, np.float32))
    both = VideoScores((TrackScores(SPANS, PROBABILITY, 100.0), other))
    expected = naive(PROBABILITY)
    frames, values = both.by_frame()
    assert dict(zip(frames.tolist(), values.tolist(), strict=True)) == pytest.approx(
        {frame: max(value, 0.3 if 6 <= frame <= 9 else 0.0) for frame, value in expected.items()}
    )
    assert (both.attention_by_frame() or ())[0].tolist() == [6, 7, 8, 9]
    assert VideoScores(()).attention_by_frame() is None
    assert VideoScores(()).by_frame()[0].tolist() == []


@pytest.mark.parametrize("attention", [None, ATTENTION])
@pytest.mark.parametrize("spans", [SPANS, np.array([[3, 3], [8, 8], [9, 9], [12, 12]])])
def test_scores_survive_being_kept(spans: np.ndarray, attention: np.ndarray | None) -> None:
    kept = json.loads(json.dumps(packed(VideoScores((TrackScores(spans, PROBABILITY, 80.0, attention),)))))
    (back,) = unpacked(kept).tracks
    np.testing.assert_array_equal(back.spans, spans)
    np.testing.assert_array_equal(back.probability, PROBABILITY)
    assert back.face_px == 80.0
    if attention is None:
        assert back.attention is None
    else:
        np.testing.assert_array_equal(back.attention, attention)


def test_what_was_kept_before_spans_were_is_of_single_frames() -> None:
    (back,) = unpacked([{"frames": [5, 10], "probability": [0.5, 0.25], "face_px": None}]).tracks
    assert back.spans.tolist() == [[5, 5], [10, 10]]
    with pytest.raises(KeyError):
        unpacked([{"probability": [], "face_px": None}])
