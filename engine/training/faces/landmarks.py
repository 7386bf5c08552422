"""Landmarks for data that come without: MTCNN's five points with the mean 68-point shape fitted to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.faces.cuts import find_cuts, thumbnail
from engine.progress import CancelToken
from engine.results import FloatArray, Picture
from engine.training.faces.shape68 import fit_shape

if TYPE_CHECKING:
    from engine.faces.detector import FaceDetector

_STEP = 4  # frames between two looks of the detector inside a run
_SAME_FACE = 0.3  # least overlap (IoU) of a face's squares from one look to the next


@dataclass(frozen=True, eq=False)
class Found:
    """A face in one picture or in each of a run.

    Attributes:
        points: (T, 68, 2) float32, pixels of the frame.
        squares: (T, 4) float32 x0, y0, x1, y1: the squares around the detector's boxes.
    """

    points: FloatArray
    squares: FloatArray


class LandmarkFinder:
    """Finds the largest face. For one thread; the detector is loaded when it is first needed."""

    def __init__(self) -> None:
        self._detector: FaceDetector | None = None

    def find(self, pictures: Sequence[Picture], cancel: CancelToken | None = None) -> Found | None:
        """The largest face of successive frames; None unless it is one face in all of them, without a cut.

        The detector looks at the first, the last, and every fourth frame; in between, points and squares are
        interpolated.

        Args:
            pictures: (H, W, 3) RGB uint8, all of one size.
        """
        looks = sorted({*range(0, len(pictures), _STEP), len(pictures) - 1})
        found: list[tuple[FloatArray, FloatArray]] = []
        for look in looks:
            face = self._look(pictures[look], cancel)
            if face is None or (found and _overlap(found[-1][1], face[1]) < _SAME_FACE):
                return None
            found.append(face)
        if len(pictures) > 1 and find_cuts({at: thumbnail(picture) for at, picture in enumerate(pictures)}):
            return None
        points, squares = (np.stack([face[part] for face in found]) for part in (0, 1))
        return Found(_interpolated(points, looks), _interpolated(squares, looks))

    def _look(self, pixels: Picture, cancel: CancelToken | None) -> tuple[FloatArray, FloatArray] | None:
        from engine.faces.detector import FaceDetector, working_size  # torch takes seconds to load

        if self._detector is None:
            self._detector = FaceDetector()
        whole = (pixels.shape[1], pixels.shape[0])
        reduced = cv2.resize(pixels, working_size(*whole), interpolation=cv2.INTER_AREA)
        (detections,) = self._detector.detect([np.asarray(reduced, np.uint8)], whole, cancel=cancel)
        if not detections:
            return None
        largest = max(detections, key=lambda d: float(d.box[2] - d.box[0]))
        return fit_shape(largest.landmarks), _square(largest.box)


def _square(box: FloatArray) -> FloatArray:
    """The square around a box's centre whose side is its larger side."""
    side = float((box[2:] - box[:2]).max())
    corner = (box[:2] + box[2:] - side) / 2
    return np.array([*corner, *(corner + side)], dtype=np.float32)


def _overlap(one: FloatArray, other: FloatArray) -> float:
    """Intersection over union of two squares."""
    sides = np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0)
    common = float(sides.prod())
    return common / float((one[2] - one[0]) ** 2 + (other[2] - other[0]) ** 2 - common)


def _interpolated(values: FloatArray, at: Sequence[int]) -> FloatArray:
    """(L, ...) values at some frames -> (T, ...) at all from the first to the last."""
    flat = values.reshape(len(values), -1)
    frames = np.arange(at[-1] + 1)
    columns = [np.interp(frames, at, column) for column in flat.T]
    return np.stack(columns, axis=1).astype(np.float32).reshape(len(frames), *values.shape[1:])
