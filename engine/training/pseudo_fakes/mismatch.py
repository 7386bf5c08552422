"""What makes a pasted face differ from its surroundings (SPEC section 6, step 2)."""

from dataclasses import dataclass

import cv2
import numpy as np

from engine.results import Picture


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Constant differences between the pasted face and the picture around it; each may be absent.

    Attributes:
        rgb_shift: added per channel, levels.
        hue: added to the hue, of 180.
        saturation: factor.
        gamma: exponent.
        contrast: factor about the mean.
        reduction: factor by which the face is sampled down and up again; 1 for none.
        hard_reduction: whether sampling down takes the nearest pixel.
        sharpen: strength of an unsharp mask.
        noise: deviation of added grey noise, levels.
        chroma: factor by which colour alone is sampled down.
        resolution: side to which the face is brought and back, as by generators of fixed size, pixels; 0: none.
        seed: of the noise.
    """

    rgb_shift: tuple[float, float, float]
    hue: float
    saturation: float
    gamma: float
    contrast: float
    reduction: float
    hard_reduction: bool
    sharpen: float
    noise: float
    chroma: int
    resolution: int
    seed: int


def draw_mismatch(rng: np.random.Generator, strength: float) -> Mismatch:
    """Random differences; `strength` in (0, 1] scales those of colour, so that hard forgeries occur too."""
    some = rng.random(7)
    shift = rng.uniform(-20, 20, 3) * strength if some[0] < 0.4 else np.zeros(3)
    frequency = rng.choice(["none", "down", "sharpen", "resolution"], p=[0.15, 0.35, 0.2, 0.3])
    return Mismatch(
        rgb_shift=(float(shift[0]), float(shift[1]), float(shift[2])),
        hue=float(rng.uniform(-9, 9) * strength) if some[1] < 0.3 else 0.0,
        saturation=float(1 + rng.uniform(-0.3, 0.3) * strength) if some[1] < 0.3 else 1.0,
        gamma=float(np.exp(rng.uniform(-0.3, 0.3) * strength)) if some[2] < 0.3 else 1.0,
        contrast=float(1 + rng.uniform(-0.2, 0.2) * strength) if some[3] < 0.4 else 1.0,
        reduction=float(rng.uniform(1.5, 4.0)) if frequency == "down" else 1.0,
        hard_reduction=bool(some[4] < 0.3),
        sharpen=float(rng.uniform(0.3, 1.2)) if frequency == "sharpen" else 0.0,
        noise=float(rng.uniform(1.0, 6.0)) if some[5] < 0.2 else 0.0,
        chroma=int(rng.integers(2, 5)) if some[6] < 0.2 else 1,
        resolution=int(rng.choice([64, 96, 128, 160])) if frequency == "resolution" else 0,
        seed=int(rng.integers(2**31)),
    )


def apply_mismatch(
    picture: Picture, mismatch: Mismatch, face_width: float, middle: float | None = None
) -> Picture:
    """The whole picture, changed; `face_width` in pixels gives the generator's resolution its meaning.

    `middle` is the level about which contrast changes, by default the picture's mean.
    """
    m = mismatch
    changed = picture
    if m.hue or m.saturation != 1.0:
        hsv = cv2.cvtColor(changed, cv2.COLOR_RGB2HSV)
        hues = (np.arange(256) + m.hue) % 180
        levels = np.clip(np.arange(256) * m.saturation, 0, 255)
        table = np.stack([hues, levels, np.arange(256)], axis=1).astype(np.uint8)
        changed = np.asarray(cv2.cvtColor(cv2.LUT(hsv, table[None]), cv2.COLOR_HSV2RGB), dtype=np.uint8)
    if m.gamma != 1.0 or m.contrast != 1.0 or any(m.rgb_shift):
        middle = float(changed.mean()) if middle is None else middle
        levels = 255 * (np.arange(256) / 255) ** m.gamma
        levels = (levels - middle) * m.contrast + middle
        table = np.clip(levels[:, None] + np.array(m.rgb_shift), 0, 255).astype(np.uint8)
        changed = np.asarray(cv2.LUT(changed, table[None]), dtype=np.uint8)
    if m.reduction > 1.0:
        how = cv2.INTER_NEAREST if m.hard_reduction else cv2.INTER_AREA
        changed = _there_and_back(changed, 1 / m.reduction, how)
    if 0 < m.resolution < face_width:
        changed = _there_and_back(changed, m.resolution / face_width, cv2.INTER_AREA)
    if m.sharpen:
        changed = sharpened(changed, m.sharpen)
    if m.chroma > 1:
        ycc = cv2.cvtColor(changed, cv2.COLOR_RGB2YCrCb)
        ycc[..., 1:] = _there_and_back(np.ascontiguousarray(ycc[..., 1:]), 1 / m.chroma, cv2.INTER_AREA)
        changed = np.asarray(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)
    if m.noise:
        changed = add_noise(changed, m.noise, m.seed)
    return np.asarray(changed, dtype=np.uint8)


def add_noise(picture: Picture, deviation: float, seed: int) -> Picture:
    """Grey normal noise, the same in all channels."""
    noise = np.random.default_rng(seed).standard_normal(picture.shape[:2], dtype=np.float32) * deviation
    return np.asarray(np.clip(picture + noise[..., None], 0, 255), dtype=np.uint8)


def sharpened(picture: Picture, strength: float) -> Picture:
    """An unsharp mask."""
    blurred = cv2.GaussianBlur(picture, (0, 0), 1.5)
    return np.asarray(cv2.addWeighted(picture, 1 + strength, blurred, -strength, 0), dtype=np.uint8)


def _there_and_back(picture: Picture, factor: float, how: int) -> Picture:
    height, width = picture.shape[:2]
    small = (max(8, round(width * factor)), max(8, round(height * factor)))
    reduced = cv2.resize(picture, small, interpolation=how)
    return np.asarray(cv2.resize(reduced, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
