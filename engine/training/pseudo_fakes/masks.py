"""Which part of a face is forged, and how softly it ends (SPEC section 6, step 1)."""

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from engine.results import FloatArray, Picture
from engine.training.faces.shape68 import BROWS
from engine.training.pseudo_fakes import warps

Region = Literal["hull", "no-forehead", "mouth-chin", "eyes-brows", "nose-mouth"]
REGIONS: tuple[Region, ...] = get_args(Region)
REGION_WEIGHTS = (0.4, 0.2, 0.2, 0.1, 0.1)

_POINTS: dict[Region, tuple[int, ...]] = {
    "hull": tuple(range(68)),
    "no-forehead": tuple(range(68)),
    "mouth-chin": (*range(4, 13), *range(31, 36), *range(48, 68)),
    "eyes-brows": (*range(17, 28), *range(36, 48)),
    "nose-mouth": (*range(27, 36), *range(48, 60)),
}
_FOREHEAD = 0.55  # how far above the brows a forehead reaches, in heights from the brows to the nose's tip


@dataclass(frozen=True, slots=True)
class MaskLaw:
    """How one mask is made; lengths in widths of the face.

    Attributes:
        region: the part of the face.
        elastic: deviation of the outline's smooth displacement.
        first_blur: deviation of the blur before the outline is cut anew.
        threshold: where it is cut, in (0, 1): above one half erodes, below dilates.
        last_blur: deviation of the final blur, 0 for a hard edge.
        seed: of the displacement.
    """

    region: Region
    elastic: float
    first_blur: float
    threshold: float
    last_blur: float
    seed: int


def draw_mask_law(rng: np.random.Generator) -> MaskLaw:
    """A random law; soft and hard edges, tight and wide outlines."""
    region = REGIONS[rng.choice(len(REGIONS), p=REGION_WEIGHTS)]
    return MaskLaw(
        region=region,
        elastic=float(rng.choice([0.0, rng.uniform(0.01, 0.03)])),
        first_blur=float(rng.uniform(0.01, 0.06)),
        threshold=float(rng.uniform(0.4, 0.85)),
        last_blur=float(np.exp(rng.uniform(np.log(0.006), np.log(0.11)))),
        seed=int(rng.integers(2**31)),
    )


def outline(points: FloatArray, region: Region) -> FloatArray:
    """(N, 2) points whose convex hull is the region; "hull" reaches over the forehead."""
    chosen = points[list(_POINTS[region])]
    if region != "hull":
        return chosen
    brows = points[BROWS]
    up = brows.mean(axis=0) - points[30]
    return np.concatenate([chosen, brows + _FOREHEAD * up]).astype(np.float32)


def make_mask(points: FloatArray, law: MaskLaw, size: tuple[int, int]) -> FloatArray:
    """The (H, W) float32 mask in [0, 1] of a face with 68 points; size is (W, H)."""
    width, height = size
    face = max(float(np.ptp(points[:17, 0])), 1.0)
    mask: Picture = np.zeros((height, width), dtype=np.uint8)
    hull = cv2.convexHull(np.round(outline(points, law.region)).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 255)
    if law.elastic > 0:
        rng = np.random.default_rng(law.seed)
        mask = warps.displace(mask, warps.smooth_field(rng, size, 7, law.elastic * face))
    mask = _blur(mask, law.first_blur * face)
    mask = np.where(mask > 255 * law.threshold, 255, 0).astype(np.uint8)
    return np.asarray(_blur(mask, law.last_blur * face), dtype=np.float32) / 255.0


def _blur(mask: Picture, sigma: float) -> Picture:
    """A Gaussian, on a reduced mask where it is wide: as smooth and several times faster."""
    step = max(1, int(sigma / 4))
    if step == 1:
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(sigma, 0.3)), dtype=np.uint8)
    height, width = mask.shape
    small = cv2.resize(mask, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
