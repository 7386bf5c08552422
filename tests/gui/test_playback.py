"""The clock of the player, with files whose frames are not evenly spaced."""

import time
from fractions import Fraction

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.video.index import FrameIndex, make_index
from gui.playback import Playback

STEPS = [10, 90, 20, 100, 30, 60, 10, 110, 40, 80]  # milliseconds


@pytest.fixture
def index() -> FrameIndex:
    pts = 5000 + np.concatenate(([0], np.cumsum(STEPS)))
    numbers = np.arange(len(pts))
    return make_index(pts, Fraction(1, 1000), stamp=pts, key=numbers == 0, rank=numbers)


@pytest.mark.parametrize(("velocity", "start"), [(1, 0), (2, 0), (-1, 10)])
def test_each_frame_is_due_at_its_own_time(index: FrameIndex, velocity: int, start: int, qtbot: QtBot) -> None:
    clock = Playback()
    due: list[tuple[int, float]] = []
    began = time.perf_counter()
    clock.due.connect(lambda frame: due.append((frame, time.perf_counter() - began)))
    with qtbot.waitSignal(clock.ended, timeout=5000):
        clock.start(index, start, velocity)
    frames = [frame for frame, _ in due]
    assert frames == sorted(frames, reverse=velocity < 0)
    assert frames[-1] == (10 if velocity > 0 else 0)
    assert not clock.playing
    for frame, seconds in due[:-1]:
        media = index.seconds(start) + seconds * velocity
        assert abs(index.at_seconds(media) - frame) <= 1  # a busy machine may be a few milliseconds late
    total = abs(index.seconds(10) - index.seconds(0)) / abs(velocity)
    assert due[-1][1] == pytest.approx(total, abs=0.12)


def test_frames_whose_time_passes_between_two_ticks_are_never_asked_for(qtbot: QtBot) -> None:
    numbers = np.arange(2000)
    fast = make_index(numbers, Fraction(1, 1000), stamp=numbers, key=numbers == 0, rank=numbers)
    clock, due = Playback(), []
    clock.due.connect(due.append)
    with qtbot.waitSignal(clock.ended, timeout=8000):
        clock.start(fast, 0, 2)
    assert len(due) < 500  # a tick every 5 ms for one second
    assert len(set(due)) == len(due)
