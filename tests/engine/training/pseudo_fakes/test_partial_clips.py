"""Copies with a forged run: the frames that are told to be forged are, and no others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_operator_clips import frames_of, write

from engine.errors import CancelledError
from engine.progress import CancelToken
from engine.training.datasets.base import Item
from engine.training.pseudo_fakes import partial_clips
from engine.training.pseudo_fakes.clips import SWAP
from engine.training.pseudo_fakes.partial_clips import OPERATORS, PARTIAL, SHORTEST, partial_copies

FRAMES = 50


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Item:
    path = tmp_path_factory.mktemp("clips") / "a.mkv"
    points = write(path, 4, FRAMES)
    return Item("a", path, "clip", 0, ("p0",), "validation", "drawn", points=points)


def test_the_run_is_forged_and_the_rest_is_not(clip: Item, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial_clips, "RATE_FACTOR", 1)  # so that coding hardly adds to it
    monkeypatch.setattr(partial_clips, "OPERATORS", ("jitter", "flicker", SWAP))
    copies = partial_copies([clip], seed=1)
    assert [copy.sample.method for copy in copies] == ["jitter", "flicker"], "nobody else is there to give a face"
    real = frames_of(clip.path)
    for copy in copies:
        assert copy.sample.label == 1
        assert copy.length == FRAMES
        assert 0.1 * FRAMES - 1 <= copy.last - copy.first + 1 <= 0.6 * FRAMES + 1
        apart = np.abs(frames_of(copy.sample.path).astype(float) - real)[:, 40:130, 40:120].mean((1, 2, 3))
        inside = np.zeros(FRAMES, bool)
        inside[copy.first : copy.last + 1] = True
        assert apart[inside].min() > apart[~inside].max() + 0.2, copy.sample.method
    stamps = [copy.sample.path.stat().st_mtime_ns for copy in copies]
    assert partial_copies([clip], seed=1) == copies
    assert [copy.sample.path.stat().st_mtime_ns for copy in copies] == stamps, "they are kept"


def test_what_has_too_few_frames_is_left_out_and_it_can_be_cancelled(clip: Item) -> None:
    assert clip.points is not None
    assert partial_copies([replace(clip, points=clip.points[: SHORTEST - 1])], seed=0) == []
    assert PARTIAL not in OPERATORS
    assert {"jitter", SWAP} < set(OPERATORS)
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        partial_copies([clip], seed=0, cancel=token)
    assert not list(Path(clip.path).parent.glob("*.part*"))
