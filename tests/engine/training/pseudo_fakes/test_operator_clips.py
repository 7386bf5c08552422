"""Forged copies for the protocol "operators": forged where the face is, and otherwise like the unforged copy."""

from pathlib import Path

import av
import numpy as np
import pytest
from cartoons import POINTS, SIDE, draw_face

from engine.errors import CancelledError
from engine.progress import CancelToken
from engine.training.datasets.base import Item
from engine.training.pseudo_fakes.clips import SWAP
from engine.training.pseudo_fakes.operator_clips import (
    LONGEST,
    OPERATORS,
    SHORTEST,
    SPATIAL,
    forged_copies,
    longest_run,
)
from engine.video.media import open_media

FRAMES = 30


def write(path: Path, seed: int, frames: int = FRAMES) -> np.ndarray:
    """A cartoon that sways by a pixel a frame, lossless; its landmarks (frames, 68, 2)."""
    picture = draw_face(np.random.default_rng(seed))
    shifts = [abs(k % 8 - 4) for k in range(frames)]
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "bgr0"
        for shift in shifts:
            frame = np.ascontiguousarray(np.roll(picture, shift, axis=1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return np.stack([POINTS + np.array([shift, 0], np.float32) for shift in shifts])


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    root = tmp_path_factory.mktemp("clips")
    items = []
    for k in range(2):
        points = write(root / f"{k}.mkv", k)
        items.append(
            Item(f"clip{k}", root / f"{k}.mkv", "clip", 0, (f"p{k}",), "validation", "drawn", points=points)
        )
    gaps = items[0].points.copy()  # type: ignore[union-attr]
    gaps[::5] = np.nan
    items.append(Item("gaps", items[0].path, "clip", 0, ("p9",), "validation", "drawn", points=gaps))
    return items


def frames_of(path: Path) -> np.ndarray:
    media = open_media(path)
    reader = media.reader()
    found = np.stack([frame.pixels for frame in reader.frames(0, len(media.index) - 1)])
    reader.close()
    media.close()
    return found


def test_every_operator_forges_the_face_and_nothing_else(
    clips: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "engine.training.pseudo_fakes.operator_clips.RATE_FACTOR", 1
    )  # so that coding hardly adds to it
    copies = forged_copies(clips, seed=0)
    assert tuple(copies) == OPERATORS
    assert {SPATIAL, SWAP, "jitter", "flicker", "partial"} <= set(OPERATORS)
    for operator, samples in copies.items():
        assert [s.label for s in samples] == [0, 1, 0, 1]
        assert [s.method for s in samples] == ["", operator, "", operator]
        assert {s.name.split(",")[0] for s in samples} == {"clip0", "clip1"}  # the one with gaps is left out
        real, fake = (frames_of(s.path) for s in samples[:2])
        assert real.shape == fake.shape == (FRAMES, SIDE, SIDE, 3)
        apart = np.abs(real.astype(float) - fake).mean(axis=(0, 3))
        assert apart[40:130, 40:120].mean() > 0.3, operator
        assert apart[:12].mean() < 0.3 * apart[40:130, 40:120].mean(), operator
    assert {s.path for s in copies["jitter"] if not s.label} == {s.path for s in copies["drift"] if not s.label}
    swapped = next(s for s in copies[SWAP] if s.label)
    assert swapped.persons == ("p0", "p1")


def test_copies_are_kept_and_hang_on_the_seed(clips: list[Item]) -> None:
    first = forged_copies(clips[:1], seed=1)
    assert SWAP in first
    assert first[SWAP] == []  # nobody else is there to give a face
    (fake,) = (s.path for s in first["jitter"] if s.label)
    stamp = fake.stat().st_mtime_ns
    content = fake.read_bytes()
    again = forged_copies(clips[:1], seed=1)
    assert again == first
    assert fake.stat().st_mtime_ns == stamp
    fake.unlink()
    forged_copies(clips[:1], seed=1)
    assert fake.read_bytes() == content
    (other,) = (s.path for s in forged_copies(clips[:1], seed=2)["jitter"] if s.label)
    assert other.read_bytes() != content


def test_the_longest_run_of_landmarks_is_taken() -> None:
    points = np.zeros((300, 68, 2), np.float32)
    points[50, 3] = np.nan
    points[290:] = np.nan
    assert longest_run(points).tolist() == list(range(51, 51 + LONGEST))
    assert longest_run(points[:60]).tolist() == list(range(50))
    assert len(longest_run(np.full((5, 68, 2), np.nan, np.float32))) == 0
    assert SHORTEST < FRAMES


def test_no_usable_clip_gives_nothing_and_it_can_be_cancelled(clips: list[Item]) -> None:
    assert forged_copies(clips[2:], seed=0) == {}
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        forged_copies(clips, seed=0, cancel=token)
    assert not list(clips[0].path.parent.glob("*.part*"))
