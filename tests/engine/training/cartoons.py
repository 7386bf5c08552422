"""Cartoon faces whose landmarks are known, and a data set of them."""

from pathlib import Path

import cv2
import numpy as np

from engine.training.datasets.base import Dataset, Item
from engine.training.faces.shape68 import MEAN_SHAPE

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


def draw_dataset(root: Path) -> Dataset:
    """Stills of 12 cartoon persons, each with a forgery (a smoothed face); one forgery has no original."""
    root.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    items = []
    for k in range(12):
        real = draw_face(rng)
        forged = real.copy()
        forged[40:130, 40:120] = cv2.GaussianBlur(real, (0, 0), 3)[40:130, 40:120]
        split = "validation" if k >= 9 else "train"
        for label, picture in enumerate((real, forged)):
            path = root / f"{k}_{label}.png"
            cv2.imwrite(str(path), picture[..., ::-1])
            original = f"{k}_0" if label and k != 0 else ""
            points = None if original else POINTS[None]
            source = "alone" if label and k == 0 else "drawn"
            items.append(
                Item(
                    f"{k}_{label}",
                    path,
                    "still",
                    label,
                    (f"p{k}",),
                    split,
                    source,
                    original=original,
                    points=points,
                )
            )
        if k == 0:
            items.append(
                Item("0_alone", root / "0_0.png", "still", 0, ("p0",), "train", "alone", points=POINTS[None])
            )
    return Dataset("drawn", root, tuple(items))
