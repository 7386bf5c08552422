"""What a detector that gives embeddings says of the videos of a set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluation.evaluate import Judged
from engine.evaluation.video_scores import TrackScores
from engine.results import FaceTrack, FloatArray, IntArray, Scores, frozen

SHOWN = 6
"""Pictures of a clip in the gallery."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """Frames of one clip by which it can be shown.

    Attributes:
        frames: (n,) int64.
        boxes, landmarks: (n, 4) and (n, 5, 2) float32, of the face on them.
    """

    frames: IntArray
    boxes: FloatArray
    landmarks: FloatArray


@dataclass(frozen=True, slots=True)
class ObservedFace:
    """The face of a video that gave it its probability: the one with the largest mean.

    Attributes:
        place: among the scored faces of the video.
        scores: its clips (N of them), by their first frame.
        series: by name (N, K) float32, activations and embeddings of each clip.
        most_real, most_fake: its clips with the smallest, and with the largest probability.
    """

    place: int
    scores: TrackScores
    series: Mapping[str, FloatArray]
    most_real: Glimpse
    most_fake: Glimpse


@dataclass(frozen=True, slots=True)
class Observed:
    """A judged sample with its deciding face, None where no face was scored."""

    judged: Judged
    face: ObservedFace | None


def deciding_face(judged: Judged, tracks: Sequence[FaceTrack], scores: Sequence[Scores]) -> ObservedFace | None:
    """The face that gave a judged sample its probability, from the answer of its analysis."""
    scored = [entry for entry in scores if len(entry.spans)]
    if not scored:
        return None
    place = max(range(len(scored)), key=lambda at: judged.scores.tracks[at].mean)
    entry, boxes = scored[place], {track.id: track for track in tracks}
    track = boxes[entry.track_id]
    low, high = int(entry.fake_probability.argmin()), int(entry.fake_probability.argmax())
    return ObservedFace(
        place,
        judged.scores.tracks[place],
        dict(entry.activations),
        _glimpse(track, entry.spans[low]),
        _glimpse(track, entry.spans[high]),
    )


def method_numbers(observed: Sequence[Observed]) -> tuple[list[int], list[str]]:
    """For each video 0 if it is real, else the number of its method; and the methods from 1 on, by name."""
    samples = [each.judged.sample for each in observed]
    known = [sample.method or "forged" for sample in samples]
    names = sorted({name for name, sample in zip(known, samples, strict=True) if sample.label})
    return [
        1 + names.index(name) if sample.label else 0 for name, sample in zip(known, samples, strict=True)
    ], names


def evenly(count: int, most: int) -> IntArray:
    """At most so many places of `count`, evenly spread, rising: the middles of as many equal parts."""
    if count <= most:
        return np.arange(count)
    return np.floor((np.arange(most) + 0.5) * count / most).astype(np.int64)


def _glimpse(track: FaceTrack, span: IntArray) -> Glimpse:
    """Frames spread from end to end of a span in which the face is seen."""
    rows = np.flatnonzero((track.frames >= span[0]) & (track.frames <= span[1]))
    rows = rows[np.unique(np.round(np.linspace(0, len(rows) - 1, SHOWN)).astype(np.int64))]
    return Glimpse(frozen(track.frames[rows]), frozen(track.boxes[rows]), frozen(track.landmarks[rows]))
