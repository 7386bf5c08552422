"""Decoded frames kept in memory, bounded in bytes."""

import threading
from bisect import bisect_left, insort

from engine.video.frame import Frame


class FrameCache:
    """Keeps the frames nearest to where the user looks. Any thread may call any method."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity = capacity_bytes
        self._frames: dict[int, Frame] = {}
        self._order: list[int] = []
        self._used = 0
        self._focus = 0
        self._lock = threading.Lock()

    @property
    def used_bytes(self) -> int:
        return self._used

    @property
    def capacity_bytes(self) -> int:
        return self._capacity

    def focus(self, index: int) -> None:
        """Say where the user looks; what lies farthest from there goes first."""
        with self._lock:
            self._focus = index

    def put(self, frame: Frame) -> bool:
        """Keep a frame; False if there is no room for it beside frames that lie nearer to the focus."""
        size = frame.pixels.nbytes
        with self._lock:
            if frame.index in self._frames:
                return True
            while self._used + size > self._capacity and self._order:
                first, last = self._order[0], self._order[-1]
                far = first if self._focus - first > last - self._focus else last
                if abs(far - self._focus) <= abs(frame.index - self._focus):
                    return False
                self._drop(far)
            if size > self._capacity:
                return False
            self._frames[frame.index] = frame
            insort(self._order, frame.index)
            self._used += size
            return True

    def get(self, index: int) -> Frame | None:
        with self._lock:
            return self._frames.get(index)

    def __contains__(self, index: int) -> bool:
        with self._lock:
            return index in self._frames

    def nearest(self, index: int) -> Frame | None:
        """The kept frame that lies nearest."""
        with self._lock:
            at = bisect_left(self._order, index)
            near = self._order[max(at - 1, 0) : at + 1]
            return self._frames[min(near, key=lambda i: abs(i - index))] if near else None

    def ranges(self) -> list[tuple[int, int]]:
        """Kept frames as inclusive ranges, rising."""
        with self._lock:
            found: list[tuple[int, int]] = []
            for index in self._order:
                if found and found[-1][1] == index - 1:
                    found[-1] = (found[-1][0], index)
                else:
                    found.append((index, index))
            return found

    def clear(self) -> None:
        with self._lock:
            self._frames.clear()
            self._order.clear()
            self._used = 0

    def _drop(self, index: int) -> None:
        self._used -= self._frames.pop(index).pixels.nbytes
        del self._order[bisect_left(self._order, index)]
