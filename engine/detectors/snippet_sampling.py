"""Which frames of a face track a snippet network sees: few snippets spread over it, or all of it (P003).

A clip is U snippets of T successive frames at the video's own rate. A track may have gaps, where the face was not
seen; no snippet crosses one. A stretch without gaps that is shorter than T gives a snippet that goes to and fro in
it (a b c b).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.detectors.base import Clip
from engine.detectors.stretches import reflect
from engine.results import BoolArray, IntArray, frozen


@dataclass(frozen=True, slots=True)
class SnippetClip:
    """What goes through the network at once.

    Attributes:
        frames: (U, T) int64, numbers of frames of the track; a row is a snippet.
        reflected: (U,) bool, snippets from a stretch shorter than they are.
    """

    frames: IntArray
    reflected: BoolArray


def uniform_clip(
    frames: IntArray, snippets: int, length: int, rng: np.random.Generator | None = None
) -> SnippetClip:
    """A clip spread evenly over a track: its rows in U equal parts, one snippet in each.

    A part that holds no T successive frames takes those of the track nearest to its middle, so snippets may
    overlap or repeat. Only a track without any is reflected.

    Args:
        frames: (N,) strictly increasing, N > 0.
        snippets: U.
        length: T.
        rng: chooses the place within each part (training); None takes the middle one.

    Raises:
        ValueError: no frames, not increasing, or U or T below 1.
    """
    frames = _checked(frames, snippets, length)
    if not len(frames):
        raise ValueError("a track without frames has no clip")
    starts = _starts(frames, length)
    chosen, reflected = [], np.zeros(snippets, np.bool_)
    for u in range(snippets):
        begin, end = u * len(frames) // snippets, (u + 1) * len(frames) // snippets
        inside = starts[(starts >= begin) & (starts + length <= end)]
        if rng is not None and len(inside):
            chosen.append(frames[rng.choice(inside)] + np.arange(length))
        elif len(starts):
            candidates = inside if len(inside) else starts
            off_middle = np.abs(2 * candidates + length - begin - end)
            chosen.append(frames[candidates[off_middle.argmin()]] + np.arange(length))
        else:
            chosen.append(_to_and_fro(_run_around(frames, (begin + end) // 2), length))
            reflected[u] = True
    return SnippetClip(frozen(np.stack(chosen)), frozen(reflected))


def dense_clips(first: int, last: int, snippets: int, length: int, every: int = 1) -> Sequence[Clip]:
    """All of a stretch first..last without a gap: each of its frames belongs to the span of exactly one snippet.

    Clips of U T frames follow each other on a grid that begins with frame 0 of the video, so that a clip does not
    hang on how far the stretch reaches. What the grid leaves at both ends is told by two more clips, one that
    begins with the stretch and one that ends with it; of those only the snippets there count. A stretch with no
    room for U snippets is one clip of as many as it has room for, the last one reaching back.

    Args:
        every: clips of the grid begin at least so many frames apart; with more than one clip's length between
            them the frames in between have no span, and the ends none either if the grid has a clip.
    """
    whole = snippets * length
    if last - first + 1 < whole:
        return [_short(np.arange(first, last + 1), length)]
    step = whole * -(-max(every, 1) // whole)
    begins = range(-(-first // step) * step, last - whole + 2, step)
    grid = [
        Clip(frozen(np.arange(at, at + whole)), _spans(at, whole, length, at, at + whole - 1)) for at in begins
    ]
    if step > whole and grid:
        return grid
    low, high = (begins[0], begins[-1] + whole - 1) if grid else (first + whole, first + whole - 1)
    before, after = [], []
    if low > first:
        frames = frozen(np.arange(first, first + whole))
        before = [Clip(frames, _spans(first, whole, length, first, low - 1))]
    if high < last:
        begin = last - whole + 1
        after = [Clip(frozen(np.arange(begin, last + 1)), _spans(begin, whole, length, high + 1, last))]
    return [*before, *grid, *after]


def _spans(begin: int, whole: int, length: int, low: int, high: int) -> IntArray:
    """Of the snippets of a clip that hold frames of low..high, what of them lies there."""
    firsts = np.arange(begin, begin + whole, length)
    spans = np.stack([np.maximum(firsts, low), np.minimum(firsts + length - 1, high)], axis=1)
    return frozen(spans[spans[:, 0] <= spans[:, 1]])


def _short(run: IntArray, length: int) -> Clip:
    """A stretch as one clip of few snippets."""
    if len(run) < length:
        return Clip(frozen(_to_and_fro(run, length)), frozen(np.array([[run[0], run[-1]]])), repeats=True)
    starts = np.minimum(np.arange(0, len(run), length), len(run) - length)
    frames = run[starts[:, None] + np.arange(length)]
    begins = run[np.arange(0, len(run), length)]
    return Clip(frozen(frames.reshape(-1)), frozen(np.stack([begins, frames[:, -1]], axis=1)))


def _checked(frames: IntArray, snippets: int, length: int) -> IntArray:
    frames = np.asarray(frames, np.int64)
    if snippets < 1 or length < 1:
        raise ValueError(f"a clip needs snippets and frames, not {snippets} of {length}")
    if (np.diff(frames) <= 0).any():
        raise ValueError("the frames of a track must increase")
    return frames


def _starts(frames: IntArray, length: int) -> IntArray:
    """Rows at which `length` successive frames begin."""
    rows = np.arange(max(0, len(frames) - length + 1))
    starts: IntArray = rows[frames[rows + length - 1] - frames[rows] == length - 1]
    return starts


def _run_around(frames: IntArray, row: int) -> IntArray:
    """The stretch that holds a row."""
    gaps = np.flatnonzero(np.diff(frames) > 1) + 1
    at = int(np.searchsorted(gaps, row, side="right"))
    return np.split(frames, gaps)[at]


def _to_and_fro(run: IntArray, length: int) -> IntArray:
    """a b c -> a b c b a b ..., `length` of them."""
    return run[reflect(np.arange(length), len(run))]
