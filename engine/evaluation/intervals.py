"""Suspicious intervals: where the curve of a face is high, found by one rule with two thresholds. Pure numpy.

The curve is that of the detector's fake probability as it is, calibrated only if the card says so: an interval
says where a detector's score is high and for how long, not what happened there.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from engine.results import FloatArray, IntArray, Scores
from engine.verdict import DECISION, Stretch, goes_on

LOW_SHARE = 0.8
"""An interval goes on down to this share of the probability at which it begins."""
SHORTEST_FRAMES, SHORTEST_SECONDS = 10, 0.4
"""An interval has 10 frames at least or, where that is fewer, as many as last 0.4 s."""
FEWEST_SCORES = 3


@dataclass(frozen=True, slots=True)
class IntervalRule:
    """Hysteresis on a curve of probabilities.

    Attributes:
        high: an interval begins where the curve is at least this, in [0, 1].
        low: it goes on both ways while the curve is at least this, at most `high`.
        gap: two intervals with so many frames between them, or fewer, are one.
        shortest: shorter ones, in frames, do not count.
        fewest: nor do those of fewer scores.
    """

    high: float
    low: float
    gap: int
    shortest: int
    fewest: int = FEWEST_SCORES

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def words(self) -> str:
        """All of it, for the user."""
        return (
            f"begins at {self.high:.2f}, goes on down to {self.low:.2f}, gaps of up to {self.gap} "
            f"frame{'' if self.gap == 1 else 's'} closed, {self.shortest} frames and {self.fewest} scores at least"
        )


@dataclass(frozen=True, slots=True)
class SuspiciousInterval:
    """A stretch of one face's curve.

    Attributes:
        track_id: the face.
        first, last: frames, inclusive.
        scores: how many lie in it, those in closed gaps included.
        mean, peak: of their probabilities.
        peak_frame: first frame of the first of the highest scores.
    """

    track_id: int
    first: int
    last: int
    scores: int
    mean: float
    peak: float
    peak_frame: int

    def plain(self, seconds: Callable[[int], float]) -> dict[str, Any]:
        """For JSON, with the seconds at which the first and the last frame begin."""
        own = {"mean": self.mean, "peak": self.peak, "peak_frame": self.peak_frame}
        return {**plain_run(self.first, self.last, self.scores, seconds), **own}


def plain_run(first: int, last: int, scores: int, seconds: Callable[[int], float]) -> dict[str, Any]:
    """A run of so many scores for JSON, with the seconds at which its first and its last frame begin."""
    return {"first": first, "last": last, "begin": seconds(first), "end": seconds(last), "scores": scores}


def usual_rule(
    spans: Sequence[IntArray], seconds: Callable[[int], float], card: Mapping[str, Any] | None = None
) -> IntervalRule:
    """The rule where nobody chose another one.

    It begins at the `threshold` of the detector's card, else at DECISION. A gap may be as long as one score stands
    for (one frame, or a snippet), so that a single low score breaks nothing.

    Args:
        spans: (N, 2) per face, all of one detector.
        seconds: time at which a frame begins, such as `FrameIndex.seconds`.
        card: plain data of the detector's card.
    """
    given = (card or {}).get("threshold")
    high = float(given) if isinstance(given, int | float) and 0 < given <= 1 else DECISION
    known = [each for each in spans if len(each)]
    gap = max((int((each[:, 1] - each[:, 0]).max()) + 1 for each in known), default=1)
    first = min((int(each[0, 0]) for each in known), default=0)
    last = max((int(each[-1, 1]) for each in known), default=0)
    length = (seconds(last) - seconds(first)) / (last - first) if last > first else 0.0
    needed = math.ceil(round(SHORTEST_SECONDS / length, 6)) + 1 if length > 0 else SHORTEST_FRAMES
    return IntervalRule(high, round(LOW_SHARE * high, 4), gap, max(FEWEST_SCORES, min(SHORTEST_FRAMES, needed)))


def suspicious_intervals(
    track_id: int, spans: IntArray, probability: FloatArray, rule: IntervalRule
) -> tuple[SuspiciousInterval, ...]:
    """The intervals of one face, ascending. Any thread.

    Args:
        spans: (N, 2) inclusive, ascending.
        probability: (N,) of them.
    """
    low, high = probability >= np.float32(rule.low), probability >= np.float32(rule.high)
    if not high.any():
        return ()
    together = low[1:] & low[:-1] & goes_on(spans)
    starts = np.flatnonzero(low & ~np.append(False, together))
    ends = np.flatnonzero(low & ~np.append(together, False))
    reached = np.append(0, np.cumsum(high))
    begun = reached[ends + 1] > reached[starts]
    starts, ends = starts[begun], ends[begun]
    apart = spans[starts[1:], 0] - spans[ends[:-1], 1] - 1 > rule.gap
    starts, ends = starts[np.append(True, apart)], ends[np.append(apart, True)]
    frames = spans[ends, 1] - spans[starts, 0] + 1
    counts = (frames >= rule.shortest) & (ends - starts + 1 >= rule.fewest)
    return tuple(
        _interval(track_id, spans[begin : end + 1], probability[begin : end + 1])
        for begin, end in zip(starts[counts].tolist(), ends[counts].tolist(), strict=True)
    )


def _interval(track_id: int, spans: IntArray, probability: FloatArray) -> SuspiciousInterval:
    top = int(probability.argmax())
    return SuspiciousInterval(
        track_id,
        int(spans[0, 0]),
        int(spans[-1, 1]),
        len(spans),
        float(probability.mean(dtype=np.float64)),
        float(probability[top]),
        int(spans[top, 0]),
    )


def hidden_stretches(scores: Iterable[Scores], seconds: Callable[[int], float]) -> tuple[Stretch, ...]:
    """Where faces whose mean is below DECISION read as fake for a while, by face and then by frame.

    They are the intervals of the usual rule with both thresholds at DECISION, if their mean is not below it
    either: what is warned of reads as fake itself. Any thread.

    Args:
        scores: of one detector.
        seconds: time at which a frame begins, such as `FrameIndex.seconds`.
    """
    scores = tuple(scores)
    rule = replace(usual_rule([track.spans for track in scores], seconds), low=DECISION)
    return tuple(
        Stretch(
            track.track_id,
            at.first,
            at.last,
            seconds(at.first),
            seconds(at.last),
            at.mean,
            track.track_probability,
        )
        for track in scores
        if track.track_probability < DECISION
        for at in suspicious_intervals(track.track_id, track.spans, track.fake_probability, rule)
        if at.mean >= DECISION
    )
