"""What a detector of clips with flow saw of one face: its pictures and their motion, to be looked at.

Cut and measured exactly as the detector does it, from the footage, whenever it is wanted; needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engine.detectors.stretches import reflect
from engine.faces.crops import crop_affines, cut_crop, run_square
from engine.faces.flow import FlowSpec, make_clip
from engine.progress import CancelToken
from engine.results import CropSpec, FloatArray, IntArray, Picture, frozen

if TYPE_CHECKING:
    from engine.video.interface import Media

CELLS = 16
"""Along each side of a patch's motion: as many as are kept of a prototype's."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ClipMotion:
    """One clip of one face.

    Attributes:
        frames: (F,) int64, in which the fields begin.
        pictures: (F, side, side, 3) uint8 RGB, what is seen in them.
        flow: (F, 2, size, size) float32, pixels of what the network sees, as FlowClip has it.
        affine: (2, 3) float32, from continuous pixels of the pictures to those of the frame.
    """

    frames: IntArray
    pictures: Picture
    flow: FloatArray
    affine: FloatArray

    @property
    def crop(self) -> Box:
        """x0, y0, x1, y1 of what is seen, pixels of the frame."""
        side, (x, y) = self.pictures.shape[1] * float(self.affine[0, 0]), self.affine[:, 2].tolist()
        return x, y, x + side, y + side


@dataclass(frozen=True, slots=True)
class PatchMotion:
    """A part of a clip.

    Attributes:
        pictures: (F, h, w, 3) uint8 RGB.
        flow: (F, 2, CELLS, CELLS) float32, means of cells, pixels of what the network sees.
    """

    pictures: Picture
    flow: FloatArray


def clip_frames(first: int, last: int, seen: Callable[[int], bool], spec: FlowSpec) -> IntArray:
    """The frames of the clip whose span is first..last, one for each of `spec.offsets`.

    They go on behind the span; where the face is not seen so long, the span is all there is of it, and the
    detector saw it forth and back (`grid_clips`).

    Args:
        seen: whether the face is seen in a frame.
    """
    offsets = np.array(spec.offsets)
    if all(seen(first + offset) for offset in range(spec.offsets[-1] + 1)):
        return frozen(first + offsets)
    return frozen(first + reflect(offsets, last - first + 1))


def clip_affine(boxes: FloatArray, spec: FlowSpec, margin: float) -> FloatArray:
    """(2, 3) from the clip's crops to the frame: one square around the boxes (F, 4) of all of its frames."""
    crop = CropSpec(spec.side, margin)
    affine: FloatArray = crop_affines(run_square(boxes)[None], np.zeros((1, 5, 2)), crop)[0]
    return affine


def clip_motion(
    media: Media, frames: IntArray, affine: FloatArray, spec: FlowSpec, cancel: CancelToken
) -> ClipMotion:
    """Decode, cut and measure a clip. Worker threads; a tenth of a second.

    Args:
        frames, affine: as `clip_frames` and `clip_affine` give them.

    Raises:
        FrameUnavailableError: a frame cannot be decoded.
        CancelledError: cancelled.
    """
    reader = media.reader(stepping=True)
    try:
        seen: dict[int, Picture] = {}
        for frame in sorted(set(frames.tolist())):
            cancel.check()
            seen[frame] = cut_crop(reader.read(frame).pixels, affine, spec.side)
    finally:
        reader.close()
    crops = np.stack([seen[frame] for frame in frames.tolist()])
    cancel.check()
    starts = [spec.offsets.index(spec.stride * field) for field in range(spec.fields)]
    flow = make_clip(crops, spec).flow
    return ClipMotion(frozen(frames[starts]), frozen(crops[starts]), flow, frozen(affine))


def patch_motion(clip: ClipMotion, box: Box) -> PatchMotion:
    """What lies inside a box, x0, y0, x1, y1 in pixels of the frame; at least one pixel, cut off at the crop."""
    corners = (np.array(box, np.float64).reshape(2, 2) - clip.affine[:, 2]) / float(clip.affine[0, 0])
    x0, y0, x1, y1 = _inside(corners, clip.pictures.shape[1])
    pictures = clip.pictures[:, y0:y1, x0:x1]
    size = clip.flow.shape[-1]
    x0, y0, x1, y1 = _inside(corners * (size / clip.pictures.shape[1]), size)
    cells = [
        [cv2.resize(plane[y0:y1, x0:x1], (CELLS, CELLS), interpolation=cv2.INTER_AREA) for plane in field]
        for field in clip.flow
    ]
    return PatchMotion(frozen(pictures), frozen(np.array(cells, np.float32)))


def _inside(corners: np.ndarray, side: int) -> tuple[int, int, int, int]:
    """Whole pixels x0, y0, x1, y1 of a square picture."""
    (x0, y0), (x1, y1) = np.clip(corners.round().astype(int), 0, side).tolist()
    x0, y0 = min(x0, side - 1), min(y0, side - 1)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)
