"""Which frames of a file are known to be damaged; shared by all readers of the file."""

import threading
from collections.abc import Iterable

import numpy as np

from engine.video.index import FrameIndex


class DamageLog:
    """Grows as damage is met. Any thread may use it."""

    def __init__(self, index: FrameIndex) -> None:
        self._index = index
        self._frames: set[int] = set()
        self._lock = threading.Lock()
        self._suspected = False
        self.add_spreading(np.flatnonzero(index.suspect).tolist())

    def __contains__(self, index: int) -> bool:
        return index in self._frames

    @property
    def frames(self) -> tuple[int, ...]:
        with self._lock:
            return tuple(sorted(self._frames))

    @property
    def suspected(self) -> bool:
        """Whether the file has shown any sign of damage, so that it must be decoded with care."""
        return self._suspected

    def suspect(self) -> None:
        self._suspected = True

    def add(self, index: int) -> None:
        """Note one frame that could not be had."""
        with self._lock:
            self._suspected = True
            self._frames.add(index)

    def add_spreading(self, found: Iterable[int]) -> None:
        """Note frames found broken, and with each all that may be built on it: nothing in the file tells how far.

        These are the frames decoded after it up to the next key frame, and those that are decoded after that key
        frame but shown before it (open GOP).
        """
        for index in found:
            ranks, keys = self._index.rank, self._index.keys
            later = keys[ranks[keys] > ranks[index]]
            spoilt = ranks >= ranks[index]
            if len(later):
                key = later[np.argmin(ranks[later])]
                spoilt &= (ranks < ranks[key]) | (np.arange(len(ranks)) < key)
            with self._lock:
                self._suspected = True
                self._frames.update(np.flatnonzero(spoilt).tolist())
