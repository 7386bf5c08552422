"""A clip of a still, rough picture with a face's landmarks: what moves in its forgery was moved by an operator."""

from dataclasses import replace

import cv2
import numpy as np

from engine.training.faces.shape68 import MEAN_SHAPE
from engine.training.pseudo_fakes.clips import ClipForgery, Parameters
from engine.training.pseudo_fakes.masks import MaskLaw
from engine.training.pseudo_fakes.mismatch import Mismatch

SIZE, FPS = 256, 25.0
POINTS = ((MEAN_SHAPE - 0.5) * 150 + 128).astype(np.float32)
WIDTH = float(np.ptp(POINTS[:17, 0]))
NOTHING = Mismatch((0.0, 0.0, 0.0), 0.0, 1.0, 1.0, 1.0, 1.0, False, 0.0, 0.0, 1, 0, 0)
HULL = MaskLaw("no-forehead", 0.0, 0.01, 0.5, 0.006, 0)


def rough_picture(seed: int = 0) -> np.ndarray:
    """Structure at all scales, (256, 256, 3) uint8."""
    rng = np.random.default_rng(seed)
    total = np.zeros((SIZE, SIZE, 3))
    for knots in (8, 16, 32, 64):
        total += cv2.resize(rng.normal(size=(knots, knots, 3)), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) * 18
    return np.clip(total + 128, 0, 255).astype(np.uint8)


def still_clip(length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The same picture again and again, with the same landmarks."""
    return np.repeat(rough_picture(seed)[None], length, 0), np.repeat(POINTS[None], length, 0)


def forgery(*operators: Parameters, **parts: object) -> ClipForgery:
    """One without mismatch: nothing but its operators, and what `parts` say."""
    plain = ClipForgery(HULL, NOTHING, 1.0, (0.0, 0.0), 0.0, 1.0, tuple(operators), None)
    return replace(plain, **parts)  # type: ignore[arg-type]


def deep(masks: np.ndarray) -> np.ndarray:
    """(H, W) pixels that are wholly replaced in all of the masks."""
    return np.asarray(masks.min(axis=0) > 0.999)
