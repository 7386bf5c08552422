"""The perturbations of DeeperForensics-1.0 (Jiang et al. 2020, arXiv 2001.03024) on whole frames, before any face.

Kinds and levels are those that the authors publish beside their data (repository EndlessSora/DeeperForensics-1.0,
folder perturbation); the code is ours. What differs, since it must:
- "resize": what the authors name JPEG, which is a reduction by 2 to 6 and back;
- "blocks": they draw (min(height, width) // 256) x level squares, which is none in frames under 256 pixels; here
  the count is rounded to at least one;
- "compression": H.264 of the whole clip with x264 at the stated rate factor, preset medium, at 25 frames a second.
The others come before the picture is scored, without the second encoding that the authors' files went through.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from engine.errors import UsageError
from engine.results import FloatArray, Picture

LEVELS: dict[str, tuple[float, ...]] = {
    "saturation": (0.4, 0.3, 0.2, 0.1, 0.0),  # factor on the chroma
    "contrast": (0.85, 0.725, 0.6, 0.475, 0.35),  # factor on the values
    "blocks": (16, 32, 48, 64, 80),  # grey squares of 8 px per 256 px of the shorter side
    "noise": (0.001, 0.002, 0.005, 0.01, 0.05),  # variance in Y, Cb, Cr, for values in [0, 1]
    "blur": (7, 9, 13, 17, 21),  # side of the Gaussian kernel, six deviations
    "resize": (2, 3, 4, 5, 6),  # reduction
    "compression": (30, 32, 35, 38, 40),  # x264's constant rate factor
}
"""Kind -> its five levels, weakest first, as DeeperForensics-1.0 publishes them."""

_SQUARE = 8
_GREY = 128


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One kind at one level.

    Attributes:
        kind: of LEVELS.
        level: 1 to 5.
        seed: of noise and places; a frame gets the same whenever it is read.
    """

    kind: str
    level: int
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises UsageError for a kind or level that does not exist."""
        if self.kind not in LEVELS or not 1 <= self.level <= len(LEVELS[self.kind]):
            raise UsageError(
                f"There is no perturbation {self.kind} {self.level}",
                advice=f"Choose one of {', '.join(LEVELS)} at levels 1 to 5",
            )

    @property
    def strength(self) -> float:
        return LEVELS[self.kind][self.level - 1]


def perturbed(pixels: Picture, change: Perturbation, frame: int) -> Picture:
    """One frame (H, W, 3) RGB uint8, perturbed. Every kind but compression, which needs the whole clip."""
    return _CHANGES[change.kind](
        pixels, change.strength, np.random.default_rng([change.seed, change.level, frame])
    )


def _saturation(pixels: Picture, factor: float, _: np.random.Generator) -> Picture:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    return _levels(grey + np.float32(factor) * (pixels - grey))


def _contrast(pixels: Picture, factor: float, _: np.random.Generator) -> Picture:
    return _levels(pixels * np.float32(factor))


def _blocks(pixels: Picture, per_256: float, rng: np.random.Generator) -> Picture:
    height, width = pixels.shape[:2]
    changed = pixels.copy()
    count = max(1, round(min(height, width) / 256 * per_256))
    rows = rng.integers(0, max(1, height - _SQUARE + 1), count)
    columns = rng.integers(0, max(1, width - _SQUARE + 1), count)
    for row, column in zip(rows, columns, strict=True):
        changed[row : row + _SQUARE, column : column + _SQUARE] = _GREY
    return changed


def _noise(pixels: Picture, variance: float, rng: np.random.Generator) -> Picture:
    # In the coded ranges luma has 219 and chroma 224 of 255 levels: noise of one variance there is larger in RGB.
    luma, chroma = 255 / 219, 255 / 224
    y, b, r = np.float32(255 * np.sqrt(variance)) * rng.standard_normal((3, *pixels.shape[:2]), dtype=np.float32)
    y, b, r = y * luma, b * chroma, r * chroma
    added = np.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b], axis=-1)  # BT.601
    return _levels(pixels + added)


def _blur(pixels: Picture, side: float, _: np.random.Generator) -> Picture:
    return np.asarray(cv2.GaussianBlur(pixels, (round(side), round(side)), side / 6), dtype=np.uint8)


def _resize(pixels: Picture, reduction: float, _: np.random.Generator) -> Picture:
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (max(1, int(width // reduction)), max(1, int(height // reduction))))
    return np.asarray(cv2.resize(small, (width, height)), dtype=np.uint8)


_CHANGES: dict[str, Callable[[Picture, float, np.random.Generator], Picture]] = {
    "saturation": _saturation,
    "contrast": _contrast,
    "blocks": _blocks,
    "noise": _noise,
    "blur": _blur,
    "resize": _resize,
}


def _levels(values: FloatArray) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
