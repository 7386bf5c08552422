"""Suspicious peaks: the highest moment of each stretch of a curve above the threshold. Pure numpy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.results import IntArray
from gui.results_model import TrackSeries
from gui.timeline.envelope import unseen_frames


@dataclass(frozen=True, slots=True)
class Peak:
    """One suspicious moment: on which frame, whose face, and its fake probability in [0, 1]."""

    frame: int
    track_id: int
    probability: float


def find_peaks(track: TrackSeries, threshold: float) -> IntArray:
    """(P,) frames at which one person's curve peaks, ascending.

    A peak is the highest value of a stretch that stays at or above the threshold (the first one if several are
    equally high): one peak per stretch, so that stepping from peak to peak does not stop at each tremble of the
    curve. A stretch ends where a score lies below the threshold or where the face is not seen; frames between
    two scored ones (every n-th frame) do not end it.
    """
    at, scores = track.curve()
    high = scores >= np.float32(threshold)
    if not high.any():
        return np.empty(0, np.int64)
    run = np.searchsorted(unseen_frames(track), at)
    begins = high.copy()
    begins[1:] &= ~high[:-1] | (run[1:] != run[:-1])
    frames, scores = at[high].astype(np.int64), scores[high]
    starts = np.flatnonzero(begins[high])
    tops = np.maximum.reduceat(scores, starts)
    at_top = np.flatnonzero(scores == np.repeat(tops, np.diff(np.append(starts, len(frames)))))
    _, first = np.unique(np.searchsorted(starts, at_top, side="right"), return_index=True)
    return frames[at_top[first]]


def all_peaks(tracks: Iterable[TrackSeries], threshold: float) -> list[Peak]:
    """The peaks of several people, by frame."""
    peaks = [
        Peak(int(frame), track.id, track.probability_at(int(frame)))
        for track in tracks
        for frame in find_peaks(track, threshold)
    ]
    return sorted(peaks, key=lambda peak: (peak.frame, peak.track_id))


def next_peak(peaks: Sequence[Peak], frame: int) -> Peak | None:
    """The first peak behind a frame, None at the end."""
    return next((peak for peak in peaks if peak.frame > frame), None)


def previous_peak(peaks: Sequence[Peak], frame: int) -> Peak | None:
    """The last peak before a frame, None at the beginning."""
    return next((peak for peak in reversed(peaks) if peak.frame < frame), None)


def most_suspicious(tracks: Iterable[TrackSeries]) -> Peak | None:
    """The highest value of all, the earliest of equals, whatever the threshold; None while nothing is scored."""
    best: Peak | None = None
    for track in tracks:
        at, scores = track.curve()
        if not len(scores):
            continue
        top = int(scores.argmax())
        peak = Peak(int(at[top]), track.id, float(scores[top]))
        if best is None or (-peak.probability, peak.frame) < (-best.probability, best.frame):
            best = peak
    return best
