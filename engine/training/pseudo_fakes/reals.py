"""Hard negatives: real clips changed as a whole, so that only a difference between inside and outside tells
(SPEC section 6, step 4)."""

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from engine.results import Picture
from engine.training.pseudo_fakes import warps

RealKind = Literal["none", "jitter", "flicker", "repeat", "blur", "smooth-skin", "resample"]
REAL_KINDS: tuple[RealKind, ...] = get_args(RealKind)


@dataclass(frozen=True, slots=True)
class HardReal:
    """A change of whole frames.

    Attributes:
        kind: "none"; "jitter": all moves anew in each frame; "flicker": all changes its brightness and tint;
            "repeat": every second frame twice; "blur"; "smooth-skin": as beauty filters do, all over; "resample":
            the warp of the forgeries without amplitude, which leaves the traces of interpolation alone.
        amount: deviation of the shift in widths of the frame, of brightness and tint, of the blur in pixels, or
            levels that count as skin's texture; unused by "repeat" and "resample".
        seed: of the noise.
    """

    kind: RealKind
    amount: float
    seed: int


_AMOUNTS: dict[RealKind, tuple[float, float]] = {
    "jitter": (0.001, 0.006),
    "flicker": (0.01, 0.04),
    "blur": (0.5, 1.5),
    "smooth-skin": (10.0, 30.0),
}


def draw_hard_real(rng: np.random.Generator, none: float = 0.3) -> HardReal:
    """A random change; `none` is the share of clips that stay as they are."""
    drawn = REAL_KINDS[rng.integers(1, len(REAL_KINDS))]
    kind: RealKind = "none" if rng.random() < none else drawn
    return HardReal(kind, float(rng.uniform(*_AMOUNTS.get(kind, (0.0, 0.0)))), int(rng.integers(2**31)))


def disturb_clip(frames: Picture, change: HardReal) -> Picture:
    """The frames (T, H, W, 3), every pixel of each treated alike."""
    rng = np.random.default_rng(change.seed)
    length, height, width = frames.shape[:3]
    noise = rng.standard_normal((length, 3))
    if change.kind == "repeat":
        rows = np.arange(length)
        return np.ascontiguousarray(frames[rows - rows % 2])
    return np.stack([_disturbed(frame, change, noise[row], (width, height)) for row, frame in enumerate(frames)])


def _disturbed(frame: Picture, change: HardReal, noise: np.ndarray, size: tuple[int, int]) -> Picture:
    centre = (size[0] / 2, size[1] / 2)
    if change.kind == "jitter":
        x, y, degrees = (noise * (change.amount * size[0], change.amount * size[0], 60 * change.amount)).tolist()
        return warps.warp_affine(frame, warps.turn_scale_shift(centre, degrees, 1.0, (x, y)), size)
    if change.kind == "flicker":
        gain, tint = 1 + change.amount * noise[0], change.amount * noise[1]
        levels = np.arange(256)[:, None] * gain * np.array([1 + tint, 1.0, 1 - tint])
        table = np.clip(np.round(levels), 0, 255).astype(np.uint8)
        return np.asarray(cv2.LUT(frame, table[None]), dtype=np.uint8)
    if change.kind == "blur":
        return np.asarray(cv2.GaussianBlur(frame, (0, 0), change.amount), dtype=np.uint8)
    if change.kind == "smooth-skin":
        return np.asarray(cv2.bilateralFilter(frame, 5, change.amount, 3.0), dtype=np.uint8)
    if change.kind == "resample":
        there = warps.warp_affine(frame, warps.turn_scale_shift(centre, 0.0, 1.0, (0.5, 0.5)), size)
        return warps.warp_affine(there, warps.turn_scale_shift(centre, 0.0, 1.0, (-0.5, -0.5)), size)
    return frame
