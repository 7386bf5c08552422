"""What the scores of a video come to, beyond their mean; engine.evaluation.intervals finds the stretches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.results import BoolArray, IntArray

DECISION = 0.5
"""From this probability on a score, or a mean of scores, reads as fake."""


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


def goes_on(spans: IntArray) -> BoolArray:
    """(N, 2) spans of scores, ascending -> (N - 1,) whether the curve goes on from each score to the next.

    It breaks where the face was gone: where two scores begin more than twice as far apart as is usual for them
    (the median), so that one damaged frame breaks nothing. Empty for fewer than two. Any thread.
    """
    steps = np.diff(spans[:, 0])
    unbroken: BoolArray = steps <= 2 * np.median(steps) if len(steps) else np.empty(0, np.bool_)
    return unbroken
