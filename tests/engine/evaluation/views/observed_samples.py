"""Observed videos with known series, made without a video."""

from pathlib import Path

import numpy as np

from engine.evaluation.evaluate import Judged, Sample
from engine.evaluation.video_scores import TrackScores, VideoScores
from engine.evaluation.views.observed import Glimpse, Observed, ObservedFace
from engine.results import FloatArray, frozen

GLIMPSE = Glimpse(
    frozen(np.array([1, 4])), frozen(np.ones((2, 4), np.float32)), frozen(np.ones((2, 5, 2), np.float32))
)


def observed(
    name: str,
    label: int,
    probability: list[float],
    *,
    spans: list[tuple[int, int]] | None = None,
    method: str = "",
    persons: tuple[str, ...] = (),
    **series: FloatArray,
) -> Observed:
    """One face; without spans windows of 60 frames every 30 from frame 0. `a_b` names the series a-b."""
    rows = spans or [(30 * at, 30 * at + 59) for at in range(len(probability))]
    scores = TrackScores(frozen(np.array(rows, np.int64)), frozen(np.array(probability, np.float32)), 100.0)
    sample = Sample(name, Path(name), label, "validation", method=method, persons=persons)
    judged = Judged(sample, VideoScores((scores,)), f"{name:0>64}")
    named = {key.replace("_", "-"): values for key, values in series.items()}
    return Observed(judged, ObservedFace(0, scores, named, GLIMPSE, GLIMPSE))


def faceless(name: str, label: int) -> Observed:
    return Observed(Judged(Sample(name, Path(name), label, "validation"), VideoScores(()), "0" * 64), None)


def some_videos(seed: int = 0, each: int = 6) -> list[Observed]:
    """Real ones and forged ones of two methods, with the series of LPS and of DPNet, of one to five clips."""
    rng = np.random.default_rng(seed)
    made = []
    for at in range(2 * each):
        label, count = at % 2, 1 + at % 5
        made.append(
            observed(
                f"v{at}.mp4",
                label,
                rng.uniform(0.1, 0.9, count).tolist(),
                method=("swap", "lips")[at // 2 % 2] if label else "",
                persons=(f"p{at // 3}",),
                features=rng.normal(label, 1, (count, 8)).astype(np.float32),
                similarity=rng.uniform(0, 1, (count, 6)).astype(np.float32),
                spatial=rng.normal(label, 1, (count, 5)).astype(np.float32),
                context=rng.normal(label, 1, (count, 7)).astype(np.float32),
                prediction_error=rng.uniform(0.5, 1.1, (count, 12)).astype(np.float32),
                second_difference=rng.normal(0, 1, (count, 9)).astype(np.float32),
                second_difference_size=rng.uniform(0, 1, (count, 9)).astype(np.float32),
            )
        )
    return made
