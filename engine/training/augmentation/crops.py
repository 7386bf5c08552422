"""What happens alike to real and forged crops after forging (SPEC section 6, step 4, for single frames).

A real crop and its forgery go through the very same draw, coding included, so that neither geometry, colour nor
compression tells the classes apart.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from engine.results import FloatArray, Picture
from engine.training.augmentation import codecs
from engine.training.pseudo_fakes.mismatch import add_noise, sharpened

Coding = Literal["none", "jpeg", "h264"]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """One draw.

    Attributes:
        flip: left and right exchanged.
        degrees, scale, shift: of the square that is cut; shift in sides of the square.
        brightness, contrast, hue, saturation, gamma: of the picture, 0 or 1 for none.
        blur: deviation, pixels of the native crop.
        sharpen: strength of an unsharp mask on the native crop.
        noise: deviation, levels.
        native: side of the crop before it is brought to the network's size, pixels.
        coding, quality: and its JPEG quality or H.264 crf.
        upscale: OpenCV's interpolation back to the network's size.
        seed: of the noise.
    """

    flip: bool = False
    degrees: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    brightness: float = 0.0
    contrast: float = 1.0
    hue: float = 0.0
    saturation: float = 1.0
    gamma: float = 1.0
    blur: float = 0.0
    sharpen: float = 0.0
    noise: float = 0.0
    native: int = 0
    coding: Coding = "none"
    quality: int = 0
    upscale: int = cv2.INTER_LINEAR
    seed: int = 0


PLAIN = Augmentation()


def draw_augmentation(rng: np.random.Generator, size: int, scales: tuple[float, float]) -> Augmentation:
    """A random draw for crops of `size`; `scales` bounds the side of the square in sides of the face's box."""
    some = rng.random(6)
    coding: Coding = rng.choice(["none", "jpeg", "h264"], p=[0.2, 0.35, 0.45])
    quality = int(rng.integers(40, 101)) if coding == "jpeg" else int(rng.integers(18, 37))
    native = size if some[0] < 0.5 else int(np.exp(rng.uniform(np.log(0.35 * size), np.log(size))))
    x, y = rng.uniform(-0.05, 0.05, 2)
    colour = some[1] < 0.6
    return Augmentation(
        flip=bool(rng.random() < 0.5),
        degrees=float(rng.normal(scale=4.0)),
        scale=float(rng.uniform(*scales)),
        shift=(float(x), float(y)),
        brightness=float(rng.uniform(-25, 25)) if colour else 0.0,
        contrast=float(rng.uniform(0.8, 1.2)) if colour else 1.0,
        hue=float(rng.uniform(-6, 6)) if some[2] < 0.4 else 0.0,
        saturation=float(rng.uniform(0.7, 1.3)) if some[2] < 0.4 else 1.0,
        gamma=float(np.exp(rng.uniform(-0.25, 0.25))) if some[3] < 0.3 else 1.0,
        blur=float(rng.uniform(0.4, 1.5)) if some[4] < 0.2 else 0.0,
        sharpen=float(rng.uniform(0.3, 1.0)) if some[4] > 0.88 else 0.0,
        noise=float(rng.uniform(1.0, 6.0)) if some[5] < 0.15 else 0.0,
        native=native,
        coding=coding,
        quality=quality,
        upscale=int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA])),
        seed=int(rng.integers(2**31)),
    )


def apply_augmentation(
    pictures: list[Picture], mask: FloatArray | None, square: FloatArray, draw: Augmentation, size: int
) -> tuple[list[Picture], FloatArray]:
    """Cut the face out of aligned pictures and treat them alike.

    Args:
        pictures: (H, W, 3) each, of one size.
        mask: (H, W) of what is forged, None for nothing.
        square: x0, y0, x1, y1 of the face's box in the pictures.
        draw: what to do.
        size: side of the crops.

    Returns:
        Crops (size, size, 3) and the mask (size, size).
    """
    affine = _crop_affine(square, draw, size)
    crops = [treated(_cut(picture, affine, size), draw, size) for picture in pictures]
    if mask is None:
        return crops, np.zeros((size, size), dtype=np.float32)
    return crops, np.asarray(_cut(mask, affine, size), dtype=np.float32)


def treated(crop: Picture, draw: Augmentation, size: int) -> Picture:
    """One crop by itself: coded side by side, the second of two would lie on another grid of blocks."""
    made = _photometric(crop, draw)
    native = draw.native or size
    if native != size:
        made = _resize(made, native, cv2.INTER_AREA)
    if draw.blur:
        made = np.asarray(cv2.GaussianBlur(made, (0, 0), draw.blur), dtype=np.uint8)
    if draw.sharpen:
        made = sharpened(made, draw.sharpen)
    if draw.noise:
        made = add_noise(made, draw.noise, draw.seed)
    if draw.coding == "jpeg":
        made = codecs.jpeg(made, draw.quality)
    elif draw.coding == "h264":
        made = codecs.h264(made, draw.quality)
    return made if native == size else _resize(made, size, draw.upscale)


def crop_map(face: FloatArray, draw: Augmentation, size: int) -> npt.NDArray[np.float64]:
    """The map from crop to picture of a face that `face` maps from the unit square: (2, 3) both, all continuous.

    The square is turned, scaled, moved and mirrored as drawn, around its middle.
    """
    turn = face[:, :2].astype(np.float64) @ _turn(draw) * (draw.scale / size)
    centre = face[:, :2] @ (np.array([0.5, 0.5]) + draw.shift) + face[:, 2]
    return np.column_stack([turn, centre - turn @ np.array([size / 2, size / 2])])


def _crop_affine(square: FloatArray, draw: Augmentation, size: int) -> FloatArray:
    """(2, 3) from crop to picture, in OpenCV's coordinates of pixel centres."""
    side = float(square[2] - square[0])
    centre = (square[:2] + square[2:]) / 2 + np.array(draw.shift) * side
    turn = side * draw.scale / size * _turn(draw)
    shift = centre - turn @ np.array([size / 2, size / 2])
    return np.column_stack([turn, shift + turn @ np.array([0.5, 0.5]) - 0.5]).astype(np.float32)


def _turn(draw: Augmentation) -> npt.NDArray[np.float64]:
    angle = np.deg2rad(draw.degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if draw.flip:
        turn[:, 0] *= -1
    return turn


def _cut(picture: Picture | FloatArray, affine: FloatArray, size: int) -> Picture:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(
        picture, affine.astype(np.float64), (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut)


def _resize(picture: Picture, side: int, how: int) -> Picture:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=how), dtype=np.uint8)


def _photometric(picture: Picture, draw: Augmentation) -> Picture:
    changed = picture
    if draw.hue or draw.saturation != 1.0:
        hsv = cv2.cvtColor(changed, cv2.COLOR_RGB2HSV)
        steps = np.arange(256)
        table = np.stack([(steps + draw.hue) % 180, np.clip(steps * draw.saturation, 0, 255), steps], axis=1)
        changed = np.asarray(
            cv2.cvtColor(cv2.LUT(hsv, table.astype(np.uint8)[None]), cv2.COLOR_HSV2RGB), dtype=np.uint8
        )
    if draw.brightness or draw.contrast != 1.0 or draw.gamma != 1.0:
        levels = 255 * (np.arange(256) / 255) ** draw.gamma
        levels = (levels - 127.5) * draw.contrast + 127.5 + draw.brightness
        changed = np.asarray(cv2.LUT(changed, np.clip(levels, 0, 255).astype(np.uint8)), dtype=np.uint8)
    return np.asarray(changed, dtype=np.uint8)
