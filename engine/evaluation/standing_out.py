"""The run of frames in which a face's curve stands out most from the rest of the same face. Pure numpy.

A fixed threshold fails where all scores of a video lie too high or too low, which they do from source to source.
What is forged in part betrays itself by its step: of all runs that one is taken whose mean differs most from that
of the rest, in units of what chance would give (the least-squares fit of one step up and one down, in logits).
There is such a run in a genuine video, too: it is a place to look at, no finding; its contrast says by how much
the two differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.intervals import plain_run
from engine.results import FloatArray, IntArray

FEWEST_SCORES = 16
"""A curve of fewer tells nothing of its steps."""
SHORTEST_SHARE, LONGEST_SHARE = 0.05, 0.7
"""Of the scores of a face, that a run takes."""
SHORTEST, LONG_ENOUGH = 4, 64
"""It has so many scores at least, and with so many it is never too short."""
_BINS = 400
_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StandingOut:
    """A run of one face's curve.

    Attributes:
        track_id: the face.
        first, last: frames, inclusive.
        scores: how many lie in it.
        contrast: the mean logit in it less that of all other scores, above 0.
    """

    track_id: int
    first: int
    last: int
    scores: int
    contrast: float

    def plain(self, seconds: Callable[[int], float]) -> dict[str, Any]:
        """For JSON, with the seconds at which the first and the last frame begin."""
        return {**plain_run(self.first, self.last, self.scores, seconds), "contrast": self.contrast}


def standing_out(track_id: int, spans: IntArray, probability: FloatArray) -> StandingOut | None:
    """The run of a face whose scores are highest against its others; None of too few scores, or without a step up.

    Of long curves the run is sought among 400 means of neighbours, and its ends then among the scores. Any thread.

    Args:
        spans: (N, 2) inclusive, ascending by their beginning.
        probability: (N,) of them.
    """
    if len(probability) < FEWEST_SCORES:
        return None
    values = logits_of(probability)
    width = -(-len(values) // _BINS)
    edges = np.append(np.arange(0, len(values), width), len(values))
    first, last = _best(np.add.reduceat(values, edges[:-1]), np.diff(edges))
    begin, end = int(edges[first]), int(edges[last + 1])
    if width > 1:
        begin, end = _refined(values, begin, end, width)
    inside = values[begin:end]
    contrast = float(inside.mean() - (values.sum() - inside.sum()) / (len(values) - len(inside)))
    if not contrast > 0:
        return None
    return StandingOut(track_id, int(spans[begin, 0]), int(spans[begin:end, 1].max()), len(inside), contrast)


def logits_of(probability: FloatArray) -> _Array:
    """Of what a sigmoid made, within the 16 on both sides that float32 can tell from 0 and 1."""
    inside = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
    found: _Array = np.log(inside) - np.log1p(-inside)
    return found


def _best(sums: _Array, counts: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Of all runs of bins, neither too short nor too long, that of the largest step: first and last."""
    total, before = np.append(0.0, np.cumsum(sums)), np.append(0, np.cumsum(counts))
    least = min(max(SHORTEST, SHORTEST_SHARE * before[-1]), LONG_ENOUGH)
    best, found = -np.inf, (0, 0)
    for length in range(1, len(sums)):
        inside, held = total[length:] - total[:-length], before[length:] - before[:-length]
        step = _step(inside, held, total[-1], before[-1])
        step[(held < least) | (held > LONGEST_SHARE * before[-1])] = -np.inf
        at = int(step.argmax())
        if step[at] > best:
            best, found = float(step[at]), (at, at + length - 1)
    return found


def _refined(values: _Array, begin: int, end: int, width: int) -> tuple[int, int]:
    """The best ends (end exclusive) within a bin of those that were found."""
    total = np.append(0.0, np.cumsum(values))
    begins = np.arange(max(0, begin - width), min(begin + width, end - SHORTEST) + 1)
    ends = np.arange(max(end - width, begin + SHORTEST), min(len(values), end + width) + 1)
    held = ends[None] - begins[:, None]
    step = _step(total[ends][None] - total[begins][:, None], held, total[-1], len(values))
    step[(held < SHORTEST) | (held >= len(values))] = -np.inf
    row, column = np.unravel_index(int(step.argmax()), step.shape)
    return int(begins[row]), int(ends[column])


def _step(inside: _Array, held: npt.NDArray[np.int64], total: float, count: int) -> _Array:
    """Difference of means, times what makes differences of runs of all lengths comparable."""
    others = np.maximum(count - held, 1)
    found: _Array = (inside / held - (total - inside) / others) * np.sqrt(held * others / count)
    return found
