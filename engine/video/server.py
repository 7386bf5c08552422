"""The player's reader thread: the newest request wins, but a picture is always shown."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import FrameUnavailableError, TellframeError
from engine.video.cache import FrameCache
from engine.video.frame import Frame
from engine.video.media import Media
from engine.video.reader import DecodedFrame, FrameReader

# While a longer way to the exact frame is decoded, a picture appears at least this often, seconds.
_STARVING = 0.04
# Without a picture for this long, a request is served to its end although a newer one has come, seconds.
_PATIENCE = 0.25
_AHEAD = 16
_PLAY_AHEAD = 48
_WINDOW = 32


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer to a request.

    Attributes:
        requested: the frame that was asked for.
        frame: what can be shown now; None with an error.
        exact: whether it is the requested frame; while dragging, others may come first.
        error: why the requested frame cannot be shown.
    """

    requested: int
    frame: Frame | None
    exact: bool
    error: TellframeError | None


@dataclass(frozen=True, slots=True)
class _Request:
    index: int
    dragging: bool


_CLOSE = _Request(-1, dragging=False)


class _OvertakenError(Exception):
    """A newer request makes the present work useless."""


class FrameServer:
    """Owns a thread, its readers and a cache. Any thread may call any method; `deliver` is called on the server's.

    `deliver` must return quickly and must not call `close`. Every exact picture that was asked for last is
    delivered; older requests may be dropped.
    """

    def __init__(self, media: Media, deliver: Callable[[Delivery], None], cache_bytes: int = 1 << 30) -> None:
        self._media, self._deliver_to = media, deliver
        self._cache = FrameCache(cache_bytes)
        self._frame_bytes = media.width * media.height * 3
        self._wake = threading.Condition()
        self._wanted: _Request | None = None
        self._playing = 0
        self._closing = False
        self._last_delivery = 0.0
        self._position = 0
        self._direction = 1
        self._settled = True
        self._readers: dict[str, FrameReader] = {}
        self._unreadable: set[int] = set()
        self._thread = threading.Thread(target=self._run, name="frame-server", daemon=True)
        self._thread.start()

    def request(self, index: int, *, dragging: bool = False) -> None:
        """Ask for a frame; it replaces a request that is still open.

        While dragging, some picture near it comes at once (exact=False), then the exact one.
        """
        with self._wake:
            self._wanted = _Request(index, dragging)
            self._wake.notify()

    def play(self, first: int, direction: int = 1) -> None:
        """Hint that frames from `first` on will be asked for one after the other; direction 1 or -1."""
        with self._wake:
            self._playing = 1 if direction >= 0 else -1
            self._direction = self._playing
            self._position = first
            self._settled = False
            self._wake.notify()

    def stop(self) -> None:
        """Hint that playing has ended."""
        with self._wake:
            self._playing = 0

    def cached_ranges(self) -> list[tuple[int, int]]:
        """Frames that can be shown at once, inclusive ranges."""
        return self._cache.ranges()

    def close(self) -> None:
        """End the thread and wait for it; nothing is delivered afterwards."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._cache.clear()

    def _run(self) -> None:
        try:
            while (request := self._take()) is not _CLOSE:
                try:
                    if request is None:
                        self._read_ahead()
                    else:
                        self._serve(request)
                except _OvertakenError:
                    continue
        finally:
            for reader in self._readers.values():
                reader.close()

    def _take(self) -> _Request | None:
        """The newest request; None when it is time to read ahead."""
        with self._wake:
            while True:
                if self._closing:
                    return _CLOSE
                if self._wanted is not None:
                    request, self._wanted = self._wanted, None
                    return request
                if not self._settled:
                    return None
                self._wake.wait()

    def _serve(self, request: _Request) -> None:
        index = request.index
        moved = self._move_to(request)
        try:
            frame = self._cache.get(index)
            if frame is None:
                self._media.verify_unchanged()
                if request.dragging:
                    self._show_near(index)
                back = not request.dragging and -_WINDOW <= moved < 0
                frame = self._fill_back(index, request) if back else self._exact(request)
            self._deliver(Delivery(index, frame, exact=True, error=None))
        except TellframeError as error:
            self._deliver(Delivery(index, None, exact=False, error=error))

    def _move_to(self, request: _Request) -> int:
        """Note where the user looks now; how far that is from before."""
        moved = request.index - self._position
        if moved and not self._playing:
            self._direction = 1 if moved > 0 else -1
        self._position = request.index
        self._settled = request.dragging
        self._cache.focus(request.index)
        return moved

    def _show_near(self, index: int) -> None:
        """Deliver something close at once: a kept frame, or the key frame before it."""
        key = max(self._media.index.key_before(index), 0)
        near = self._cache.nearest(index)
        if near is None or abs(near.index - index) > index - key:
            near = self._keep(self._reader("stepping").decode(key))
        self._deliver(Delivery(index, near, near.index == index, None))

    def _exact(self, request: _Request) -> Frame:
        def passing(decoded: DecodedFrame) -> None:
            self._give_way(request)
            if request.dragging and time.monotonic() - self._last_delivery > _STARVING:
                self._deliver(Delivery(request.index, self._keep(decoded), exact=False, error=None))

        return self._keep(self._reader("stepping").decode(request.index, passing))

    def _fill_back(self, index: int, request: _Request | None) -> Frame:
        """Decode the frames up to `index` that a few more steps back will ask for, and keep them all."""
        reader = self._reader("behind")
        for at in range(max(0, index - self._room(_WINDOW) + 1), index):
            if at not in self._cache and at not in self._unreadable:
                self._keep_if_sound(reader, at, request)
        return self._keep(reader.decode(index, lambda _: self._give_way(request)))

    def _read_ahead(self) -> None:
        """One piece of work for the requests that will probably come; settles when there is none left."""
        position, frames = self._position, len(self._media.index)
        try:
            if self._direction > 0:
                reach = self._room(_PLAY_AHEAD if self._playing else _AHEAD)
                for at in range(position + 1, min(position + reach + 1, frames)):
                    if at not in self._cache and at not in self._unreadable:
                        self._keep_if_sound(self._reader("playing" if self._playing else "stepping"), at, None)
                        return
            else:
                window = self._room(_WINDOW)
                for at in range(position - 1, max(position - window // 2, -1), -1):
                    if at not in self._cache and at not in self._unreadable:
                        self._fill_back(at, None)
                        return
            self._settled = True
        except FrameUnavailableError as error:
            self._unreadable.add(position if error.frame is None else error.frame)
        except TellframeError:  # the next request meets it again and tells the user
            self._settled = True

    def _keep_if_sound(self, reader: FrameReader, index: int, request: _Request | None) -> None:
        try:
            self._keep(reader.decode(index, lambda _: self._give_way(request)))
        except FrameUnavailableError:
            self._unreadable.add(index)
        self._give_way(request)

    def _keep(self, decoded: DecodedFrame) -> Frame:
        frame = decoded.frame()
        self._cache.put(frame)
        return frame

    def _room(self, wanted: int) -> int:
        """So many frames of `wanted` as fit into a third of the cache, at least one."""
        return min(wanted, max(1, self._cache.capacity_bytes // 3 // max(1, self._frame_bytes)))

    def _give_way(self, present: _Request | None) -> None:
        """Look for a newer request in the middle of work for `present` (None: reading ahead).

        A newer request for a kept frame is answered here; any other one ends the present work, unless the screen
        has been waiting too long.
        """
        with self._wake:
            if self._closing:
                raise _OvertakenError
            newer = self._wanted
            if newer is None:
                return
            kept = self._cache.get(newer.index)
            if kept is not None:
                self._wanted = None
        if kept is not None:
            self._move_to(newer)
            self._deliver(Delivery(newer.index, kept, exact=True, error=None))
            if present is None:
                return
        elif present is not None and not present.dragging and self._waiting_too_long():
            return
        raise _OvertakenError

    def _waiting_too_long(self) -> bool:
        return time.monotonic() - self._last_delivery > _PATIENCE

    def _deliver(self, delivery: Delivery) -> None:
        self._last_delivery = time.monotonic()
        self._deliver_to(delivery)

    def _reader(self, purpose: str) -> FrameReader:
        """Three decoders, so that reading ahead does not lose the place of stepping."""
        if purpose not in self._readers:
            self._readers[purpose] = self._media.reader(stepping=purpose != "playing")
        return self._readers[purpose]
