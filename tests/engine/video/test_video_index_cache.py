"""A kept index is used for the file it was made from, and for no other."""

from pathlib import Path

import numpy as np
import pytest
from video_clips import Clip, make_clip

from engine import paths
from engine.video import index_cache
from engine.video.index import FrameIndex
from engine.video.media import open_media


def same(a: FrameIndex, b: FrameIndex) -> bool:
    arrays = ("pts", "key", "rank", "place", "suspect", "stamp")
    return (a.time_base, a.end_pts) == (b.time_base, b.end_pts) and all(
        np.array_equal(getattr(a, n), getattr(b, n)) for n in arrays
    )


@pytest.fixture
def keeping(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(index_cache, "_WORTH_KEEPING", -1.0)
    return paths.cache_dir() / "indexes"


def test_it_comes_back_as_it_was(tmp_path: Path, keeping: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "clip.mkv", Clip(suffix=".mkv", frames=60))
    first = open_media(path).index
    assert len(list(keeping.iterdir())) == 1
    monkeypatch.setattr(index_cache, "build_index", pytest.fail)
    assert same(open_media(path).index, first)


def test_another_file_under_the_same_name_is_read_anew(tmp_path: Path, keeping: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", Clip(suffix=".mkv", frames=60))
    open_media(path)
    make_clip(path, Clip(suffix=".mkv", frames=45))
    assert len(open_media(path).index) == 45


def test_a_broken_one_is_made_again(tmp_path: Path, keeping: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", Clip(suffix=".mkv", frames=60))
    first = open_media(path).index
    (stored,) = keeping.iterdir()
    for rubbish in (b"", b"rubbish", stored.read_bytes()[:300]):
        stored.write_bytes(rubbish)
        assert same(open_media(path).index, first)


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path: Path, keeping: Path) -> None:
    keeping.parent.mkdir(parents=True, exist_ok=True)
    keeping.write_text("a file where the folder should be")
    assert len(open_media(make_clip(tmp_path / "clip.mkv", Clip(suffix=".mkv", frames=20))).index) == 20
