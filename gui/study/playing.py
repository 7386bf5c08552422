"""Several short clips played in step, over and over: decoded on one thread, shown by a timer of the GUI thread."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QImage

from engine.errors import TellframeError
from engine.results import Picture
from engine.video.index import FrameIndex
from engine.video.media import Media, open_media
from engine.video.reader import FrameReader

AHEAD = 6
"""Moments decoded before their time."""
LATE = 0.1
"""Seconds behind from which all clips wait for the decoder together instead of catching up."""
POLL_MS = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """What one clip shows at a moment: its picture, whose pixels are `aspect` times as wide as high."""

    image: QImage
    aspect: float


@dataclass(frozen=True, slots=True)
class Moment:
    """What all clips show from a time on: seconds since the beginning, all rounds counted."""

    at: float
    shown: tuple[Shown, ...]


def changes(indices: Sequence[FrameIndex]) -> list[tuple[float, dict[int, int]]]:
    """One round: at which second which clips change to which frame. All change at 0."""
    found: dict[float, dict[int, int]] = {}
    for clip, index in enumerate(indices):
        for frame in range(len(index)):
            found.setdefault(round(index.seconds(frame), 4), {})[clip] = frame
    return sorted(found.items())


class Reel(QObject):
    """Plays clips from `start` to `close`. GUI thread only.

    Signals:
        shown: a tuple of Shown, one per clip.
        failed: the TellframeError because of which nothing more is shown.
    """

    shown = Signal(object)
    failed = Signal(object)

    def __init__(self, paths: Sequence[Path], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._decoder = _Decoder(paths)
        self._timer = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._next: Moment | None = None
        self._origin: float | None = None

    def start(self) -> None:
        self._decoder.start()
        self._timer.start(0)

    def set_widths(self, widths: Sequence[int]) -> None:
        """How wide the clips are shown, pixels of the screen: larger pictures are reduced on the thread."""
        self._decoder.widths = tuple(widths)

    @property
    def ended(self) -> bool:
        """Whether its thread is gone."""
        return not self._decoder.is_alive()

    def end(self) -> None:
        """Stop at once; the thread ends by itself within a frame, for which the window need not wait."""
        self._timer.stop()
        self._decoder.stop()

    def close(self) -> None:
        """Stop, and wait for the thread to end."""
        self.end()
        self._decoder.wait()

    def _tick(self) -> None:
        if self._next is None:
            try:
                got = self._decoder.moments.get_nowait()
            except queue.Empty:
                self._timer.start(POLL_MS)
                return
            if isinstance(got, TellframeError):
                self.failed.emit(got)
                return
            self._next = got
        now = time.monotonic()
        if self._origin is None or now - self._origin - self._next.at > LATE:
            self._origin = now - self._next.at
        early = self._origin + self._next.at - now
        if early > 0.001:
            self._timer.start(math.ceil(early * 1000))
            return
        moment, self._next = self._next, None
        self._timer.start(0)
        self.shown.emit(moment.shown)


class _Decoder(threading.Thread):
    """Puts moments or one error into `moments`; a full queue makes it wait."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__(name="study-clips", daemon=True)
        self.moments: queue.Queue[Moment | TellframeError] = queue.Queue(AHEAD)
        self.widths: tuple[int, ...] = ()
        self._paths = tuple(paths)
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def wait(self) -> None:
        if self.is_alive():
            self.join()

    def run(self) -> None:
        opened: list[Media] = []
        readers: list[FrameReader] = []
        try:
            for path in self._paths:
                opened.append(open_media(path))
                readers.append(opened[-1].reader())
            self._play(opened, readers)
        except TellframeError as error:
            self._put(error)
        finally:
            for reader in readers:
                reader.close()
            for media in opened:
                media.close()

    def _play(self, opened: Sequence[Media], readers: Sequence[FrameReader]) -> None:
        steps = changes([media.index for media in opened])
        length = max(media.index.duration for media in opened)
        aspects = [float(media.facts.stream.shown_pixel_aspect) for media in opened]
        shown: list[Shown | None] = [None] * len(opened)
        for turn in count():
            for at, frames in steps:
                for clip, frame in frames.items():
                    if self._stopping.is_set():
                        return
                    wide = self.widths[clip] if clip < len(self.widths) else None
                    made = readers[clip].decode(frame).make(wide)
                    shown[clip] = Shown(_image(made), aspects[clip])
                whole = tuple(each for each in shown if each is not None)
                if not self._put(Moment(turn * length + at, whole)):
                    return

    def _put(self, thing: Moment | TellframeError) -> bool:
        """False if playing ended meanwhile."""
        while not self._stopping.is_set():
            try:
                self.moments.put(thing, timeout=0.05)
            except queue.Full:
                continue
            return True
        return False


def _image(pixels: Picture) -> QImage:
    """A picture of its own of (H, W, 3) RGB."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888).copy()
