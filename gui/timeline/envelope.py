"""What of one person's curve is drawn at a given zoom: no score is hidden, no gap is bridged. Pure numpy."""

from dataclasses import dataclass

import numpy as np

from engine.results import BoolArray, FloatArray, frozen
from gui.results_model import TrackSeries


@dataclass(frozen=True, slots=True)
class Envelope:
    """A curve as points, ascending in x.

    Attributes:
        x: (P,) float32 frame of each point.
        mean: (P,) float32 mean of the probabilities that fall into the point's column.
        low, high: (P,) float32 their extremes.
        joined: (P,) bool, whether a line leads from this point to the next one.
    """

    x: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    joined: BoolArray

    def __len__(self) -> int:
        return len(self.x)


def seen_frames(track: TrackSeries) -> BoolArray:
    """(track.last - track.first + 1,) bool, where the face is in the picture."""
    return ~(np.isnan(track.boxes[:, 0]) & np.isnan(track.probability))


def envelope(track: TrackSeries, start: float, end: float, columns: int) -> Envelope:
    """The part of a curve in the interval [start, end] of frames, in at most `columns` + 3 points.

    One point per score while they fit, else one per column of pixels. The scores just outside the interval are
    included, so that lines reach the edges. Two points are joined only if the face is seen in every frame from
    the last score of the one to the first of the other.
    """
    scored = np.flatnonzero(~np.isnan(track.probability)) + track.first
    begin = max(0, int(np.searchsorted(scored, start)) - 1)
    at = scored[begin : int(np.searchsorted(scored, end, side="right")) + 1]
    if not len(at):
        nothing = frozen(np.empty(0, np.float32))
        return Envelope(nothing, nothing, nothing, nothing, frozen(np.empty(0, np.bool_)))
    if len(at) <= columns:
        heads = np.arange(len(at))
    else:
        column = np.floor((at - start) * (columns / (end - start))).astype(np.int64)
        heads = np.flatnonzero(np.diff(column, prepend=column[0] - 1))
    next_heads = np.append(heads[1:], len(at))
    here = at - at[0]
    unseen = np.cumsum(~seen_frames(track)[at[0] - track.first : at[-1] - track.first + 1])
    joined = unseen[here[next_heads - 1]] == unseen[here[np.minimum(next_heads, len(at) - 1)]]
    joined[-1] = False
    values = track.probability[at - track.first]
    counts = next_heads - heads
    return Envelope(
        frozen((np.add.reduceat(at, heads) / counts).astype(np.float32)),
        frozen((np.add.reduceat(values, heads) / counts).astype(np.float32)),
        frozen(np.minimum.reduceat(values, heads)),
        frozen(np.maximum.reduceat(values, heads)),
        frozen(joined),
    )
