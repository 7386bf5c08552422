"""Starts the window: `run(paths)`. The engine loads torch on its own thread, while the window is made."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"  # whatever else is installed; before pyqtgraph is imported

from PySide6.QtCore import QTimer

from engine.progress import CancelToken, ProgressCallback
from engine.runtime.engine import Engine
from engine.video.pyav import import_pyav
from gui import crash
from gui.bridge import HandOver
from gui.main_window import MainWindow
from gui.program import application, quit_on_interrupt
from gui.session import Session
from gui.settings import Settings

if TYPE_CHECKING:
    from engine.runtime.protocol import Event
    from engine.video.media import FirstLook, Media
    from engine.video.server import Delivery, FrameServer


def open_media(path: Path, cancel: CancelToken, progress: ProgressCallback) -> Media:
    """engine.video's opener, imported on the worker thread so that the window appears without PyAV."""
    import_pyav()
    from engine.video import media

    return media.open_media(path, cancel=cancel, progress=progress)


def import_video(_cancel: CancelToken, _progress: ProgressCallback) -> None:
    """Bring PyAV and all that is needed to open a video; on a worker thread."""
    import_pyav()
    importlib.import_module("engine.video.media")
    importlib.import_module("engine.video.server")


def first_look(path: Path) -> FirstLook:
    """engine.video's first look, on a worker thread."""
    import_pyav()
    from engine.video import media

    return media.first_look(path)


def make_server(media: Media, deliver: Callable[[Delivery], None], cache_bytes: int) -> FrameServer:
    """The player's reader thread; by now its module has been imported."""
    from engine.video.server import FrameServer

    return FrameServer(media, deliver, cache_bytes=cache_bytes)


def make_engine(deliver: Callable[[Event], None], device: str) -> Engine:
    """The engine thread."""
    return Engine(deliver, device, stands_back=True)


def make_session(settings: Settings) -> Session:
    """A session over the real engine and real files."""
    return Session(
        settings, make_engine=make_engine, open_media=open_media, make_server=make_server, look_first=first_look
    )


def run(paths: Sequence[Path]) -> int:
    """Open the window on some videos and stay until it is closed; the exit status of the program."""
    app = application()
    session = make_session(Settings())
    session.start()  # while the window is made: the first video need not wait for torch and PyAV
    session.background.start(import_video)
    announcer = HandOver(session)
    announcer.arrived.connect(lambda text: session.notify("error", text))
    guard = crash.CrashGuard(announcer.deliver)
    told = crash.left_behind()
    guard.install()
    window = MainWindow(session)
    window.show()
    app.aboutToQuit.connect(session.close)
    if paths:
        QTimer.singleShot(0, lambda: window.open(paths))
    for log in told:
        session.notify("warning", f"Tellframe ended badly the last time. What happened is in {log}.")
    interrupts = quit_on_interrupt(app)
    status = app.exec()
    interrupts.stop()
    session.close()
    guard.remove()
    return status
