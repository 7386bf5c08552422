"""Suspicious intervals: known answers, and a search that looks at every score in turn."""

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from engine.evaluation.intervals import IntervalRule, suspicious_intervals, usual_rule

RULE = IntervalRule(high=0.5, low=0.4, gap=1, shortest=4, fewest=1)
Span = tuple[int, int]


def frames(count: int) -> list[Span]:
    return [(i, i) for i in range(count)]


def found(values: Sequence[float], rule: IntervalRule = RULE, spans: Sequence[Span] | None = None) -> list[Span]:
    at = np.array(frames(len(values)) if spans is None else spans, np.int64).reshape(-1, 2)
    intervals = suspicious_intervals(0, at, np.array(values, np.float32), rule)
    return [(each.first, each.last) for each in intervals]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([0.49] * 20, []),  # never begins
        ([0.1] * 5 + [0.5] * 4 + [0.1] * 5, [(5, 8)]),  # equal to the threshold is enough
        ([0.1] * 5 + [0.5] * 3 + [0.1] * 5, []),  # too short
        ([0.1, 0.4, 0.45, 0.6, 0.45, 0.4, 0.39], [(1, 5)]),  # it goes on both ways while it is at least low
        ([0.6, 0.6, 0.1, 0.6, 0.6], [(0, 4)]),  # one frame is closed
        ([0.6, 0.6, 0.1, 0.1, 0.6, 0.6], []),  # two are not, and each part is too short
        ([0.6] * 4 + [0.1] + [0.45] * 4, [(0, 3)]),  # what never reaches high is not joined
        ([0.9] * 6, [(0, 5)]),
    ],
)
def test_known_answers(values: list[float], expected: list[Span]) -> None:
    assert found(values) == expected


def test_mean_peak_and_count_are_of_all_scores_inside() -> None:
    values = [0.1, 0.5, 0.75, 0.25, 0.75, 0.5, 0.1]
    at = np.array(frames(7), np.int64)
    (interval,) = suspicious_intervals(3, at, np.array(values, np.float32), RULE)
    assert (interval.track_id, interval.first, interval.last, interval.scores) == (3, 1, 5, 5)
    assert interval.mean == pytest.approx((0.5 + 0.75 + 0.25 + 0.75 + 0.5) / 5)
    assert (interval.peak, interval.peak_frame) == (0.75, 2)  # the first of equals
    told = interval.plain(lambda frame: 2 + frame / 25)
    assert (told["begin"], told["end"]) == (pytest.approx(2.04), pytest.approx(2.2))
    assert (told["mean"], told["peak"], told["peak_frame"]) == (interval.mean, 0.75, 2)


def test_spans_of_snippets_are_measured_in_frames() -> None:
    spans = [(30, 31), (32, 35), (36, 39), (40, 43), (44, 47), (48, 51)]
    values = [0.9, 0.9, 0.1, 0.9, 0.2, 0.2]
    four = IntervalRule(0.5, 0.4, gap=4, shortest=10, fewest=3)
    assert found(values, four, spans) == [(30, 43)]
    assert found(values, IntervalRule(0.5, 0.4, gap=3, shortest=6, fewest=1), spans) == [(30, 35)]


def test_a_face_that_was_away_ends_an_interval_and_frames_left_out_do_not() -> None:
    away = [(i, i) for i in [*range(6), *range(20, 26)]]
    assert found([0.9] * 12, RULE, away) == [(0, 5), (20, 25)]
    every = [(25 * i, 25 * i) for i in range(6)]
    assert found([0.1, 0.9, 0.9, 0.9, 0.1, 0.1], RULE, every) == [(25, 75)]
    fewest = IntervalRule(0.5, 0.4, 1, 4, fewest=4)
    assert found([0.1, 0.9, 0.9, 0.9, 0.1, 0.1], fewest, every) == []


def brute_force(values: np.ndarray, spans: list[Span], rule: IntervalRule, unbroken: list[bool]) -> list[Span]:
    """Grow from every score that is high, score by score; then join and drop."""
    member = [False] * len(values)
    for seed in range(len(values)):
        if not values[seed] >= np.float32(rule.high):
            continue
        for step in (1, -1):
            at = seed
            while 0 <= at < len(values) and values[at] >= np.float32(rule.low):
                member[at] = True
                beside = at if step > 0 else at - 1
                if not 0 <= beside < len(unbroken) or not unbroken[beside]:
                    break
                at += step
    pieces: list[list[int]] = []
    for at, inside in enumerate(member):
        if not inside:
            continue
        touching = bool(pieces) and pieces[-1][-1] == at - 1 and unbroken[at - 1]
        near = bool(pieces) and spans[at][0] - spans[pieces[-1][-1]][1] - 1 <= rule.gap
        if touching or near:
            pieces[-1].append(at)
        else:
            pieces.append([at])
    made = []
    for piece in pieces:
        first, last, scores = spans[piece[0]][0], spans[piece[-1]][1], piece[-1] - piece[0] + 1
        if last - first + 1 >= rule.shortest and scores >= rule.fewest:
            made.append((first, last))
    return made


@pytest.mark.parametrize("length", [1, 4])
def test_against_brute_force(length: int) -> None:
    rng = np.random.default_rng(length)
    several = 0
    for _ in range(150):
        steps = rng.choice([length] * 12 + [length + 1, 2 * length, 2 * length + 1, 5 * length], size=90)
        starts = np.cumsum(steps)
        spans = [(int(s), int(s) + length - 1) for s in starts]
        usual = float(np.median(np.diff(starts)))
        unbroken = [bool(b - a <= 2 * usual) for a, b in itertools.pairwise(starts)]
        wave = 0.45 + 0.25 * np.sin(np.arange(90) / rng.uniform(2, 9)) + rng.normal(0, 0.1, 90)
        values = np.clip(wave, 0, 1).astype(np.float32)
        high = float(rng.uniform(0.4, 0.7))
        rule = IntervalRule(
            high, float(rng.uniform(0.2, high)), int(rng.integers(0, 9)), int(rng.integers(1, 20)),
            int(rng.integers(1, 5)),
        )  # fmt: skip
        expected = brute_force(values, spans, rule, unbroken)
        assert found(values.tolist(), rule, spans) == expected
        several += len(expected) > 1
    assert several > 30


@pytest.mark.parametrize(
    ("rate", "length", "shortest", "gap"), [(25, 1, 10, 1), (240, 1, 10, 1), (10, 1, 5, 1), (25, 4, 10, 4)]
)
def test_the_usual_rule_hangs_on_rate_and_spans(rate: int, length: int, shortest: int, gap: int) -> None:
    starts = np.arange(0, 200, length)
    spans = np.stack([starts, starts + length - 1], axis=1)
    rule = usual_rule([spans, spans[:0]], lambda frame: float(Fraction(frame, rate)))
    assert rule == IntervalRule(0.5, 0.4, gap, shortest, 3)


def test_the_usual_rule_begins_at_the_threshold_of_the_card() -> None:
    assert usual_rule([], float, {"threshold": 0.25}).plain() == {
        "high": 0.25, "low": 0.2, "gap": 1, "shortest": 10, "fewest": 3,
    }  # fmt: skip
    assert usual_rule([], float, {"threshold": "soon"}).high == 0.5
    assert usual_rule([], float, {}).words() == (
        "begins at 0.50, goes on down to 0.40, gaps of up to 1 frame closed, 10 frames and 3 scores at least"
    )
