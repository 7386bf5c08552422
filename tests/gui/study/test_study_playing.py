"""Clips in step: each shows the frame of one common time, over and over, and never ahead of it."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from study_scene import number_of, write_clip

from engine.errors import TellframeError
from engine.results import frozen
from engine.video.index import FrameIndex
from engine.video.media import Media, open_media
from gui.study.playing import Reel, Shown, changes


def index(times: list[int]) -> FrameIndex:
    """Milliseconds."""
    from fractions import Fraction

    n = len(times)
    pts = frozen(np.array(times, np.int64))
    flags = frozen(np.zeros(n, np.bool_))
    place = frozen(np.zeros((n, 2), np.int64))
    return FrameIndex(pts, pts, flags, frozen(np.arange(n)), place, flags, Fraction(1, 1000), times[-1] + 100)


def test_changes_by_hand() -> None:
    assert changes([index([500, 540, 640]), index([0, 100, 140])]) == [
        (0.0, {0: 0, 1: 0}),
        (0.04, {0: 1}),
        (0.1, {1: 1}),
        (0.14, {0: 2, 1: 2}),
    ]


def grey(shown: Shown) -> int:
    image = shown.image
    return image.pixelColor(image.width() - 2, image.height() - 2).red()


def test_two_clips_of_different_rates_stay_in_step(qtbot: QtBot, tmp_path: Path) -> None:
    """25 and 10 frames a second: whenever the fast one shows frame n, the slow one shows frame n / 2.5."""
    write_clip(tmp_path / "fast.mp4", 25, 15)
    write_clip(tmp_path / "slow.mp4", 10, 6)
    reel = Reel([tmp_path / "fast.mp4", tmp_path / "slow.mp4"])
    seen: list[tuple[int, int]] = []
    reel.shown.connect(lambda both: seen.append((number_of(grey(both[0])), number_of(grey(both[1])))))
    reel.start()
    began = time.monotonic()
    qtbot.waitUntil(lambda: len(seen) > 40, timeout=20_000)
    took = time.monotonic() - began
    reel.close()
    round_of = list(dict.fromkeys(seen))
    assert len(round_of) == 15 + 3  # at 0.1, 0.3 and 0.5 s only the slow one changes
    assert all(slow == int(fast / 2.5) or slow == int((fast + 1) / 2.5) for fast, slow in round_of)
    assert seen[18:36] == seen[:18], "and again from the start"
    assert took > 40 / 18 * 0.6 * 0.9, "no faster than its time"


def test_large_pictures_are_reduced_on_the_thread(qtbot: QtBot, tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", 10, 3, (400, 200))
    reel = Reel([tmp_path / "a.mp4"])
    seen: list[Shown] = []
    reel.shown.connect(lambda all_of: seen.append(all_of[0]))
    reel.set_widths([100])
    reel.start()
    qtbot.waitUntil(lambda: bool(seen), timeout=10_000)
    reel.close()
    assert (seen[0].image.width(), seen[0].image.height(), seen[0].aspect) == (100, 50, 1.0)


@pytest.mark.parametrize("content", [None, b"no video"])
def test_a_clip_that_cannot_be_played_is_told(qtbot: QtBot, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    reel = Reel([path])
    told: list[TellframeError] = []
    reel.failed.connect(told.append)
    reel.start()
    qtbot.waitUntil(lambda: bool(told), timeout=10_000)
    reel.close()
    assert told[0].file == path


def test_ending_does_not_wait_for_what_is_being_decoded(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is left must not hold up the window until a frame is decoded."""
    write_clip(tmp_path / "a.mp4", 10, 5)
    inside, go_on = threading.Event(), threading.Event()

    def slow(path: Path) -> Media:
        inside.set()
        assert go_on.wait(60)
        return open_media(path)

    monkeypatch.setattr("gui.study.playing.open_media", slow)
    reel = Reel([tmp_path / "a.mp4"])
    reel.start()
    assert inside.wait(60)
    reel.end()
    assert not reel.ended
    go_on.set()
    reel.close()
    assert reel.ended


def test_closing_ends_the_thread_at_any_time(qtbot: QtBot, tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", 10, 5)
    Reel([tmp_path / "a.mp4"]).close()  # never started
    for wait in (0, 5, 200):
        reel = Reel([tmp_path / "a.mp4"])
        reel.start()
        qtbot.wait(wait)
        reel.close()
        assert not reel._decoder.is_alive()
