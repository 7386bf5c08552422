"""The tracks of a whole video and their scores, read once from end to end in bounded memory."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from engine.detectors.base import Detector
from engine.faces.crops import crop_affine, cut_crop
from engine.faces.cuts import find_cuts, thumbnail
from engine.faces.detection import Detection
from engine.faces.detector import FaceDetector, working_size
from engine.faces.linking import TrackLinker
from engine.faces.segments import FaceSegment, context, find_segment_faces
from engine.progress import CancelToken
from engine.results import FloatArray, Picture
from engine.video.media import Media, open_media

SEGMENT = 64
"""Frames that are held at a time; a multiple of the detection step."""


@dataclass(frozen=True, slots=True)
class VideoScores:
    """What a detector says of one video.

    Attributes:
        tracks: mean fake probability of each track, by first appearance.
        frames: scored frames of each track.
        fake_probability: the largest of them, None without a scored face.
    """

    tracks: tuple[float, ...]
    frames: tuple[int, ...]

    @property
    def fake_probability(self) -> float | None:
        return max(self.tracks, default=None)


@dataclass
class _Stretch:
    """The frames of one segment and of the little around it that faces and cuts need."""

    small: dict[int, Picture] = field(default_factory=dict)
    thumbnails: dict[int, Picture] = field(default_factory=dict)
    whole: dict[int, Picture] = field(default_factory=dict)


def score_video(
    path: Path, detector: Detector, faces: FaceDetector, every: int, *, cancel: CancelToken | None = None
) -> VideoScores:
    """Score every n-th frame of every face. For the thread that owns the detectors.

    Raises:
        VideoError: the file cannot be opened. Single damaged frames are left out.
        DeviceError, CancelledError: as the detector raises them.
    """
    media = open_media(path, cancel=cancel)
    try:
        return _score(media, detector, faces, every, cancel)
    finally:
        media.close()


def _score(
    media: Media, detector: Detector, faces: FaceDetector, every: int, cancel: CancelToken | None
) -> VideoScores:
    linker = TrackLinker()
    scores: dict[int, list[FloatArray]] = defaultdict(list)
    for first, last, stretch in _stretches(media, every, cancel):
        segment = _find(stretch, faces, first, last, len(media.index), (media.width, media.height), cancel)
        for track in linker.add(segment).tracks:
            rows = [row for row, frame in enumerate(track.frames) if int(frame) in stretch.whole]
            if rows:
                crops = np.stack(
                    [
                        _crop(stretch, detector, track.boxes[r], track.landmarks[r], int(track.frames[r]))
                        for r in rows
                    ]
                )
                scores[track.id].append(_probabilities(detector.score_crops(crops, cancel=cancel)))
    final = linker.final_ids()
    joined: dict[int, list[FloatArray]] = defaultdict(list)
    for provisional, parts in scores.items():
        joined[final[provisional]] += parts
    ordered = [np.concatenate(joined[track]) for track in sorted(joined)]
    return VideoScores(
        tuple(float(part.mean(dtype=np.float64)) for part in ordered), tuple(len(part) for part in ordered)
    )


def _stretches(media: Media, every: int, cancel: CancelToken | None) -> Iterator[tuple[int, int, _Stretch]]:
    """Segment after segment with its frames; each frame is decoded once."""
    count, size = len(media.index), (media.width, media.height)
    small_size = working_size(*size)
    reader = media.reader()
    held = _Stretch()
    try:
        source = reader.frames(0, count - 1, cancel=cancel)
        read_to = -1
        for first in range(0, count, SEGMENT):
            last = min(first + SEGMENT, count) - 1
            start, end = context(first, last, count)
            while read_to < end:
                frame = next(source, None)
                if frame is None:
                    break
                read_to = frame.index
                reduced = cv2.resize(frame.pixels, small_size, interpolation=cv2.INTER_AREA)
                held.small[frame.index] = np.asarray(reduced, dtype=np.uint8)
                held.thumbnails[frame.index] = thumbnail(held.small[frame.index])
                if frame.index % every == 0:
                    held.whole[frame.index] = frame.pixels
            for frames in (held.small, held.thumbnails, held.whole):
                for index in [i for i in frames if i < start]:
                    del frames[index]
            yield first, last, held
    finally:
        reader.close()


def _find(
    stretch: _Stretch,
    faces: FaceDetector,
    first: int,
    last: int,
    count: int,
    size: tuple[int, int],
    cancel: CancelToken | None,
) -> FaceSegment:
    def detect(frames: Sequence[int]) -> Mapping[int, Sequence[Detection]]:
        present = [frame for frame in frames if frame in stretch.small]
        pictures = [stretch.small[frame] for frame in present]
        if not pictures:
            return {}
        height, width = pictures[0].shape[:2]
        scale = (size[0] / width, size[1] / height)
        return dict(zip(present, faces.detect(pictures, scale, cancel=cancel), strict=True))

    start, end = context(first, last, count)
    thumbnails = {frame: small for frame, small in stretch.thumbnails.items() if start <= frame <= end}
    return find_segment_faces(detect, find_cuts(thumbnails), first, last, count)


def _crop(stretch: _Stretch, detector: Detector, box: FloatArray, landmarks: FloatArray, frame: int) -> Picture:
    spec = detector.crop_spec
    return cut_crop(stretch.whole[frame], crop_affine(box, landmarks, spec), spec.size)


def _probabilities(logits: FloatArray) -> FloatArray:
    return (1.0 / (1.0 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
