"""A tiny data set of drawn faces, so that training can be tested without persons and without a face detector."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from cartoons import POINTS, draw_face

from engine.training.datasets.base import Dataset, Item
from engine.training.faces import FaceStore, gather_faces


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """See draw_dataset."""
    return draw_dataset(tmp_path_factory.mktemp("drawn"))


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


@pytest.fixture(scope="session")
def stores(drawn: Dataset) -> tuple[FaceStore, FaceStore]:
    """Faces to train on and to validate with."""
    return gather_faces(drawn, drawn.part("train"), 4), gather_faces(drawn, drawn.part("validation"), 4)
