"""Another person's face in every frame of a clip: which of its pictures, and fitted how."""

from dataclasses import dataclass

import numpy as np

from engine.results import FloatArray, IntArray, Picture
from engine.training.faces.shape68 import similarity, transform
from engine.training.pseudo_fakes import warps
from engine.training.pseudo_fakes.frames import pose_distance
from engine.training.pseudo_fakes.operators.plan import ClipFaces


@dataclass(frozen=True, slots=True)
class Swap:
    """How the donor's face is fitted.

    Attributes:
        piecewise: triangle by triangle, not by a similarity alone.
        shape_kept: share of the donor's own shape that stays after a piecewise fit.
        colour_match: share of the donor's colours brought to the target's, by one law for the clip.
    """

    piecewise: bool
    shape_kept: float
    colour_match: float


@dataclass(frozen=True, eq=False)
class Donor:
    """Another person's face.

    Attributes:
        frames: (N, H, W, 3) uint8, successive frames of a clip, or one picture.
        points: (N, 68, 2) float32 of the face in them.
    """

    frames: Picture
    points: FloatArray


def draw_swap(rng: np.random.Generator) -> Swap:
    """As for single frames (`frames.draw_forgery`)."""
    return Swap(
        piecewise=bool(rng.random() < 0.6),
        shape_kept=float(rng.uniform(0.0, 0.5)),
        colour_match=float(rng.choice([0.5, 1.0, 1.0])),
    )


def donor_rows(faces: ClipFaces, donor: Donor) -> IntArray:
    """(T,) the donor's frame for each frame: the nearest pose at first, then the nearest of the last one and its
    neighbours, so that the donor's face moves on without a jump."""
    rows = np.empty(len(faces), dtype=np.int64)
    reachable = np.arange(len(donor.points))
    for row, points in enumerate(faces.points):
        rows[row] = reachable[int(np.argmin(pose_distance(points, donor.points[reachable])))]
        low, high = max(0, rows[row] - 1), min(len(donor.points), rows[row] + 2)
        reachable = np.arange(low, high)
    return rows


def fitted(donor: Donor, row: int, points: FloatArray, size: tuple[int, int], swap: Swap) -> Picture:
    """The donor's face of one frame brought onto landmarks (68, 2) in a picture of size (W, H)."""
    affine = similarity(donor.points[row], points)
    moved = warps.warp_affine(donor.frames[row], affine, size)
    if not swap.piecewise:
        return moved
    target = fitted_shape(donor.points[row], points, swap)
    return warps.piecewise_affine(moved, transform(affine, donor.points[row]), target, size)


def fitted_shape(donor_points: FloatArray, points: FloatArray, swap: Swap) -> FloatArray:
    """(68, 2) where the donor's landmarks come to lie."""
    moved = transform(similarity(donor_points, points), donor_points)
    kept = swap.shape_kept if swap.piecewise else 1.0
    return np.asarray(kept * moved + (1 - kept) * points, dtype=np.float32)
