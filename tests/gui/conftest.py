"""Fixtures of the window's tests: a session on stand-ins, and a wait for its threads."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fakes
import pytest
from pytestqt.qtbot import QtBot
from scenes import Scene, make_scenes

from engine.runtime.engine import Engine
from gui.session import Session
from gui.settings import Settings

Opened = Callable[..., Session]


@pytest.fixture
def switches() -> Iterator[fakes.Switches]:
    """How the fake worker behaves."""
    fakes.SWITCHES.reset()
    yield fakes.SWITCHES
    fakes.SWITCHES.reset()


@pytest.fixture
def servers() -> list[fakes.FakeServer]:
    """The frame servers that the session made, oldest first."""
    return []


@pytest.fixture
def settings(qapp: Any, tmp_path: Path) -> Settings:
    """Nothing happens by itself: no playing, no analysis."""
    made = Settings(tmp_path / "tellframe.ini")
    made.change(play_on_open=False, analyse_on_open=False)
    return made


@pytest.fixture
def session(settings: Settings, switches: fakes.Switches, servers: list[fakes.FakeServer]) -> Iterator[Session]:
    """A session over the real engine thread with a fake worker, fake media and fake frame servers."""

    def make_server(media: Any, deliver: Any, cache_bytes: int) -> Any:
        servers.append(fakes.FakeServer(media, deliver, cache_bytes))
        return servers[-1]

    made = Session(
        settings,
        make_engine=lambda deliver, device: Engine(deliver, device, worker="fakes"),
        open_media=fakes.open_fake,  # type: ignore[arg-type]
        make_server=make_server,
    )
    yield made
    made.close()
    made.deleteLater()


@pytest.fixture
def make_scene(tmp_path: Path, qtbot: object) -> Iterator[Callable[..., Scene]]:
    """Makes sessions without an engine; they are closed after the test."""
    yield from make_scenes(tmp_path)


@pytest.fixture
def scene(request: pytest.FixtureRequest, make_scene: Callable[..., Scene], qtbot: QtBot) -> Scene:
    """With detectors listed and one video open, of as many frames as the module's FRAMES says, else 200."""
    made = make_scene(getattr(request.module, "FRAMES", 200))
    made.list_detectors()
    made.open(qtbot)
    return made


@pytest.fixture
def opened(session: Session, qtbot: QtBot) -> Session:
    """The session with its detectors listed, one video open, and its first frame on the screen."""
    session.start()
    qtbot.waitUntil(lambda: bool(session.detectors))
    session.open([Path("/evidence/clip.mp4")])
    qtbot.waitUntil(lambda: session.shown is not None and session.identity is not None)
    return session
