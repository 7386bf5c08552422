"""The windows of a track against brute force on random tracks, numpy's reflection, and plans written by hand."""

import numpy as np
import pytest

from engine.detectors.lps_windows import WindowPlan, plan_windows
from engine.detectors.stretches import reflect


def runs_of(frames: list[int]) -> list[list[int]]:
    """Frames that follow each other, by hand."""
    runs: list[list[int]] = []
    for frame in frames:
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return runs


def shown(plan: WindowPlan) -> list[list[int]]:
    return [plan.frames(number).tolist() for number in range(len(plan.windows))]


def random_track(rng: np.random.Generator) -> np.ndarray:
    """A few runs with gaps between them, some shorter than a window, an example or two frames."""
    lengths = rng.choice([1, 2, 4, 5, 7, 29, 59, 60, 61, 65, 90, 93, 120, 151, 240], rng.integers(1, 6))
    parts, at = [], int(rng.integers(0, 50))
    for length in lengths:
        parts.append(np.arange(at, at + length))
        at += length + int(rng.integers(1, 40))
    return np.concatenate(parts)


@pytest.mark.parametrize("seed", range(40))
def test_windows_of_random_tracks(seed: int) -> None:
    frames = random_track(np.random.default_rng(seed))
    plan = plan_windows(frames)
    windows = shown(plan)
    number = 0
    for run in runs_of(frames.tolist()):
        starts = [i for i in range(len(run)) if i % 30 == 0 and i + 60 <= len(run)]
        if len(run) < 60:
            wanted = [np.pad(run, (0, 60 - len(run)), "reflect").tolist() if len(run) > 1 else run * 60]
        else:
            wanted = [run[i : i + 60] for i in starts]
            if wanted[-1] != run[-60:]:
                wanted.append(run[-60:])
        for window in wanted:
            assert windows[number] == window
            assert plan.short[number] == (len(run) < 60)
            assert plan.spans[number].tolist() == [min(window), max(window)]
            number += 1
    assert number == len(windows)
    assert {frame for window in windows for frame in window} == set(frames.tolist())
    for window, short in zip(windows, plan.short, strict=True):
        steps = set(np.diff(window).tolist())
        assert steps <= ({-1, 0, 1} if short else {1})
    assert len({tuple(row) for row in plan.examples.tolist()}) == len(plan.examples)
    assert set(plan.windows.ravel().tolist()) == set(range(len(plan.examples)))


def test_a_track_of_180_frames_by_hand() -> None:
    plan = plan_windows(np.arange(1000, 1180))
    assert plan.spans.tolist() == [[1000 + s, 1059 + s] for s in (0, 30, 60, 90, 120)]
    assert plan.windows.tolist() == [list(range(k, k + 12)) for k in (0, 6, 12, 18, 24)]
    assert plan.examples.tolist() == [list(range(1000 + 5 * k, 1005 + 5 * k)) for k in range(36)]
    assert not plan.short.any()


def test_the_last_window_ends_with_the_track_and_shares_examples_where_it_can() -> None:
    even, odd = plan_windows(np.arange(75)), plan_windows(np.arange(73))
    assert even.spans.tolist() == [[0, 59], [15, 74]]
    assert len(even.examples) == 15
    assert odd.spans.tolist() == [[0, 59], [13, 72]]
    assert len(odd.examples) == 24


def test_short_runs_are_played_forth_and_back_and_share_examples() -> None:
    plan = plan_windows(np.array([10, 11, 12]))
    assert plan.frames(0)[:9].tolist() == [10, 11, 12, 11, 10, 11, 12, 11, 10]
    assert plan.examples.tolist() == [
        [10, 11, 12, 11, 10],
        [11, 12, 11, 10, 11],
        [12, 11, 10, 11, 12],
        [11, 10, 11, 12, 11],
    ]
    assert plan.windows.tolist() == [[0, 1, 2, 3] * 3]
    assert plan.spans.tolist() == [[10, 12]]
    assert plan.short.tolist() == [True]
    single = plan_windows(np.array([7]))
    assert single.examples.tolist() == [[7] * 5]
    assert single.windows.tolist() == [[0] * 12]


def test_no_window_crosses_a_gap() -> None:
    frames = np.delete(np.arange(130), 65)
    plan = plan_windows(frames)
    assert plan.spans.tolist() == [[0, 59], [5, 64], [66, 125], [70, 129]]
    assert not plan.short.any()


def test_no_frames_give_no_windows() -> None:
    plan = plan_windows(np.empty(0, np.int64))
    assert plan.examples.shape == (0, 5)
    assert plan.windows.shape == (0, 12)
    assert plan.spans.shape == (0, 2)
    assert plan.short.shape == (0,)


@pytest.mark.parametrize("count", [2, 3, 7, 60])
def test_reflection_is_numpys(count: int) -> None:
    np.testing.assert_array_equal(
        reflect(np.arange(200), count), np.pad(np.arange(count), (0, 200 - count), "reflect")
    )


def test_frames_out_of_order_and_strides_that_share_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="increase"):
        plan_windows(np.array([3, 3]))
    with pytest.raises(ValueError, match="no multiple of the 5"):
        plan_windows(np.arange(100), stride=12)
