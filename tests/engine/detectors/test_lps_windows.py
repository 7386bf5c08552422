"""The windows of a face by brute force on every small stretch, and the promise on which the analysis rests."""

import numpy as np
import pytest

from engine.detectors.lps_windows import window_clips
from engine.detectors.stretches import reflect

STRETCHES = [(first, last) for first in (0, 1, 7, 29, 30, 31, 44) for last in range(first, first + 190)]


@pytest.mark.parametrize("every", [1, 30, 31, 60, 90])
def test_plans_by_brute_force(every: int) -> None:
    step = next(n for n in range(30, 1000, 30) if n >= every)
    for first, last in STRETCHES:
        clips = window_clips(first, last, every)
        if last - first < 59:
            (short,) = clips
            run = list(range(first, last + 1))
            wanted = np.pad(run, (0, 60 - len(run)), "reflect") if len(run) > 1 else np.repeat(run, 60)
            assert short.frames.tolist() == wanted.tolist()
            assert short.spans.tolist() == [[first, last]]
            assert short.repeats
            continue
        begins = [
            b for b in range(first, last + 1) if b + 59 <= last and (b % step == 0 or b in (first, last - 59))
        ]
        assert [clip.first for clip in clips] == begins
        for begin, clip in zip(begins, clips, strict=True):
            assert clip.frames.tolist() == list(range(begin, begin + 60))
            assert clip.spans.tolist() == [[begin, begin + 59]]
            assert not clip.repeats
        if step <= 60:
            assert {f for clip in clips for f in clip.frames.tolist()} == set(range(first, last + 1))


@pytest.mark.parametrize("every", [1, 60, 90, 200])
def test_windows_do_not_hang_on_ends_that_are_far_away(every: int) -> None:
    """ClipDetector.plan: not on `first` from 60 frames behind it on, not on `last` until 60 frames before it."""

    def planned(first: int, last: int, low: int, high: int) -> list[list[int]]:
        clips = window_clips(first, last, every)
        return [c.frames.tolist() for c in clips if c.first >= low and c.frames.max() <= high]

    for at in (40, 59, 60):
        for last in range(at + 60, at + 200, 7):
            wanted = planned(-500, last, at, last)
            for first in range(at - 150, at - 59):
                assert planned(first, last, at, last) == wanted
        for first in range(at - 150, at, 7):
            wanted = planned(first, 900, first, at + 59)
            for last in range(at + 119, at + 260):
                assert planned(first, last, first, at + 59) == wanted


def test_a_face_of_180_frames_by_hand() -> None:
    assert [c.first for c in window_clips(1000, 1179)] == [1000, 1020, 1050, 1080, 1110, 1120]
    assert [c.first for c in window_clips(0, 179)] == [0, 30, 60, 90, 120]


@pytest.mark.parametrize("count", [2, 3, 7, 60])
def test_reflection_is_numpys(count: int) -> None:
    np.testing.assert_array_equal(
        reflect(np.arange(200), count), np.pad(np.arange(count), (0, 200 - count), "reflect")
    )
