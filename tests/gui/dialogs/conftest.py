"""Scenes for the tests of the dialogs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scenes import Scene, make_scenes


@pytest.fixture
def make_scene(tmp_path: Path, qtbot: object) -> Iterator[Callable[..., Scene]]:
    """Makes sessions without an engine; they are closed after the test."""
    yield from make_scenes(tmp_path)
