"""Which frames of a face track a snippet network sees: few clips spread over it, or all of it (P003).

A clip is U snippets of T successive frames at the video's own rate. A track may have gaps, where the face was not
seen; no snippet crosses one. A stretch without gaps that is shorter than T gives a snippet that goes to and fro in
it (a b c b); such snippets are marked, and `remark` says so. Between two snippets there may be anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.detectors.stretches import reflect, stretches
from engine.results import BoolArray, IntArray, frozen


@dataclass(frozen=True, slots=True)
class SnippetClip:
    """What goes through the network at once.

    Attributes:
        frames: (U, T) int64, numbers of frames of the track; a row is a snippet.
        first: (U, T) bool, True where a frame has its first place in the clip and, of `dense_clips`, in all of
            them: what the network says there is the frame's, so that each frame gets exactly one score.
        reflected: (U,) bool, snippets from a stretch shorter than they are.
    """

    frames: IntArray
    first: BoolArray
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
    return _clip(np.stack(chosen), reflected, np.empty(0, np.int64))


def dense_clips(frames: IntArray, snippets: int, length: int) -> Iterator[SnippetClip]:
    """All of a track, clip by clip: each frame of it stands in some snippet, snippets in the order of time.

    In a stretch without gaps they follow each other without a gap, too; its last one, where there is no room for a
    whole one, reaches back over frames that already had their place. So does the last clip of a track of more than
    U snippets: every score is made with the same U. It reaches back into the clip before it at most, so whoever
    reads frames in order keeps those of two clips.

    Args:
        frames: (N,) strictly increasing; none give no clips.
        snippets: U; a track of fewer gives one clip of those that there are.
        length: T.

    Raises:
        ValueError: not increasing, or U or T below 1.
    """
    frames = _checked(frames, snippets, length)
    planned = [snippet for run in stretches(frames) for snippet in _cover(run, length)]
    seen = np.empty(0, np.int64)
    for begin in range(0, len(planned), snippets):
        begin = max(0, min(begin, len(planned) - snippets))
        part = planned[begin : begin + snippets]
        clip = _clip(np.stack([own for own, _ in part]), np.array([short for _, short in part]), seen)
        seen = np.unique(clip.frames)  # a clip reaches back no further than the one before it
        yield clip


def remark(clips: Sequence[SnippetClip]) -> str | None:
    """A sentence for the user where snippets had to repeat frames, else None."""
    reflected = sum(int(clip.reflected.sum()) for clip in clips)
    if not reflected:
        return None
    total = sum(len(clip.reflected) for clip in clips)
    length = clips[0].frames.shape[1]
    return (
        f"{reflected} of {total} snippets repeat frames: the face is not seen for {length} frames in a row there, "
        "so what they say of its movement means little"
    )


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


def _cover(run: IntArray, length: int) -> list[tuple[IntArray, bool]]:
    """Snippets that hold every frame of a stretch, and whether they are reflected."""
    if len(run) < length:
        return [(_to_and_fro(run, length), True)]
    starts = [min(start, len(run) - length) for start in range(0, len(run), length)]
    return [(run[start : start + length], False) for start in starts]


def _clip(frames: IntArray, reflected: BoolArray, seen: IntArray) -> SnippetClip:
    """A clip whose `first` leaves out frames that were seen before."""
    first = np.zeros(frames.size, np.bool_)
    first[np.unique(frames, return_index=True)[1]] = True
    first &= ~np.isin(frames.ravel(), seen)
    return SnippetClip(frozen(frames), frozen(first.reshape(frames.shape)), frozen(reflected))
