"""A face for the tests that run the real engine."""

from fractions import Fraction
from pathlib import Path

import pytest

from engine.exports import demo_clip
from engine.video.writer import ClipWriter


@pytest.fixture(scope="session")
def face(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of a face at 320x240."""
    path = tmp_path_factory.mktemp("face") / "face.mp4"
    picture = demo_clip._picture()
    views = [demo_clip._view(picture, 8 * n)[::2, ::2] for n in range(10)]
    with ClipWriter(path, 320, 240, Fraction(1, 25)) as writer:
        for number in range(125):
            writer.write(views[abs(number % 18 - 9)], number, 1)
    return path
