"""What a detector says of one video, and what that comes to for the video and for its frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.results import FaceTrack, FloatArray, IntArray, Scores

ATTENTION = "u-t"
"""The activation that is kept beside the probabilities: see engine.detectors.snippets."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackScores:
    """The scores of one face.

    Attributes:
        spans: (N, 2) frames that each score stands for, inclusive, rising; they may overlap.
        probability: (N,) float32 fake probability of each.
        face_px: median of the larger side of its box where it was scored, pixels.
        attention: (N, n) float32, of the frames of each span, in their order; columns behind them mean nothing.
            None where the detector pays none.
    """

    spans: IntArray
    probability: FloatArray
    face_px: float
    attention: FloatArray | None = None

    @property
    def mean(self) -> float:
        """The probability of the track (P002)."""
        return float(self.probability.mean(dtype=np.float64))

    @property
    def frames(self) -> IntArray:
        """(M,) those that a score stands for, rising."""
        return np.unique(frames_of(self.spans))

    def by_frame(self) -> tuple[IntArray, FloatArray]:
        """These frames, and the mean of the probabilities of the spans of each."""
        lengths = self.spans[:, 1] - self.spans[:, 0] + 1
        return _means(frames_of(self.spans), np.repeat(self.probability, lengths))

    def attention_by_frame(self) -> tuple[IntArray, FloatArray] | None:
        """The same of the attention; None where there is none."""
        if self.attention is None:
            return None
        inside = np.arange(self.attention.shape[1]) <= (self.spans[:, 1] - self.spans[:, 0])[:, None]
        return _means(frames_of(self.spans), self.attention[inside])


@dataclass(frozen=True, slots=True)
class VideoScores:
    """The scored faces of one video, by first appearance; none where no face was found."""

    tracks: tuple[TrackScores, ...]

    @property
    def fake_probability(self) -> float | None:
        """The largest of the tracks' means; None without a scored face."""
        return max((track.mean for track in self.tracks), default=None)

    @property
    def face_px(self) -> float | None:
        """The size of the face that gave the video its probability."""
        return max(self.tracks, key=lambda track: track.mean).face_px if self.tracks else None

    def by_frame(self) -> tuple[IntArray, FloatArray]:
        """Frames (N,) that a score stands for, rising, and the largest probability among the faces of each."""
        return _largest([track.by_frame() for track in self.tracks])

    def attention_by_frame(self) -> tuple[IntArray, FloatArray] | None:
        """The same of the attention; None where no face has any."""
        found = [each for track in self.tracks if (each := track.attention_by_frame()) is not None]
        return _largest(found) if found else None


def frames_of(spans: IntArray) -> IntArray:
    """(N, 2) -> the frames of all spans, one span after the other."""
    lengths = spans[:, 1] - spans[:, 0] + 1
    return np.asarray(np.repeat(spans[:, 0] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum()))


def collected(tracks: Sequence[FaceTrack], scores: Sequence[Scores]) -> VideoScores:
    """The answer of an analysis as it is measured."""
    boxes = {track.id: track for track in tracks}
    return VideoScores(
        tuple(
            TrackScores(
                entry.spans,
                entry.fake_probability,
                _size(boxes[entry.track_id], frames_of(entry.spans)),
                entry.activations.get(ATTENTION),
            )
            for entry in scores
            if len(entry.spans)
        )
    )


def _means(frames: IntArray, values: FloatArray) -> tuple[IntArray, FloatArray]:
    """Each frame once, rising, and the mean of its values."""
    found, row, count = np.unique(frames, return_inverse=True, return_counts=True)
    total = np.zeros(len(found))
    np.add.at(total, row, values)
    return found, (total / count).astype(np.float32)


def _largest(parts: Sequence[tuple[IntArray, FloatArray]]) -> tuple[IntArray, FloatArray]:
    """Each frame once, rising, and the largest of its values."""
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    found, row = np.unique(np.concatenate([frames for frames, _ in parts]), return_inverse=True)
    largest = np.zeros(len(found), np.float32)
    np.maximum.at(largest, row, np.concatenate([values for _, values in parts]))
    return found, largest


def _size(track: FaceTrack, frames: IntArray) -> float:
    rows = track.boxes[np.isin(track.frames, frames)]
    return float(np.median((rows[:, 2:] - rows[:, :2]).max(axis=1))) if len(rows) else float("nan")
