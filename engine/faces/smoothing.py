"""From a face in some frames to a face in every frame: smoothing and interpolation."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.faces.tracking import Chain
from engine.results import FaceTrack, frozen

SMALL_FACE = 40.0
"""Faces whose box's larger side is smaller have too few pixels to be judged, pixels."""

_NEIGHBOUR_WEIGHT = 0.25


def dense_track(number: int, chain: Chain, looked: Sequence[int], every: int) -> FaceTrack:
    """One row for every frame in which the face was seen or must have been.

    Between two neighbouring frames in which was looked and the face was found, all is linear; where it was looked
    for and not found, there is a gap. On eleven real clips with a detection on every eighth frame this has a mean
    IoU of 0.95 to 0.98 with the (smoothed) detections of every frame, whose own jitter amounts to 0.97 to 0.99;
    cubic interpolation was no better.

    Args:
        number: the track's id.
        chain: where it was found.
        looked: all frames in which was looked, sorted.
        every: the detection step: nothing farther away than this smooths.
    """
    times = np.array(chain.frames, dtype=np.int64)
    order = {frame: place for place, frame in enumerate(looked)}
    frames = [times[:1]]
    for before, after in pairwise(chain.frames):
        unbroken = order[after] - order[before] == 1
        frames.append(np.arange(before + 1, after + 1) if unbroken else np.array([after]))
    rows = np.concatenate(frames)
    raw = chain.boxes().astype(np.float64)
    points = np.stack([detection.landmarks for detection in chain.found]).astype(np.float64).reshape(-1, 10)
    scores = np.array([[detection.score] for detection in chain.found])
    smooth = smoothed(times, np.concatenate([raw, points], axis=1), every)
    table = _between(times, np.concatenate([smooth, raw, scores], axis=1), rows).astype(np.float32)
    return FaceTrack(
        id=number,
        frames=frozen(rows),
        boxes=frozen(table[:, :4]),
        landmarks=frozen(table[:, 4:14].reshape(-1, 5, 2)),
        scores=frozen(table[:, 18]),
        detected=frozen(np.isin(rows, times)),
        raw_boxes=frozen(table[:, 14:18]),
    )


def smoothed(times: npt.NDArray[np.int64], values: npt.NDArray[np.float64], reach: int) -> npt.NDArray[np.float64]:
    """Local linear regression (Cleveland 1979) of values (K, C) at their own times (K,).

    The weight falls from 1 at the time itself to 0.25 at `reach` frames from it, and is 0 beyond: on a grid of
    `reach` frames that is the kernel (1, 4, 1) / 6. Motion at constant velocity is kept as it is, and so are
    points that have no neighbour on one side.
    """
    apart = (times[None, :] - times[:, None]).astype(np.float64)
    weight = np.where(np.abs(apart) <= reach, 1.0 - (1.0 - _NEIGHBOUR_WEIGHT) * np.abs(apart) / reach, 0.0)
    s0, s1, s2 = weight.sum(axis=1), (weight * apart).sum(axis=1), (weight * apart**2).sum(axis=1)
    spread = s0 * s2 - s1**2
    alone = spread <= 1e-9
    kernel = weight * (s2[:, None] - s1[:, None] * apart) / np.where(alone, 1.0, spread)[:, None]
    kernel[alone] = np.eye(len(times))[alone]
    return np.asarray(kernel @ values)


def rows_of(track: FaceTrack, keep: npt.NDArray[np.bool_]) -> FaceTrack:
    """The track with some of its rows only."""
    return replace(
        track,
        frames=frozen(track.frames[keep]),
        boxes=frozen(track.boxes[keep]),
        landmarks=frozen(track.landmarks[keep]),
        scores=frozen(track.scores[keep]),
        detected=frozen(track.detected[keep]),
        raw_boxes=frozen(track.raw_boxes[keep]),
    )


def face_sizes(track: FaceTrack) -> npt.NDArray[np.float32]:
    """Larger side of the smoothed box, pixels: (N,)."""
    return np.asarray((track.boxes[:, 2:] - track.boxes[:, :2]).max(axis=1))


def small_rows(track: FaceTrack, limit: float = SMALL_FACE) -> npt.NDArray[np.bool_]:
    """(N,) bool, True where the face is too small to be judged."""
    return face_sizes(track) < limit


def _between(
    times: npt.NDArray[np.int64], values: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    after = np.clip(np.searchsorted(times, rows), min(1, len(times) - 1), None)
    before = np.maximum(after - 1, 0)
    span = np.maximum(times[after] - times[before], 1)
    share = ((rows - times[before]) / span)[:, None]
    return np.asarray(values[before] * (1.0 - share) + values[after] * share)
