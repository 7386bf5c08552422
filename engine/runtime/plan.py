"""Into which stretches of frames a video is cut, and which one goes next."""

from collections.abc import Collection

from engine.faces.segments import EVERY

Span = tuple[int, int]
"""First and last frame, inclusive."""

_HELD_BYTES = 75 << 20
"""What the decoded frames of one stretch may take, about."""

_SHORTEST, _LONGEST = 16, 64

_BEHIND = 3
"""A stretch before the playhead counts as this many times as far away as one after it: there it must seek back."""


def segment_length(width: int, height: int) -> int:
    """Frames of one stretch, a multiple of the detection step; it depends on nothing but the frame's size."""
    fitting = _HELD_BYTES // (width * height * 3 // 2)
    return max(_SHORTEST, min(_LONGEST, fitting // EVERY * EVERY))


def segments(frame_count: int, length: int) -> list[Span]:
    """The grid on which every analysis of a video works, whatever was asked."""
    return [(first, min(first + length, frame_count) - 1) for first in range(0, frame_count, length)]


def nearest(spans: Collection[Span], focus: int) -> Span:
    """The stretch that is seen next: the one around the playhead, then those ahead, then those behind."""
    return min(spans, key=lambda span: (max(span[0] - focus, _BEHIND * (focus - span[1]), 0), span[0]))
