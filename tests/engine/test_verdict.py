"""Stretches that a mean hides: what counts, what does not, and where they begin and end."""

from collections.abc import Sequence

import numpy as np
import pytest

from engine.evaluation.intervals import hidden_stretches
from engine.results import Provenance, Scores
from engine.verdict import goes_on

PROVENANCE = Provenance("d", "0" * 64, {}, "cpu", "float32", {})


def scores(probability: Sequence[float], frames: Sequence[int] | None = None, track: int = 0) -> Scores:
    at = np.arange(len(probability)) if frames is None else np.array(frames, np.int64)
    values = np.array(probability, np.float32)
    return Scores("d", track, np.stack([at, at], 1).reshape(-1, 2), values, values, PROVENANCE)


def found(track: Scores, rate: float = 25) -> list[tuple[int, int]]:
    return [(s.first, s.last) for s in hidden_stretches([track], lambda frame: frame / rate)]


def test_a_forged_span_in_a_real_video_is_named_with_its_times() -> None:
    curve = [0.1] * 80 + [0.9] * 40 + [0.1] * 80
    (stretch,) = hidden_stretches([scores(curve, track=2)], lambda frame: 5 + frame / 25)
    assert (stretch.track_id, stretch.first, stretch.last) == (2, 80, 119)
    assert (stretch.begin, stretch.end) == pytest.approx((8.2, 9.76))
    assert (stretch.mean, stretch.track_mean) == pytest.approx((0.9, 0.26))
    assert "Face 3" in stretch.words()
    assert "frames 80 to 119 (8.20 s to 9.76 s, mean 0.90)" in stretch.words()


@pytest.mark.parametrize(
    ("high", "rate", "counts"),
    [(9, 25.0, False), (10, 25.0, True), (10, 240.0, True), (9, 240.0, False), (5, 10.0, True), (4, 10.0, False)],
)
def test_how_long_is_long_enough(high: int, rate: float, counts: bool) -> None:
    """10 scores, or 0.4 s from the first to the last frame."""
    curve = [0.2] * 50 + [0.7] * high + [0.2] * 50
    assert found(scores(curve), rate) == ([(50, 49 + high)] if counts else [])


def test_one_high_score_among_few_is_no_stretch() -> None:
    every = 25
    for high, expected in ((1, []), (2, []), (3, [(100, 150)])):
        curve = [0.2] * 4 + [0.9] * high + [0.2] * 5
        assert found(scores(curve, [every * n for n in range(len(curve))])) == expected


def test_single_scores_neither_break_nor_make_a_stretch() -> None:
    dips = [0.1] * 30 + [0.8, 0.8, 0.2] * 5 + [0.1] * 30
    assert found(scores(dips)) == [(30, 43)]
    assert found(scores([0.1, 0.1, 0.8] * 30)) == []


def test_a_gap_ends_a_stretch_and_a_damaged_frame_does_not() -> None:
    curve = [0.1] * 60 + [0.9] * 16
    frames = [*range(60), *range(100, 108), *range(200, 208)]
    assert found(scores(curve, frames)) == []
    frames = [*range(60), *range(100, 108), *range(109, 117)]
    assert found(scores(curve, frames)) == [(100, 116)]


def test_what_the_mean_already_says_is_not_said_again() -> None:
    assert found(scores([0.9] * 60 + [0.2] * 10)) == []
    assert found(scores([0.5] * 20)) == []


@pytest.mark.parametrize("curve", [[], [0.1], [0.4, 0.4], [0.49] * 100])
def test_nothing_to_find(curve: list[float]) -> None:
    assert found(scores(curve)) == []


def test_what_is_found_reads_as_fake_itself() -> None:
    """Suspicious intervals go on down to 0.4; what is warned of does not, and its mean is no less than 0.5."""
    assert found(scores([0.1] * 90 + [0.42] * 20 + [0.55] * 3 + [0.42] * 20)) == []
    assert found(scores([0.1] * 90 + [0.42] * 4 + [0.9] * 12 + [0.42] * 4)) == [(94, 105)]
    assert found(scores([0.1] * 90 + [0.52, 0.52, 0.3] * 5)) == []


def test_a_curve_goes_on_over_one_damaged_frame_and_between_scored_frames() -> None:
    def on(*starts: int, length: int = 1) -> list[bool]:
        at = np.array(starts, np.int64)
        return goes_on(np.stack([at, at + length - 1], axis=1).reshape(-1, 2)).tolist()

    assert on(0, 1, 2, 4, 5, 8, 9) == [True, True, True, True, False, True]
    assert on(0, 25, 50, 125, 150) == [True, True, False, True]
    assert on(30, 32, 36, 40, 60, 64, length=4) == [True, True, True, False, True]  # the first span was cut off
    assert on(7) == on() == []
