"""A face for the tests that run the real engine, and an engine that only pretends for the others."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import fake_worker
import pytest

from engine.exports import demo_clip
from engine.runtime import engine as runtime
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


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[fake_worker.Settings]:
    """The engine's worker is a fake one, with 30 frames in segments of 10."""
    monkeypatch.setattr(runtime, "WORKER", "fake_worker")
    settings = fake_worker.reset()
    settings.frames, settings.segment = 30, 10
    yield settings
    fake_worker.reset()
