"""What of one person's curve is drawn at a given zoom: no score is hidden, no gap is bridged. Pure numpy."""

from dataclasses import dataclass

import numpy as np

from engine.results import BoolArray, FloatArray, IntArray, frozen
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


def unseen_frames(track: TrackSeries) -> IntArray:
    """Frames of a track's extent in which the face is not in the picture, ascending."""
    return np.flatnonzero(np.isnan(track.boxes[:, 0])) + track.first


def envelope(track: TrackSeries, start: float, end: float, columns: int) -> Envelope:
    """The part of a curve in the interval [start, end] of frames, in at most `columns` + 3 points.

    A score stands in the middle of its span. One point per score while they fit, else one per column of pixels.
    The scores just outside the interval are included, so that lines reach the edges. Two points are joined only
    if the face is seen in every frame from the last score of the one to the first of the other.
    """
    at, values = track.curve()
    visible = slice(max(0, int(np.searchsorted(at, start)) - 1), int(np.searchsorted(at, end, side="right")) + 1)
    at, values = at[visible], values[visible]
    if not len(at):
        nothing = frozen(np.empty(0, np.float32))
        return Envelope(nothing, nothing, nothing, nothing, frozen(np.empty(0, np.bool_)))
    if len(at) <= columns:
        heads = np.arange(len(at))
    else:
        column = np.floor((at - start) * (columns / (end - start)))
        heads = np.append(0, np.flatnonzero(column[1:] != column[:-1]) + 1)
    next_heads = np.append(heads[1:], len(at))
    gaps = unseen_frames(track)
    joined = np.searchsorted(gaps, at[next_heads - 1]) == np.searchsorted(
        gaps, at[np.minimum(next_heads, len(at) - 1)]
    )
    joined[-1] = False
    counts = (next_heads - heads).astype(np.float32)
    return Envelope(
        frozen((np.add.reduceat(at, heads, dtype=np.float64) / counts).astype(np.float32)),
        frozen((np.add.reduceat(values, heads) / counts).astype(np.float32)),
        frozen(np.minimum.reduceat(values, heads)),
        frozen(np.maximum.reduceat(values, heads)),
        frozen(joined),
    )
