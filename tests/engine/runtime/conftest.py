"""An engine on the toy clip, whose every answer is known."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import toy
from inbox import Inbox

from engine.runtime.engine import Engine


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write_clip(tmp_path_factory.mktemp("toy") / "toy.mkv")


@pytest.fixture
def settings() -> Iterator[toy.Settings]:
    yield toy.reset()
    toy.reset()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def engine(inbox: Inbox, settings: toy.Settings) -> Iterator[Engine]:
    engine = Engine(inbox, "cpu", worker="toy")
    yield engine
    assert engine.stop(10)
