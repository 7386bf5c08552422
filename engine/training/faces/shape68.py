"""The 68 points of a face (the iBUG order), their mean shape and their five-point stand-in."""

import numpy as np

from engine.results import FloatArray

# Mean of 600 LFW and 700 DFDC landmark files after Procrustes alignment, made symmetric and upright. The unit is
# the side of the square that MTCNN's box gives (fitted on 60 LFW pictures), its origin the square's upper left.
MEAN_SHAPE: FloatArray = np.fromstring(
    """
    0.131 0.343  0.128 0.502  0.131 0.579  0.163 0.752  0.197 0.822  0.235 0.873  0.327 0.949  0.428 0.998
    0.500 1.005  0.572 0.998  0.673 0.949  0.765 0.873  0.803 0.822  0.837 0.752  0.869 0.579  0.872 0.502
    0.869 0.343  0.172 0.297  0.229 0.281  0.281 0.263  0.347 0.265  0.423 0.273  0.577 0.273  0.653 0.265
    0.719 0.263  0.771 0.281  0.828 0.297  0.500 0.364  0.500 0.441  0.500 0.512  0.500 0.557  0.429 0.610
    0.458 0.630  0.500 0.630  0.542 0.630  0.571 0.610  0.258 0.391  0.296 0.372  0.352 0.369  0.406 0.397
    0.359 0.409  0.303 0.409  0.594 0.397  0.648 0.369  0.704 0.372  0.742 0.391  0.697 0.409  0.641 0.409
    0.357 0.756  0.414 0.714  0.458 0.702  0.500 0.707  0.542 0.702  0.586 0.714  0.643 0.756  0.581 0.811
    0.544 0.826  0.500 0.829  0.456 0.826  0.419 0.811  0.377 0.754  0.468 0.742  0.500 0.743  0.532 0.742
    0.623 0.754  0.535 0.774  0.500 0.776  0.465 0.774
    """,
    sep=" ",
    dtype=np.float32,
).reshape(68, 2)

BROWS = slice(17, 27)


def five_points(points: FloatArray) -> FloatArray:
    """(68, 2) -> (5, 2): left eye, right eye, nose, left and right corner of the mouth, as seen."""
    eyes = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    return np.stack([*eyes, points[30], points[48], points[54]]).astype(np.float32)


def similarity(source: FloatArray, target: FloatArray) -> FloatArray:
    """The (2, 3) similarity that brings source (N, 2) nearest to target (N, 2), least squares, no reflection."""
    a = source[:, 0] + 1j * source[:, 1]
    b = target[:, 0] + 1j * target[:, 1]
    centred = a - a.mean()
    turn = np.vdot(centred, b - b.mean()) / np.vdot(centred, centred)
    shift = b.mean() - turn * a.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]], dtype=np.float32)


def transform(affine: FloatArray, points: FloatArray) -> FloatArray:
    """Points (N, 2) through a (2, 3) map."""
    return np.asarray(points @ affine[:, :2].T + affine[:, 2], dtype=np.float32)


def fit_shape(five: FloatArray) -> FloatArray:
    """(5, 2) landmarks -> (68, 2): the mean shape, turned, scaled and moved onto them."""
    return transform(similarity(five_points(MEAN_SHAPE), five), MEAN_SHAPE)


def face_square(points: FloatArray) -> FloatArray:
    """(68, 2) -> x0, y0, x1, y1 of the square that MTCNN's box would give for this face, by the mean shape.

    The points' extent measures the side, so that a turned head gives no smaller square than a frontal one.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    mean_low, mean_high = MEAN_SHAPE.min(axis=0), MEAN_SHAPE.max(axis=0)
    side = float(((high - low) / (mean_high - mean_low)).max())
    middle_in_square = (mean_low + mean_high) / 2
    corner = (low + high) / 2 - middle_in_square * side
    return np.array([*corner, *(corner + side)], dtype=np.float32)
