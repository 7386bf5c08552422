"""What the scores of a video come to, beyond their mean: stretches that a mean over the whole video would hide."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.results import Scores

DECISION = 0.5
"""From this probability on a score, or a mean of scores, reads as fake."""

LEAST_SCORES, LEAST_SECONDS, FEWEST_SCORES = 10, 0.4, 3
"""A stretch counts from 10 scores on, or where it lasts 0.4 s with 3 scores at least."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of frames of one face that reads as fake while the mean over the face's frames does not.

    Attributes:
        track_id: the face.
        first, last: frames, inclusive.
        begin, end: seconds at which the first and the last frame begin.
        mean: of the probabilities in the run.
        track_mean: of all probabilities of the face, below DECISION.
    """

    track_id: int
    first: int
    last: int
    begin: float
    end: float
    mean: float
    track_mean: float

    def words(self) -> str:
        """One line for the user."""
        return (
            f"Face {self.track_id + 1} reads as fake in the frames {self.first} to {self.last} "
            f"({self.begin:.2f} s to {self.end:.2f} s, mean {self.mean:.2f}), which its mean over all frames "
            f"({self.track_mean:.2f}) hides: parts of the video may be forged"
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """What an export says of the whole video, whatever frames it shows.

    Attributes:
        line: short, for every frame.
        entry: plain data in full, for the sidecar.
    """

    line: str
    entry: Mapping[str, Any]


def hidden_stretches(scores: Iterable[Scores], seconds: Callable[[int], float]) -> tuple[Stretch, ...]:
    """Where faces whose mean is below DECISION read as fake for a while, by face and then by frame.

    Single scores count for nothing, for or against: each is replaced by the median of itself and its two
    neighbours. A stretch is a run of such medians of DECISION or more, without a gap in which the face was not
    scored, of 10 scores or more or, with at least 3, of 0.4 s or more. Any thread.

    Args:
        scores: of one detector.
        seconds: time at which a frame begins, such as `FrameIndex.seconds`.
    """
    return tuple(found for track in scores if len(track.spans) for found in _of_track(track, seconds))


def _of_track(track: Scores, seconds: Callable[[int], float]) -> list[Stretch]:
    mean = track.track_probability
    if mean >= DECISION:
        return []
    starts, probability = track.spans[:, 0], track.fake_probability
    steps = np.diff(starts)
    gap = steps > 2 * steps.min(initial=np.iinfo(np.int64).max // 2)  # one frame may be damaged
    found = []
    for part in np.split(np.arange(len(starts)), np.flatnonzero(gap) + 1):
        values = np.pad(probability[part], 1, mode="edge")
        high = np.median([values[:-2], values[1:-1], values[2:]], axis=0) >= DECISION
        edges = np.flatnonzero(np.diff(np.pad(high, 1).astype(np.int8)))
        for begin, end in zip(edges[::2], edges[1::2] - 1, strict=True):
            first, last = int(track.spans[part[begin], 0]), int(track.spans[part[end], 1])
            count, times = end - begin + 1, (seconds(first), seconds(last))
            if count >= LEAST_SCORES or (
                count >= FEWEST_SCORES and round(times[1] - times[0], 6) >= LEAST_SECONDS
            ):
                inside = probability[part[begin : end + 1]].mean(dtype=np.float64)
                found.append(Stretch(track.track_id, first, last, *times, float(inside), mean))
    return found
