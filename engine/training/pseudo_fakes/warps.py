"""Geometric operators on pictures: affine, piecewise affine on a face's triangles, smooth random fields.

Coordinates here are OpenCV's (pixel centres at whole numbers); a half pixel matters nowhere in training data.
"""

from functools import cache, lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import Delaunay

from engine.results import FloatArray, IntArray, Picture
from engine.training.faces.shape68 import MEAN_SHAPE

_STEP = 2  # pixels between two places of a displacement that is worked out


def warp_affine(picture: Picture, affine: npt.ArrayLike, size: tuple[int, int]) -> Picture:
    """Forward map (2, 3) from source to target pixels; size is (width, height); the border repeats."""
    matrix = np.asarray(affine, dtype=np.float64)
    warped = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def turn_scale_shift(
    centre: npt.ArrayLike, degrees: float, scale: float, shift: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """The (2, 3) map that turns and scales about a centre and then shifts."""
    x, y = np.asarray(centre, dtype=np.float64)
    matrix = np.asarray(cv2.getRotationMatrix2D((x, y), degrees, scale), dtype=np.float64)
    matrix[:, 2] += shift
    return matrix


@cache
def triangles() -> IntArray:
    """(T, 3) Delaunay triangles of the mean shape: the one topology of all piecewise warps."""
    return np.asarray(Delaunay(MEAN_SHAPE.astype(np.float64)).simplices, dtype=np.int64)


def piecewise_affine(picture: Picture, source: FloatArray, target: FloatArray, size: tuple[int, int]) -> Picture:
    """Bring `picture` from its points (68, 2) to `target` triangle by triangle; outside of the face it stays."""
    width, height = size
    corners = triangles()
    labels = np.full((height, width), -1, dtype=np.int16)
    polygons = np.round(target[corners]).astype(np.int32)
    for number, polygon in enumerate(polygons):
        cv2.fillConvexPoly(labels, polygon, int(number))
    ones = np.ones((len(corners), 3, 1))
    to_source = np.linalg.pinv(np.concatenate([target[corners], ones], axis=2)) @ source[corners].astype(
        np.float64
    )
    ys, xs = np.nonzero(labels >= 0)
    affine = to_source.astype(np.float32)[labels[ys, xs]]
    grid_x, grid_y = (np.asarray(g, dtype=np.float32) for g in np.meshgrid(np.arange(width), np.arange(height)))
    grid_x[ys, xs] = affine[:, 0, 0] * xs + affine[:, 1, 0] * ys + affine[:, 2, 0]
    grid_y[ys, xs] = affine[:, 0, 1] * xs + affine[:, 1, 1] * ys + affine[:, 2, 1]
    warped = cv2.remap(picture, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


def displacements(points: FloatArray, offsets: FloatArray, size: tuple[int, int]) -> FloatArray:
    """(H, W, 2) by which each pixel lies away from where it came from, if points (68, 2) move by offsets (68, 2).

    Linear on the triangles of the moved face, 0 outside of it; worked out on every second pixel.
    """
    width, height = size
    corners = triangles()
    target = (points + offsets) / _STEP
    small = (-(-width // _STEP), -(-height // _STEP))
    labels = np.full(small[::-1], len(corners), dtype=np.int16)
    for number, polygon in enumerate(np.round(target[corners] * 16).astype(np.int32)):
        cv2.fillConvexPoly(labels, polygon, number, shift=4)
    homogeneous = np.concatenate([target[corners], np.ones((len(corners), 3, 1))], axis=2)
    flat = np.abs(np.linalg.det(homogeneous)) < 1e-6
    homogeneous[flat] = np.eye(3)
    laws = np.zeros((len(corners) + 1, 3, 2), np.float32)
    laws[:-1] = np.linalg.solve(homogeneous, offsets[corners].astype(np.float64))
    laws[:-1][flat] = 0
    ys, xs = _grid(*small)
    law = laws[labels]
    field = law[..., 0, :] * xs[..., None] + law[..., 1, :] * ys[..., None] + law[..., 2, :]
    return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def warp_affine_displaced(picture: Picture, affine: npt.ArrayLike, field: FloatArray) -> Picture:
    """Forward map (2, 3), then the displacement (H, W, 2) of the result, in one sampling; the border repeats."""
    back = cv2.invertAffineTransform(np.asarray(affine, dtype=np.float64)).astype(np.float32)
    ys, xs = _grid(field.shape[1], field.shape[0])
    moved_x, moved_y = xs - field[..., 0], ys - field[..., 1]
    grid_x = back[0, 0] * moved_x + back[0, 1] * moved_y + back[0, 2]
    grid_y = back[1, 0] * moved_x + back[1, 1] * moved_y + back[1, 2]
    warped = cv2.remap(picture, grid_x, grid_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


@lru_cache(maxsize=8)
def _grid(width: int, height: int) -> tuple[FloatArray, FloatArray]:
    """y and x of each pixel, (H, W) float32 each."""
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    return ys, xs


def smooth_field(rng: np.random.Generator, size: tuple[int, int], knots: int, amplitude: float) -> FloatArray:
    """(H, W, 2) smooth displacement in pixels: normal noise on a grid of knots, interpolated; size is (W, H)."""
    coarse = rng.normal(scale=amplitude, size=(knots, knots, 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def displace(picture: npt.NDArray[np.uint8], field: FloatArray) -> npt.NDArray[np.uint8]:
    """Sample the picture at each pixel plus its displacement."""
    height, width = field.shape[:2]
    grid_x, grid_y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    warped = cv2.remap(
        picture, grid_x + field[..., 0], grid_y + field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, dtype=np.uint8)
