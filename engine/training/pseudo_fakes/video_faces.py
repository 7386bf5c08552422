"""The face of a video that is forged: tracked in one reading in bounded memory, or given by its landmarks."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import DataError
from engine.faces.cuts import find_cuts, thumbnail
from engine.faces.detection import Detection
from engine.faces.detector import FaceDetector, working_size
from engine.faces.linking import TrackLinker
from engine.faces.segments import context, find_segment_faces
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import BoolArray, FaceTrack, FloatArray, IntArray, Picture
from engine.training.pseudo_fakes.clip_points import fitted_points
from engine.training.pseudo_fakes.swap import Donor
from engine.video.media import Media

_DONOR_FRAMES = 64
_DONOR_MARGIN = 0.5  # widths of the face
_SEGMENT = 64  # frames, a multiple of the detection step


@dataclass(frozen=True, eq=False)
class VideoFace:
    """The face that is forged: frame numbers (T,), landmarks (T, 68, 2), and words on where they are from."""

    frames: IntArray
    points: FloatArray
    dense: bool
    words: dict[str, Any]


def find_tracks(
    media: Media,
    detector: FaceDetector,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[FaceTrack, ...]:
    """The faces of a video in the order of their appearance.

    Raises:
        CancelledError: cancelled.
    """
    count = len(media.index)
    meter = ProgressMeter("Finding faces", count, "frames", progress)
    linker = TrackLinker()
    small: dict[int, Picture] = {}
    looked: dict[int, Sequence[Detection]] = {}
    whole = (media.width, media.height)
    width = working_size(*whole)[0]
    reader = media.reader()

    def detect(frames: Sequence[int]) -> Mapping[int, Sequence[Detection]]:
        new = [frame for frame in frames if frame in small and frame not in looked]
        for frame in new:
            looked[frame] = detector.detect([small[frame]], whole, cancel=cancel)[0]
        return {frame: looked[frame] for frame in frames if frame in looked}

    try:
        source = reader.decoded(0, count - 1, cancel=cancel)
        for first in range(0, count, _SEGMENT):
            last = min(first + _SEGMENT, count) - 1
            start, end = context(first, last, count)
            for gone in [frame for frame in small if frame < start]:
                del small[gone]
                looked.pop(gone, None)
            while max(small, default=-1) < end:
                frame = next(source, None)
                if frame is None:
                    break
                small[frame.index] = frame.rgb_reduced(width)
            thumbnails = {at: thumbnail(picture) for at, picture in small.items() if start <= at <= end}
            linker.add(find_segment_faces(detect, find_cuts(thumbnails), first, last, count))
            meter.update(last + 1)
    finally:
        reader.close()
    return linker.tracks()


def chosen_track(media: Media, tracks: Sequence[FaceTrack], number: int | None) -> FaceTrack:
    """The track with a number (from 1, as the window counts), or the one that fills most of the video.

    Raises:
        DataError: there is no face, or none with this number.
    """
    if not tracks:
        raise DataError("There is no face", advice="Give a video in which a face can be found", file=media.path)
    if number is None:
        areas = [float(np.prod(track.boxes[:, 2:] - track.boxes[:, :2], axis=1).sum()) for track in tracks]
        return tracks[int(np.argmax(areas))]
    if not 1 <= number <= len(tracks):
        raise DataError(f"There is no face {number}", advice=f"Its faces are 1 to {len(tracks)}", file=media.path)
    return tracks[number - 1]


def face_of(
    media: Media,
    landmarks: FloatArray | None,
    number: int | None,
    wanted: range | None,
    detector: FaceDetector | None,
    cancel: CancelToken | None,
    progress: ProgressCallback | None,
) -> VideoFace:
    """The face that is asked for: of given landmarks (F, 68, 2), else the tracker's, by number or the largest.

    Raises:
        DataError: no face, no such face, none in the wanted frames, or landmarks that do not fit.
        CancelledError: cancelled.
    """
    words: dict[str, Any]
    if landmarks is not None:
        shape = landmarks.shape
        if len(shape) != 3 or shape[1:] != (68, 2) or shape[0] > len(media.index):
            raise DataError(
                f"Landmarks of shape {shape} do not fit a video of {len(media.index)} frames",
                advice="Give (frames, 68, 2), NaN where there is no face",
                file=media.path,
            )
        known = np.isfinite(landmarks).all(axis=(1, 2))
        frames, words = (
            np.flatnonzero(known),
            {"landmarks": "68 given points", "landmarks_sha256": _digest(landmarks)},
        )
        points = np.asarray(landmarks[known], dtype=np.float32)
    else:
        if detector is None:
            raise ValueError("a detector is needed where no landmarks are given")
        track = chosen_track(media, find_tracks(media, detector, cancel, progress), number)
        frames, points = track.frames, fitted_points(track.landmarks)
        words = {"landmarks": "mean 68-point shape fitted to five points of MTCNN", "track": track.id}
    asked = _asked(frames, wanted)
    if not asked.any():
        raise DataError(
            "The face is in none of the asked frames" if len(frames) else "There is no face",
            advice="Choose other frames, another face or another video",
            file=media.path,
        )
    frames, points = frames[asked].astype(np.int64), points[asked]
    words |= {"first": int(frames[0]), "last": int(frames[-1])}
    return VideoFace(frames, points, landmarks is not None, words)


def _asked(frames: IntArray, wanted: range | None) -> BoolArray:
    if wanted is None:
        return np.ones(len(frames), bool)
    return np.asarray((frames >= wanted.start) & (frames < wanted.stop), dtype=bool)


def donor_of(
    media: Media | None,
    detector: FaceDetector | None,
    cancel: CancelToken | None,
    progress: ProgressCallback | None,
) -> Donor | None:
    """The first frames of the largest face of another video, cut around it: whole ones of 1080p took 400 MB."""
    if media is None or detector is None:
        return None
    track = chosen_track(media, find_tracks(media, detector, cancel, progress), None)
    points = fitted_points(track.landmarks[:_DONOR_FRAMES])
    (x0, y0), (x1, y1) = _surroundings(points, (media.width, media.height))
    frames = np.empty((len(points), y1 - y0, x1 - x0, 3), np.uint8)
    reader = media.reader()
    try:
        for row, into in enumerate(frames):
            into[:] = reader.read(int(track.frames[row])).pixels[y0:y1, x0:x1]
    finally:
        reader.close()
    return Donor(frames, points - np.array([x0, y0], np.float32))


def _surroundings(points: FloatArray, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Corners of a box around all landmarks (N, 68, 2) with what a mask or a blur may reach beyond them."""
    margin = _DONOR_MARGIN * float(np.ptp(points[..., 0], axis=1).max())
    low = np.clip(np.floor(points.min(axis=(0, 1)) - margin), 0, np.array(size) - 1).astype(int)
    high = np.clip(np.ceil(points.max(axis=(0, 1)) + margin), low + 1, size).astype(int)
    return (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))


def _digest(landmarks: FloatArray) -> str:
    return hashlib.sha256(np.ascontiguousarray(landmarks, np.float32).tobytes()).hexdigest()
