"""The player's server: newest wins, a picture always comes, and it is the right one."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from video_clips import Clip, make_clip, read_number

from engine.errors import EvidenceChangedError, FrameUnavailableError
from engine.video.cache import FrameCache
from engine.video.frame import Frame
from engine.video.interface import Media
from engine.video.media import open_media
from engine.video.server import Delivery, FrameServer

FRAMES = 180
FRAME_BYTES = 160 * 96 * 3


class Screen:
    """Collects what a server delivers."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self._changed = threading.Condition()

    def show(self, delivery: Delivery) -> None:
        with self._changed:
            self.deliveries.append(delivery)
            self._changed.notify_all()

    def wait(self, what: Callable[[list[Delivery]], bool], seconds: float = 20) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: what(self.deliveries), seconds), self.deliveries[-3:]

    def wait_exact(self, index: int) -> Delivery:
        self.wait(lambda all_: any(d.exact and d.requested == index for d in all_))
        return next(d for d in reversed(self.deliveries) if d.exact and d.requested == index)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = {"preset": "veryfast", "x264-params": "keyint=60:bframes=3:scenecut=0"}
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", Clip(frames=FRAMES, options=options))


@pytest.fixture
def media(path: Path) -> Media:
    return open_media(path)


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def server(media: Media, screen: Screen) -> Iterator[FrameServer]:
    server = FrameServer(media, screen.show)
    yield server
    server.close()


def assert_all_right(deliveries: list[Delivery]) -> None:
    for delivery in deliveries:
        assert delivery.error is None
        assert delivery.frame is not None
        assert read_number(delivery.frame.pixels) == delivery.frame.index
        assert delivery.exact == (delivery.frame.index == delivery.requested)


def test_200_random_requests_are_answered_exactly(server: FrameServer, screen: Screen) -> None:
    chooser = random.Random(3)
    for number in range(200):
        index = chooser.randrange(FRAMES)
        server.request(index, dragging=number % 3 == 0)
        screen.wait(lambda all_, i=index: bool(all_) and all_[-1].requested == i and all_[-1].exact)
    assert_all_right(screen.deliveries)


def test_the_newest_request_wins(server: FrameServer, screen: Screen) -> None:
    chooser = random.Random(4)
    for _ in range(300):
        server.request(chooser.randrange(FRAMES))
    server.request(77)
    screen.wait(lambda all_: bool(all_) and all_[-1].requested == 77 and all_[-1].exact)
    time.sleep(0.2)
    assert screen.deliveries[-1].requested == 77
    assert len(screen.deliveries) < 301
    assert_all_right(screen.deliveries)


@pytest.mark.parametrize("dragging", [False, True])
def test_the_screen_never_starves(media: Media, screen: Screen, dragging: bool) -> None:
    """Requests come faster than frames can be read; pictures come all the same."""
    slow = SlowMedia(media, 0.01)
    server = FrameServer(slow, screen.show, cache_bytes=6 * FRAME_BYTES)
    chooser = random.Random(5)
    started = time.monotonic()
    gaps, last, seen = [], started, 0
    while time.monotonic() - started < 2.5:
        server.request(chooser.randrange(FRAMES), dragging=dragging)
        time.sleep(0.005)
        if len(screen.deliveries) > seen:
            seen = len(screen.deliveries)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()
    server.close()
    assert seen >= 2
    assert max(gaps) < (0.5 if dragging else 1.6)
    assert_all_right(screen.deliveries)


def test_dragging_shows_something_first_and_ends_exactly(media: Media, screen: Screen) -> None:
    server = FrameServer(SlowMedia(media, 0.01), screen.show)
    server.request(170, dragging=True)
    screen.wait_exact(170)
    server.close()
    first = screen.deliveries[0]
    assert first.frame is not None
    assert not first.exact
    assert first.frame.index == 120  # the key frame
    indices = [d.frame.index for d in screen.deliveries if d.frame]
    assert indices == sorted(indices)
    assert_all_right(screen.deliveries)


def test_steps_back_come_from_a_window(media: Media, screen: Screen) -> None:
    counting = SlowMedia(media, 0)
    server = FrameServer(counting, screen.show)
    server.request(150)
    screen.wait_exact(150)
    for index in range(149, 89, -1):
        server.request(index)
        screen.wait_exact(index)
        time.sleep(0.002)
    server.close()
    assert_all_right(screen.deliveries)
    # every frame near the way is decoded about once for the cache, not once per step from the key frame
    assert counting.asked < 60 + 2 * 32 + 32


