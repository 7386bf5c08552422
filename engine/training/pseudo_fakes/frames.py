"""Forgeries made from real faces: the spatial part of the generator TPF (SPEC section 6, steps 1 and 2).

After self-blended images (Shiohara and Yamasaki 2022) and Face X-ray (Li et al. 2020), written afresh: a face is
blended into its own picture after small changes, or another person's face of like pose is fitted into it.
"""

from dataclasses import dataclass

import numpy as np

from engine.results import FloatArray, Picture
from engine.training.faces.shape68 import similarity, transform
from engine.training.pseudo_fakes import warps
from engine.training.pseudo_fakes.blending import Blend, blend, match_colours
from engine.training.pseudo_fakes.masks import MaskLaw, draw_mask_law, make_mask
from engine.training.pseudo_fakes.mismatch import Mismatch, apply_mismatch, draw_mismatch


@dataclass(frozen=True, slots=True)
class ForgeryConfig:
    """What kinds of forgeries are drawn.

    Attributes:
        other_person: share whose face comes from another person.
        blends: ways of blending and their shares.
    """

    other_person: float = 0.6
    blends: tuple[tuple[Blend, float], ...] = (("alpha", 0.7), ("poisson", 0.3))


@dataclass(frozen=True, slots=True)
class Forgery:
    """All that determines one forgery, given the pictures.

    Attributes:
        mask: the law of the mask.
        mismatch: how the pasted face differs.
        mismatch_outside: whether the surroundings are changed instead of the face.
        blend, ratio: how it is put in.
        other_person: whether the face is another person's.
        piecewise: whether that face is fitted triangle by triangle, not by a similarity alone.
        shape_kept: share of the donor's own shape that stays after a piecewise fit.
        colour_match: share of the donor's colours brought to the target's.
        shift, degrees, scale: of the pasted face, in widths of the face, degrees, factor.
        elastic: deviation of the face's smooth deformation, in widths of the face.
        seed: of the deformation.
    """

    mask: MaskLaw
    mismatch: Mismatch
    mismatch_outside: bool
    blend: Blend
    ratio: float
    other_person: bool
    piecewise: bool
    shape_kept: float
    colour_match: float
    shift: tuple[float, float]
    degrees: float
    scale: float
    elastic: float
    seed: int


def draw_forgery(rng: np.random.Generator, config: ForgeryConfig) -> Forgery:
    """Random parameters of one forgery."""
    other = bool(rng.random() < config.other_person)
    how, shares = zip(*config.blends, strict=True)
    ratio = float(rng.choice([0.25, 0.5, 0.75, 1.0, 1.0, 1.0]))
    x, y = rng.uniform(-0.03, 0.03), rng.uniform(-0.015, 0.015)
    mask = draw_mask_law(rng)
    whole = mask.region in ("hull", "no-forehead")
    return Forgery(
        mask=mask,
        mismatch=draw_mismatch(rng, float(rng.uniform(0.2, 1.0))),
        mismatch_outside=bool(not other and rng.random() < 0.4),
        blend=how[rng.choice(len(how), p=np.array(shares) / sum(shares))],
        ratio=ratio if whole and not other else max(ratio, 0.5),  # fainter ones nobody could tell
        other_person=other,
        piecewise=bool(rng.random() < 0.6),
        shape_kept=float(rng.uniform(0.0, 0.5)),
        colour_match=float(rng.choice([0.0, 0.5, 1.0, 1.0])),
        shift=(float(x), float(y)),
        degrees=float(rng.normal(scale=1.5)),
        scale=float(np.exp(rng.uniform(-0.05, 0.05))),
        elastic=float(rng.uniform(0.003, 0.015)) if rng.random() < 0.4 else 0.0,
        seed=int(rng.integers(2**31)),
    )


def forge(
    picture: Picture,
    points: FloatArray,
    forgery: Forgery,
    donor: Picture | None = None,
    donor_points: FloatArray | None = None,
) -> tuple[Picture, FloatArray]:
    """Make one forgery.

    Args:
        picture: (H, W, 3), a real face with some surroundings.
        points: (68, 2) of that face.
        forgery: what to do.
        donor, donor_points: another person's face, needed if `forgery.other_person`.

    Returns:
        The forged picture (H, W, 3) and its (H, W) float32 mask in [0, 1], already times the blend ratio.
    """
    height, width = picture.shape[:2]
    size = (width, height)
    face = _face_width(points)
    mask = make_mask(points, forgery.mask, size)
    background = picture
    if forgery.other_person:
        if donor is None or donor_points is None:
            raise ValueError("another person's face is asked for and none is given")
        source = _fit(donor, donor_points, points, size, forgery)
        source = match_colours(source, picture, mask, forgery.colour_match)
    else:
        source = picture
    if forgery.mismatch_outside:
        background = apply_mismatch(picture, forgery.mismatch, face)
    else:
        source = apply_mismatch(source, forgery.mismatch, face)
    centre = points.mean(axis=0)
    shift = (forgery.shift[0] * face, forgery.shift[1] * face)
    source = warps.warp_affine(source, warps.turn_scale_shift(centre, forgery.degrees, forgery.scale, shift), size)
    if forgery.elastic > 0:
        rng = np.random.default_rng(forgery.seed)
        source = warps.displace(source, warps.smooth_field(rng, size, 6, forgery.elastic * face))
    forged = blend(source, background, mask, forgery.blend, forgery.ratio)
    return forged, mask * (forgery.ratio if forgery.blend == "alpha" else 1.0)


def disturb(picture: Picture, points: FloatArray, rng: np.random.Generator) -> Picture:
    """A real picture (H, W, 3) changed and resampled as a whole: as far from its source as a forgery, yet in one
    piece (SPEC section 6, step 4)."""
    height, width = picture.shape[:2]
    changed = apply_mismatch(picture, draw_mismatch(rng, float(rng.uniform(0.2, 1.0))), _face_width(points))
    turn = warps.turn_scale_shift(points.mean(axis=0), float(rng.normal(scale=1.5)), 1.0, (0.5, 0.5))
    return warps.warp_affine(changed, turn, (width, height))


def _face_width(points: FloatArray) -> float:
    return max(float(np.ptp(points[:17, 0])), 1.0)


def _fit(
    donor: Picture, donor_points: FloatArray, points: FloatArray, size: tuple[int, int], forgery: Forgery
) -> Picture:
    """The donor's face brought onto the target's landmarks."""
    affine = similarity(donor_points, points)
    moved = warps.warp_affine(donor, affine, size)
    if not forgery.piecewise:
        return moved
    moved_points = transform(affine, donor_points)
    kept = forgery.shape_kept
    return warps.piecewise_affine(moved, moved_points, kept * moved_points + (1 - kept) * points, size)


def pose_distance(points: FloatArray, others: FloatArray) -> FloatArray:
    """How unlike the poses of faces are: (68, 2) against (N, 68, 2) -> (N,), shapes of one size and place."""
    ours, theirs = _normalised(points[None]), _normalised(others)
    return np.asarray(np.sqrt(((ours - theirs) ** 2).sum(axis=2)).mean(axis=1), dtype=np.float32)


def _normalised(points: FloatArray) -> FloatArray:
    centred = points - points.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).sum(axis=2).mean(axis=1))[:, None, None], dtype=np.float32)
