"""The thread that decodes ahead of the engine and cuts its crops."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import TypeVar

import numpy as np

from engine.errors import FrameUnavailableError
from engine.faces.crops import cut_crop
from engine.faces.cuts import thumbnail
from engine.faces.segments import EVERY
from engine.results import FloatArray, Picture
from engine.runtime.background import WAIT
from engine.runtime.jobs import JobContext
from engine.runtime.plan import Span
from engine.video.media import Media
from engine.video.reader import DecodedFrame, FrameReader

T = TypeVar("T")

_THUMBNAIL_WIDTH = 128
"""Cuts are looked for in pictures made of these: much quicker to make than whole ones."""


class _GivenUpError(Exception):
    pass


class Window:
    """The decoded frames of a stretch, whose pictures are made on demand by the picture thread.

    Attributes:
        first, last: inclusive.
        frames: those that could be decoded.
        thumbnails: frame -> (36, 64) uint8, for cuts.
        looks: frame on the detection grid -> (h, w, 3) uint8, for faces.
        ready: done when all is decoded; until then the mappings grow in the picture thread.
    """

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last
        self.frames: dict[int, DecodedFrame] = {}
        self.thumbnails: dict[int, Picture] = {}
        self.looks: dict[int, Picture] = {}
        self.ready: Future[None] = Future()  # of nothing: a circle would keep the frames until it is collected
        self.next = first


class PictureThread:
    """One thread with its own reader. Its methods are for the engine thread; the work is done in the other.

    What is asked of a decoded window goes before decoding the next one.

    Args:
        media: the evidence.
        look_width: width of the pictures in which faces are looked for.
        stepping: read single frames rather than long runs.
    """

    def __init__(self, media: Media, look_width: int, *, stepping: bool = False) -> None:
        self._media, self._look_width, self._stepping = media, look_width, stepping
        self._changed = threading.Condition()
        self._urgent: deque[Callable[[], None]] = deque()
        self._windows: list[Window] = []
        self._done: Window | None = None  # the one before, whose frames the next one may share
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="pictures", daemon=False)
        self._thread.start()

    def window(self, first: int, last: int, then: Span | None = None) -> Window:
        """Decode first..last, and after it the stretch that will probably be asked next; returns at once.

        Windows that were asked before and are neither of the two are dropped.
        """
        with self._changed:
            wanted = [(first, last)] if then is None else [(first, last), then]
            known = {(w.first, w.last): w for w in self._windows}
            if self._done is not None:
                known.setdefault((self._done.first, self._done.last), self._done)
            windows = [known.get(span) or Window(*span) for span in wanted]
            self._windows = [w for w in windows if not w.ready.done()]
            self._changed.notify()
            return windows[0]

    def looks(self, window: Window, frames: Sequence[int]) -> Future[dict[int, Picture]]:
        """Pictures for the face detector of some frames of a decoded window; damaged ones are left out."""
        return self._ask(lambda: {f: self._look(window, f) for f in frames if f in window.frames})

    def crops(self, window: Window, frames: Sequence[int], affines: FloatArray, size: int) -> Future[Picture]:
        """Crops (N, size, size, 3) of decoded frames (N,), ascending, by affines (N, 2, 3) from crop to frame."""
        return self._ask(lambda: cut_all(window, frames, affines, size))

    def close(self) -> None:
        """Drop what is asked and join the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _ask(self, call: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()

        def answer() -> None:
            try:
                future.set_result(call())
            except Exception as error:  # noqa: BLE001 - raised again where the result is asked for
                future.set_exception(error)

        with self._changed:
            self._urgent.append(answer)
            self._changed.notify()
        return future

    def _run(self) -> None:
        reader: FrameReader | None = None
        try:
            while True:
                with self._changed:
                    while not (self._closed or self._urgent or self._windows):
                        self._changed.wait()
                    if self._closed:
                        return
                    answer = self._urgent.popleft() if self._urgent else None
                    window = self._windows[0] if self._windows else None
                if answer is not None:
                    answer()
                elif window is not None:
                    try:
                        reader = reader or self._media.reader(stepping=self._stepping)
                        self._advance(reader, window)
                    except _GivenUpError:
                        continue
                    except Exception as error:  # noqa: BLE001 - raised again where the window is asked for
                        self._finish(window)
                        window.ready.set_exception(error)
        finally:
            if reader is not None:
                reader.close()

    def _advance(self, reader: FrameReader, window: Window) -> None:
        """Decode one frame of a window."""
        index = window.next
        shared = self._done
        try:
            if shared is not None and index in shared.frames:
                window.frames[index] = shared.frames[index]
                window.thumbnails[index] = shared.thumbnails[index]
            else:
                decoded = reader.decode(index, lambda _: self._go_on(window))
                window.frames[index] = decoded
                window.thumbnails[index] = thumbnail(decoded.rgb_reduced(_THUMBNAIL_WIDTH))
            if index % EVERY == 0:
                known = shared.looks.get(index) if shared is not None else None
                window.looks[index] = self._look(window, index) if known is None else known
        except FrameUnavailableError:
            pass  # the media notes it, and the rest goes on without this frame
        window.next += 1
        if window.next > window.last:
            self._finish(window)
            window.ready.set_result(None)

    def _go_on(self, window: Window) -> None:
        """Raise when a window is no longer wanted in the middle of the way to its frame."""
        if self._closed or window not in self._windows:
            raise _GivenUpError

    def _finish(self, window: Window) -> None:
        with self._changed:
            self._done = window
            if window in self._windows:
                self._windows.remove(window)

    def _look(self, window: Window, frame: int) -> Picture:
        return window.frames[frame].rgb_reduced(self._look_width)


def cut_all(window: Window, frames: Sequence[int], affines: FloatArray, size: int) -> Picture:
    """See PictureThread.crops."""
    crops = np.empty((len(frames), size, size, 3), np.uint8)
    whole, at = None, -1
    for row, frame in enumerate(frames):
        if whole is None or frame != at:
            whole, at = window.frames[frame].rgb(), frame
        crops[row] = cut_crop(whole, affines[row], size)
    return crops


def wait_for(future: Future[T], job: JobContext) -> Generator[None, None, T]:
    """The result of a future, waited for in small steps."""
    while True:
        job.token.check()
        try:
            return future.result(timeout=WAIT)
        except NotYet:
            yield None
