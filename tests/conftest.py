"""Fixtures for all tests: a headless Qt, the clips, and hunters of what a test leaves behind."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

import pytest

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real and forged clips, which is not part of the project."""
    if not (DATA / "catalogue.jsonl").is_file():
        pytest.skip("the clips of ../shared/data are not on this machine")
    return DATA


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the settings, cases or caches of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(home / variable))


@pytest.fixture(autouse=True)
def _no_dangling_threads() -> Iterator[None]:
    """Fail a test that leaves a Python thread running, and name the thread."""
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and t.is_alive() and not _is_of_a_library(t)]
    for thread in left:
        thread.join(1.0)
    still = [t.name for t in left if t.is_alive()]
    assert not still, f"the test left threads running: {', '.join(still)}"


@pytest.fixture(autouse=True)
def _no_dangling_qt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a QThread or a QTimer running, and name the line that started it."""
    if "PySide6.QtCore" not in sys.modules:
        yield
        return
    from PySide6.QtCore import QCoreApplication, QEvent, QThread, QTimer
    from shiboken6 import isValid

    started: list[tuple[QThread | QTimer, str]] = []

    def recording(start: Callable[..., None]) -> Callable[..., None]:
        def start_and_note(item: QThread | QTimer, *args: object) -> None:
            caller = sys._getframe(1)  # inspect.stack takes 10 ms, and the window starts timers all the time
            where = f"{Path(caller.f_code.co_filename).name}:{caller.f_lineno}"
            started.append((item, f"{type(item).__name__} of {where}"))
            start(item, *args)

        return start_and_note

    for kind in (QThread, QTimer):
        monkeypatch.setattr(kind, "start", recording(kind.start))
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left = {
        where
        for item, where in started
        if isValid(item) and (item.isRunning() if isinstance(item, QThread) else item.isActive())
    }
    assert not left, f"the test left running: {', '.join(sorted(left))}"


def _is_of_a_library(thread: threading.Thread) -> bool:
    return thread.name.startswith(("tqdm", "pydevd", "Dummy-"))
