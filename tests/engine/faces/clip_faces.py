"""Faces of whole clips, found as the application finds them: in segments, from reduced frames."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from engine.faces.cuts import find_cuts, thumbnail
from engine.faces.detection import Detection
from engine.faces.detector import FaceDetector, working_size
from engine.faces.linking import TrackLinker
from engine.faces.segments import context, find_segment_faces
from engine.results import FaceTrack, Picture


@dataclass
class Clip:
    """A clip in memory, at the size at which faces are looked for."""

    small: list[Picture] = field(default_factory=list)
    thumbnails: list[Picture] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    looks: int = 0

    @classmethod
    def of(cls, pictures: Iterable[Picture]) -> "Clip":
        clip = cls()
        for pixels in pictures:
            height, width = pixels.shape[:2]
            clip.size = (width, height)
            clip.small.append(cv2.resize(pixels, working_size(width, height), interpolation=cv2.INTER_AREA))
            clip.thumbnails.append(thumbnail(pixels))
        return clip

    def look(self, detector: FaceDetector, frames: Sequence[int]) -> dict[int, list[Detection]]:
        self.looks += len(frames)
        found = detector.detect([self.small[frame] for frame in frames], self.size)
        return dict(zip(frames, found, strict=True))

    def faces(self, detector: FaceDetector, *, backwards: bool = False) -> tuple[FaceTrack, ...]:
        count, linker = len(self.small), TrackLinker()
        starts = range(0, count, 64)
        for first in reversed(starts) if backwards else starts:
            last = min(first + 64, count) - 1
            low, high = context(first, last, count)
            cuts = find_cuts({frame: self.thumbnails[frame] for frame in range(low, high + 1)})
            linker.add(find_segment_faces(lambda f: self.look(detector, f), cuts, first, last, count))
        return linker.tracks()


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of boxes (N, 4) and (N, 4), row by row."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    return shared / ((a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1) - shared)