def test_the_cache_is_bounded_and_told(media: Media, screen: Screen) -> None:
    server = FrameServer(media, screen.show, cache_bytes=20 * FRAME_BYTES)
    for index in (0, 50, 100, 150, 149, 148, 30):
        server.request(index)
        screen.wait_exact(index)
    ranges = server.cached_ranges()
    server.close()
    assert any(first <= 30 <= last for first, last in ranges)
    assert sum(last - first + 1 for first, last in ranges) <= 20
    assert all(a[1] + 1 < b[0] for a, b in pairwise(ranges))


def test_playing_reads_ahead(server: FrameServer, screen: Screen) -> None:
    server.play(40, 1)
    server.request(40)
    screen.wait_exact(40)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not any(a <= 41 and b >= 80 for a, b in server.cached_ranges()):
        time.sleep(0.02)
    assert any(a <= 41 and b >= 80 for a, b in server.cached_ranges())
    server.stop()


def test_closing_ends_the_thread_at_once(media: Media, screen: Screen) -> None:
    server = FrameServer(SlowMedia(media, 0.02), screen.show)
    server.request(179)
    time.sleep(0.05)
    started = time.monotonic()
    server.close()
    assert time.monotonic() - started < 1
    count = len(screen.deliveries)
    server.request(3)
    time.sleep(0.1)
    assert len(screen.deliveries) == count
    assert not any(t.name == "frame-server" for t in threading.enumerate())


def test_a_vanished_file_is_told_and_the_server_lives_on(path: Path, tmp_path: Path, screen: Screen) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(path.read_bytes())
    server = FrameServer(open_media(copy), screen.show, cache_bytes=2 * FRAME_BYTES)
    server.request(0)
    screen.wait_exact(0)
    copy.rename(tmp_path / "elsewhere.mp4")
    server.request(100)
    screen.wait(lambda all_: isinstance(all_[-1].error, EvidenceChangedError))
    (tmp_path / "elsewhere.mp4").rename(copy)
    server.request(101)
    assert read_number(shown(screen.wait_exact(101)).pixels) == 101
    server.close()


def test_a_frame_outside_is_an_error(server: FrameServer, screen: Screen) -> None:
    server.request(FRAMES)
    screen.wait(lambda all_: bool(all_) and isinstance(all_[-1].error, FrameUnavailableError))
    server.request(5)
    screen.wait_exact(5)


def shown(delivery: Delivery) -> Frame:
    assert delivery.frame is not None
    return delivery.frame


class SlowMedia:
    """A medium whose decoder takes its time, and that counts the frames that were asked of it."""

    def __init__(self, media: Media, seconds: float) -> None:
        self._media, self._seconds = media, seconds
        self.asked = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._media, name)

    def reader(self, *, stepping: bool = False) -> object:
        reader = self._media.reader(stepping=stepping)
        decode, seconds = reader.decode, self._seconds

        def slow(index: int, passing: Callable[[object], None] | None = None) -> object:
            self.asked += 1

            def slowly(decoded: object) -> None:
                time.sleep(seconds)
                if passing is not None:
                    passing(decoded)

            return decode(index, slowly)

        reader.decode = slow  # type: ignore[method-assign]
        return reader


def frame(index: int, size: int = 10) -> Frame:
    return Frame(index, index, float(index), np.zeros((1, size, 3), np.uint8))


def test_the_cache_keeps_what_is_near() -> None:
    cache = FrameCache(10 * 30)
    cache.focus(50)
    for index in range(100):
        cache.put(frame(index))
    assert cache.used_bytes <= 300
    assert cache.ranges() == [(46, 55)] or cache.ranges() == [(45, 54)]
    assert cache.get(50) is not None
    assert cache.get(99) is None
    near = cache.nearest(99)
    assert near is not None
    assert near.index in (54, 55)


def test_a_frame_that_is_too_large_is_not_kept() -> None:
    cache = FrameCache(100)
    assert not cache.put(frame(1, 1000))
    assert cache.ranges() == []
    assert cache.nearest(1) is None
