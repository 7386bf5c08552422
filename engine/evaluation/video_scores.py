"""What a detector says of one video, and what that comes to for the video and for its frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.results import FaceTrack, FloatArray, IntArray, Scores, frozen


@dataclass(frozen=True, slots=True, eq=False)
class TrackScores:
    """The scores of one face.

    Attributes:
        frames: (N,) first frame of each scored span, rising.
        probability: (N,) float32 fake probability of each.
        face_px: median of the larger side of its box where it was scored, pixels.
    """

    frames: IntArray
    probability: FloatArray
    face_px: float

    @property
    def mean(self) -> float:
        """The probability of the track (P002)."""
        return float(self.probability.mean(dtype=np.float64))


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
        """Scored frames (N,), rising, and the largest probability among the faces of each."""
        if not self.tracks:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        frames = np.concatenate([track.frames for track in self.tracks])
        values = np.concatenate([track.probability for track in self.tracks])
        found, row = np.unique(frames, return_inverse=True)
        largest = np.zeros(len(found), np.float32)
        np.maximum.at(largest, row, values)
        return found, largest


def collected(tracks: Sequence[FaceTrack], scores: Sequence[Scores]) -> VideoScores:
    """The answer of an analysis as it is measured."""
    boxes = {track.id: track for track in tracks}
    return VideoScores(
        tuple(
            TrackScores(
                frozen(entry.spans[:, 0]),
                entry.fake_probability,
                _size(boxes[entry.track_id], entry.spans[:, 0]),
            )
            for entry in scores
            if len(entry.spans)
        )
    )


def _size(track: FaceTrack, frames: IntArray) -> float:
    rows = track.boxes[np.isin(track.frames, frames)]
    return float(np.median((rows[:, 2:] - rows[:, :2]).max(axis=1))) if len(rows) else float("nan")
