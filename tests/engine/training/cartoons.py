"""Cartoon faces whose landmarks are known."""

import cv2
import numpy as np

from engine.training.shape68 import MEAN_SHAPE

SIDE = 160
POINTS = (MEAN_SHAPE * 0.7 + 0.15).astype(np.float32) * SIDE


def draw_face(rng: np.random.Generator) -> np.ndarray:
    """A cartoon on a rough ground."""
    ground = cv2.resize(rng.normal(size=(20, 20, 3)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) * 20
    picture = np.clip(ground + rng.uniform(80, 180, 3), 0, 255).astype(np.uint8)
    skin = rng.uniform(110, 230, 3).tolist()
    cv2.fillConvexPoly(picture, cv2.convexHull(np.round(POINTS).astype(np.int32)), skin)
    for part in (slice(36, 42), slice(42, 48), slice(48, 60)):
        cv2.fillPoly(picture, [np.round(POINTS[part]).astype(np.int32)], rng.uniform(0, 90, 3).tolist())
    noise = rng.normal(scale=6, size=picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)
