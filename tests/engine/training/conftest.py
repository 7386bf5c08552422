"""A tiny data set of drawn faces, so that training can be tested without persons and without a face detector."""

from collections.abc import Iterator

import pytest
from cartoon_clips import draw_clips
from cartoons import draw_dataset

from engine.training.clips.gathering import gather_clips
from engine.training.datasets.base import Dataset
from engine.training.faces.store import FaceStore, gather_faces


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """See draw_dataset."""
    return draw_dataset(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="session")
def stores(drawn: Dataset) -> tuple[FaceStore, FaceStore]:
    """Faces to train on and to validate with."""
    return gather_faces(drawn, drawn.part("train"), 4), gather_faces(drawn, drawn.part("validation"), 4)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch on one thread: what it computes is the same bit for bit, and two tests share the cores."""
    import torch  # not for the tests that need none of it

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def drawn_clips(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """See draw_clips."""
    return draw_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def clip_stores(drawn_clips: Dataset) -> tuple[FaceStore, FaceStore]:
    """Runs to train on and to validate with."""
    return gather_clips(drawn_clips)
