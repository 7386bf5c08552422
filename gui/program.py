"""The program as Qt and the terminal see it, whichever of its windows is open. GUI thread only."""

import signal
import sys

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from gui import theme

INTERRUPT_POLL_MS = 250
SWITCH_SECONDS = 0.001
"""How long a thread may keep the interpreter while another one waits: the window's must never wait for long."""


def application() -> QApplication:
    """The one QApplication, with its name and its look, and threads that give way to it."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    if not isinstance(app, QApplication):
        raise TypeError("a QApplication is needed, not only a QCoreApplication")
    app.setApplicationName("Tellframe")
    app.setDesktopFileName("tellframe")
    theme.apply(app)
    sys.setswitchinterval(SWITCH_SECONDS)
    return app


def quit_on_interrupt(app: QApplication) -> QTimer:
    """Let Ctrl+C in the terminal close the window properly: Python acts on it only when its code runs."""
    signal.signal(signal.SIGINT, lambda *_: app.quit())
    timer = QTimer(app, interval=INTERRUPT_POLL_MS)
    timer.timeout.connect(lambda: None)
    timer.start()
    return timer
