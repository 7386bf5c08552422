"""Small pictures have the shape that the player shows."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QSize

from gui.pictures import scaled


@pytest.mark.parametrize(
    ("width", "height", "aspect", "shape"),
    [
        (720, 576, 64 / 45, (64, 36)),  # an anamorphic 16:9 tape
        (640, 360, 1.0, (64, 36)),
        (360, 640, 1.0, (20, 36)),
        (100, 100, 0.5, (18, 36)),
        (4000, 1, 1.0, (144, 1)),
    ],
)
def test_pixels_that_are_not_square_are_stretched(
    width: int, height: int, aspect: float, shape: tuple[int, int]
) -> None:
    image = scaled(np.zeros((height, width, 3), np.uint8), QSize(144, 36), aspect)
    assert (image.width(), image.height()) == pytest.approx(shape, abs=1)
