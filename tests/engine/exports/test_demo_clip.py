"""The demonstration clip: what its truth says is what the pixels show."""

import hashlib
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from engine.errors import CancelledError
from engine.exports import demo_clip
from engine.exports.demo_clip import DemoClip, make_demo_clip
from engine.progress import CancelToken
from engine.video.media import open_media


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoClip]:
    """A shorter one of the same kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_clip, "FRAMES", 30)
        patch.setattr(demo_clip, "FORGED", (12, 20))
        yield make_demo_clip(tmp_path_factory.mktemp("demo"))


def pictures(path: Path) -> list[np.ndarray]:
    media = open_media(path)
    reader = media.reader()
    found = [frame.pixels.astype(int) for frame in reader.frames(0, len(media.index) - 1)]
    reader.close()
    media.close()
    return found


def test_the_truth_fits_the_files(made: DemoClip) -> None:
    truth = json.loads(made.truth.read_text())
    assert truth["sha256"] == hashlib.sha256(made.clip.read_bytes()).hexdigest()
    assert truth["forged"] == [[12, 20]]
    assert [i for i, label in enumerate(truth["labels"]) if label] == list(range(12, 21))
    with np.load(made.mask, allow_pickle=False) as bundle:
        assert bundle["frames"].tolist() == list(range(12, 21))
        assert bundle["masks"].shape == (9, 480, 640)
        assert bundle["masks"].dtype == bool
        assert 0.02 < bundle["masks"].mean() < 0.1


def test_only_the_masked_pixels_are_forged(
    made: DemoClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the same clip without a forgery."""
    monkeypatch.setattr(demo_clip, "FRAMES", 30)
    monkeypatch.setattr(demo_clip, "FORGED", (12, 20))
    monkeypatch.setattr(
        demo_clip, "_forge", lambda pixels, number, rng: (pixels, np.zeros(pixels.shape[:2], bool))
    )
    genuine = pictures(make_demo_clip(tmp_path).clip)
    forged = pictures(made.clip)
    with np.load(made.mask, allow_pickle=False) as bundle:
        masks = dict(zip(bundle["frames"].tolist(), bundle["masks"], strict=True))
    for number, (one, other) in enumerate(zip(genuine, forged, strict=True)):
        difference = np.abs(one - other).mean(axis=2)
        if number in masks:
            assert difference[masks[number]].mean() > 3 * difference[~masks[number]].mean() > 0
        elif number < 12:
            assert difference.mean() < 2, "the encoder looks ahead"


def test_the_face_moves_between_frames(made: DemoClip) -> None:
    frames = pictures(made.clip)
    assert len(frames) == 30
    assert all(np.abs(a - b).mean() > 0.5 for a, b in pairwise(frames))


def test_a_cancel_leaves_nothing(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        make_demo_clip(tmp_path / "demo", cancel=token)
    assert list(tmp_path.iterdir()) == []
