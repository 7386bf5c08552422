"""Judged files with known scores, made without a video."""

from pathlib import Path

import numpy as np

from engine.evaluation.evaluate import Judged, Sample
from engine.evaluation.video_scores import TrackScores, VideoScores


def scores(*tracks: list[float], face_px: float = 200.0) -> VideoScores:
    """One list of probabilities per face, of frames 0, 5, 10, ..."""
    return VideoScores(
        tuple(
            TrackScores(np.arange(0, 5 * len(t), 5)[:, None].repeat(2, 1), np.array(t, np.float32), face_px)
            for t in tracks
        )
    )


def judged(
    name: str,
    label: int,
    *probabilities: float,
    face_px: float = 200.0,
    split: str = "validation",
    protocol: str = "",
    method: str = "",
    persons: tuple[str, ...] = (),
    compression: str = "",
) -> Judged:
    """A file with one face; without a face if there is no probability."""
    sample = Sample(
        name, Path(name), label, split, protocol, method, persons=persons, compression=compression, source="made"
    )
    return Judged(
        sample, scores(list(probabilities), face_px=face_px) if probabilities else scores(), f"{name:0>64}"
    )


def many(seed: int = 0, n: int = 40) -> list[Judged]:
    """Real and forged files of two methods, two compressions, four sizes; persons known; one without a face."""
    rng = np.random.default_rng(seed)
    found = [judged("blank", 0, persons=("nobody",))]
    for at in range(n):
        label = at % 2
        values = 1 / (1 + np.exp(-rng.normal(size=3 + at % 4) - rng.normal() - 0.5 * (2 * label - 1)))
        found.append(
            judged(
                f"v{at}",
                label,
                *values.astype(np.float32).tolist(),
                face_px=[50.0, 100.0, 200.0, 400.0][at // 2 % 4],
                protocol="unseen" if label else "",
                method=["swap", "reenactment"][at // 4 % 2] if label else "",
                persons=(f"p{at // 2}",),
                compression=["c23", "c40"][at // 2 % 2],
            )
        )
    return found
