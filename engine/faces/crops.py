"""From a box and five landmarks to a square crop, and back by its affine map.

All coordinates are continuous: the first pixel of a crop or of a frame covers [0, 1) x [0, 1).
"""

import math
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from engine.results import CropSpec, FaceTrack, FloatArray, Picture, frozen

MEAN_LANDMARKS: FloatArray = frozen(
    np.array([[0.331, 0.389], [0.669, 0.389], [0.500, 0.587], [0.352, 0.760], [0.648, 0.760]], dtype=np.float32)
)
"""(5, 2) mean place of our detector's landmarks in the square around a face's box, whose side is 1: measured on
150 stills of as many persons and made symmetrical. So an aligned crop shows about as much as an upright one."""


def crop_affine(box: npt.ArrayLike, landmarks: npt.ArrayLike, spec: CropSpec) -> FloatArray:
    """The map from crop to frame: frame = affine[:, :2] @ crop + affine[:, 2].

    Without alignment the crop is the upright square around the box's centre whose side is the box's larger side
    plus `spec.margin` of it on every side. With alignment it is turned, scaled and moved so that the landmarks
    come as near as can be to MEAN_LANDMARKS (least squares over similarities: Umeyama 1991 without reflection).

    Args:
        box: (4,) x0, y0, x1, y1.
        landmarks: (5, 2), used only if `spec.aligned`.
        spec: how the crop is wanted.

    Returns:
        (2, 3) float32.
    """
    affine: FloatArray = crop_affines(np.asarray(box)[None], np.asarray(landmarks)[None], spec)[0]
    return affine


def picture_affine(pixels: Picture, spec: CropSpec) -> FloatArray:
    """As `crop_affine` for a picture (H, W, 3) that is a face's box already: there is no margin around it."""
    height, width = pixels.shape[:2]
    return crop_affine((0, 0, width, height), np.zeros((5, 2)), replace(spec, margin=0.0, aligned=False))


def crop_affines(boxes: npt.ArrayLike, landmarks: npt.ArrayLike, spec: CropSpec) -> FloatArray:
    """`crop_affine` of many faces: boxes (N, 4), landmarks (N, 5, 2) -> (N, 2, 3) float32."""
    boxes = np.asarray(boxes, dtype=np.float64)
    if spec.aligned:
        return _aligned(np.asarray(landmarks, dtype=np.float64), spec)
    corners, opposite = boxes[:, :2], boxes[:, 2:]
    side = (opposite - corners).max(axis=1) * (1.0 + 2.0 * spec.margin)
    affines = np.zeros((len(boxes), 2, 3))
    affines[:, 0, 0] = affines[:, 1, 1] = side / spec.size
    affines[:, :, 2] = (corners + opposite - side[:, None]) / 2
    return affines.astype(np.float32)


def track_affines(track: FaceTrack, spec: CropSpec) -> FloatArray:
    """`crop_affine` of every row of a track, from its smoothed boxes and landmarks: (N, 2, 3) float32."""
    return crop_affines(track.boxes, track.landmarks, spec)


def run_square(boxes: FloatArray) -> FloatArray:
    """(T, 4) -> (4,): the one square with which all frames of a run are cut.

    Its side is the median of the boxes' larger sides plus the way that their centres travel, so it holds the face
    in all frames and does not jitter. Of a single box it is the square around it.
    """
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    low, high = centres.min(axis=0), centres.max(axis=0)
    side = float(np.median((boxes[:, 2:] - boxes[:, :2]).max(axis=1))) + float((high - low).max())
    corner = (low + high - side) / 2
    return np.array([*corner, *(corner + side)], dtype=np.float32)


def cut_crop(pixels: Picture, affine: npt.ArrayLike, size: int) -> Picture:
    """Cut one crop.

    Bilinear; where the crop is smaller than what it shows, it is sampled k times as finely (k the next whole
    number above the reduction) and averaged over k x k, so that nothing aliases. What lies outside of the frame
    repeats the frame's border: a black edge would be the strongest edge of the crop.

    Args:
        pixels: (H, W, 3) or (H, W) uint8.
        affine: (2, 3), crop to frame, continuous.
        size: side of the crop.

    Returns:
        (size, size, 3) or (size, size) uint8, a new array.
    """
    affine = np.asarray(affine, dtype=np.float64)
    finer = _oversampling(affine)
    fine = affine.copy()
    fine[:, :2] /= finer
    # OpenCV puts pixel centres at whole numbers, we at halves: sample at A (p + 1/2) - 1/2.
    fine[:, 2] += fine[:, :2].sum(axis=1) / 2 - 0.5
    crop = cv2.warpAffine(
        pixels,
        fine,
        (size * finer, size * finer),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if finer > 1:
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, dtype=np.uint8)


def cut_crops(pixels: Picture, affines: npt.ArrayLike, size: int) -> Picture:
    """All crops of one frame: affines (N, 2, 3) -> (N, size, size, 3) uint8."""
    affines = np.asarray(affines)
    crops = np.empty((len(affines), size, size, *pixels.shape[2:]), dtype=np.uint8)
    for crop, affine in zip(crops, affines, strict=True):
        crop[...] = cut_crop(pixels, affine, size)
    return crops


def _oversampling(affine: npt.NDArray[np.float64]) -> int:
    """How many samples a crop pixel needs along each side to be no more than one frame pixel apart."""
    reduction = float(np.hypot(affine[0, :2], affine[1, :2]).max())
    return max(1, math.ceil(reduction - 1e-3))


def _aligned(landmarks: npt.NDArray[np.float64], spec: CropSpec) -> FloatArray:
    """Similarities as complex numbers: template = turn * landmark + shift, solved for `turn`, then inverted."""
    template = (MEAN_LANDMARKS.astype(np.float64) + spec.margin) / (1.0 + 2.0 * spec.margin) * spec.size
    wanted = template[:, 0] + 1j * template[:, 1]
    seen = landmarks[..., 0] + 1j * landmarks[..., 1]
    wanted_mean, seen_mean = wanted.mean(), seen.mean(axis=1, keepdims=True)
    spread = seen - seen_mean
    turn = (spread.conj() * (wanted - wanted_mean)).sum(axis=1) / (np.abs(spread) ** 2).sum(axis=1)
    back = 1.0 / turn
    shift = seen_mean[:, 0] - back * wanted_mean
    affines = np.empty((len(landmarks), 2, 3))
    affines[:, 0, 0], affines[:, 0, 1], affines[:, 0, 2] = back.real, -back.imag, shift.real
    affines[:, 1, 0], affines[:, 1, 1], affines[:, 1, 2] = back.imag, back.real, shift.imag
    return affines.astype(np.float32)
