"""Which frames a file holds, in display order, with exact times: known without decoding."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from engine.results import BoolArray, IntArray, frozen


@dataclass(frozen=True)
class FrameIndex:
    """All frames of one video stream in display order. Immutable; any thread may use it.

    Attributes:
        pts: (N,) int64 presentation times, rising.
        stamp: (N,) int64, different for all frames: the time the decoder puts on each frame. Equal to pts unless
            the container stores decoding times only. None where the packets do not tell the frames apart; then a
            frame can only be found by decoding from the start and counting.
        key: (N,) bool, True where decoding may start.
        rank: (N,) int64, place of each frame in decoding order (a permutation of 0..N-1).
        place: (N, 2) int64, where each frame's packet lies in the file and how long it is, bytes; -1 if unknown.
        suspect: (N,) bool, True where the container itself reports damage.
        time_base: seconds per pts unit.
        end_pts: time at which the last frame ends.
    """

    pts: IntArray
    stamp: IntArray | None
    key: BoolArray
    rank: IntArray
    place: IntArray
    suspect: BoolArray
    time_base: Fraction
    end_pts: int

    def __len__(self) -> int:
        return len(self.pts)

    @property
    def start_pts(self) -> int:
        """Time of the first frame; seconds are counted from it."""
        return int(self.pts[0])

    @property
    def duration(self) -> float:
        """Seconds from the first frame's time to the end of the last frame."""
        return float((self.end_pts - self.start_pts) * self.time_base)

    @property
    def rate(self) -> float:
        """Mean frames per second."""
        return len(self) / self.duration if self.duration > 0 else 0.0

    @cached_property
    def variable_rate(self) -> bool:
        """Whether frame spacing varies by more than the rounding of pts and 1% of a frame."""
        steps = np.diff(self.pts)
        if len(steps) < 2:
            return False
        mean = (int(self.pts[-1]) - int(self.pts[0])) / len(steps)
        drift = self.pts - (int(self.pts[0]) + np.arange(len(self.pts)) * mean)
        return bool(np.ptp(drift) > 2.01 + 0.02 * mean)

    def seconds(self, index: int) -> float:
        """Time of a frame since the first one, seconds."""
        return float((int(self.pts[index]) - self.start_pts) * self.time_base)

    def at_seconds(self, seconds: float) -> int:
        """The frame on show at a time: the last one that starts at or before it, within the file."""
        pts = self.start_pts + seconds / float(self.time_base)
        whole = math.floor(pts + 1e-6 * max(1.0, abs(seconds)))  # for a float NumPy would turn all pts into floats
        at = int(self.pts.searchsorted(whole, side="right")) - 1
        return min(max(at, 0), len(self) - 1)

    def of_stamp(self, stamp: int) -> int:
        """The frame on which the decoder puts this time, -1 if there is none."""
        order, stamps = self._stamps
        at = int(stamps.searchsorted(stamp))
        return int(order[at]) if at < len(stamps) and stamps[at] == stamp else -1

    @cached_property
    def _stamps(self) -> tuple[IntArray, IntArray]:
        stamp = np.empty(0, np.int64) if self.stamp is None else self.stamp
        order = np.argsort(stamp, kind="stable")
        return order, stamp[order]

    def lies_at(self, index: int, packet: Any) -> bool:
        """Whether a demuxed packet is the very one that was seen for this frame when the index was made."""
        position, size = self.place[index]
        return bool(size == packet.size and position == (-1 if packet.pos is None else packet.pos))

    def of_place(self, packet: Any) -> int:
        """The frame whose packet lies where this one does, -1 if there is none or it is not the only one."""
        return self._of_place.get((-1 if packet.pos is None else packet.pos, packet.size), -1)

    @cached_property
    def _of_place(self) -> dict[tuple[int, int], int]:
        found: dict[tuple[int, int], int] = {}
        for index, (position, size) in enumerate(self.place.tolist()):
            known = (position, size) in found
            found[position, size] = -1 if known or position < 0 else index
        return found

    def without_first(self, count: int) -> "FrameIndex":
        """The index without its first frames in display order."""
        if count == 0:
            return self
        return replace(
            self,
            pts=frozen(self.pts[count:]),
            stamp=None if self.stamp is None else frozen(self.stamp[count:]),
            key=frozen(self.key[count:]),
            rank=frozen(np.argsort(np.argsort(self.rank[count:]))),
            place=frozen(self.place[count:]),
            suspect=frozen(self.suspect[count:]),
        )

    @cached_property
    def hold(self) -> IntArray:
        """(N,) the last frame in display order among those decoded before each frame.

        A damaged reference may be shown after the frames that depend on it; until it has come out of the decoder,
        those frames are not known to be good.
        """
        shown = np.empty(len(self), np.int64)
        shown[self.rank] = np.arange(len(self))
        latest = np.maximum.accumulate(shown)
        return frozen(latest[self.rank])

    @cached_property
    def keys(self) -> IntArray:
        """Numbers of the frames at which decoding may start, rising."""
        return frozen(np.flatnonzero(self.key).astype(np.int64))

    def key_before(self, index: int) -> int:
        """The last key frame at or before a frame, -1 if there is none."""
        at = int(np.searchsorted(self.keys, index, side="right")) - 1
        return int(self.keys[at]) if at >= 0 else -1


def make_index(
    pts: IntArray,
    time_base: Fraction,
    *,
    stamp: IntArray | None,
    key: BoolArray,
    rank: IntArray,
    place: IntArray | None = None,
    suspect: BoolArray | None = None,
    last_duration: int = 0,
) -> FrameIndex:
    """An index from arrays in display order; the last frame lasts as stored, or else as the usual one does."""
    if last_duration <= 0:
        last_duration = int(np.median(np.diff(pts))) if len(pts) > 1 else max(1, round(1 / (25 * time_base)))
    return FrameIndex(
        pts=frozen(pts.astype(np.int64)),
        stamp=None if stamp is None else frozen(stamp.astype(np.int64)),
        key=frozen(key.astype(np.bool_)),
        rank=frozen(rank.astype(np.int64)),
        place=frozen(np.full((len(pts), 2), -1, np.int64) if place is None else place),
        suspect=frozen(np.zeros(len(pts), np.bool_) if suspect is None else suspect),
        time_base=time_base,
        end_pts=int(pts[-1]) + last_duration,
    )
