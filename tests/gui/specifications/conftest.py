"""Scenes for the tests of the Specifications tab, and a model of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from scenes import Scene

from gui.specifications.checking import Checking


@pytest.fixture
def make_checking(scene: Scene) -> Iterator[Callable[..., Checking]]:
    """Makes models of the scene's session, or of another scene's; they are closed after the test."""
    made: list[Checking] = []

    def make(other: Scene = scene) -> Checking:
        made.append(Checking(other.session, other.session))
        return made[-1]

    yield make
    for checking in made:
        checking.close()


@pytest.fixture
def checking(make_checking: Callable[..., Checking], qtbot: QtBot) -> Checking:
    """With the shelf listed and nothing chosen."""
    made = make_checking()
    made.list_entries()
    qtbot.waitUntil(lambda: bool(made.entries))
    return made


@pytest.fixture
def choose(checking: Checking, qtbot: QtBot) -> Callable[[str], None]:
    """Choose a specification and wait until it is read."""

    def do(entry_id: str) -> None:
        checking.choose(entry_id)
        qtbot.waitUntil(lambda: checking.parsed is not None)

    return do


@pytest.fixture
def write(checking: Checking, qtbot: QtBot) -> Callable[[str], Any]:
    """Write a specification of one's own and wait until it is read; what it turned out to be."""

    def do(text: str) -> Any:
        if checking.chosen != "own/":
            checking.start_new()
        checking.set_text(text)
        qtbot.waitUntil(lambda: checking.parsed is not None and checking.parsed.text == text)
        return checking.parsed

    return do
