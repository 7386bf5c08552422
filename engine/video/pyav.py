"""PyAV imported by one thread at a time.

Its modules import each other in circles. Two threads that begin with them at once, as the window's and the
engine's do at the start, can hold what the other one waits for, and Python then fails one of the imports.
"""

import importlib
import threading

_LOCK = threading.Lock()


def import_pyav() -> None:
    """Import PyAV, or wait for the thread that does; before anything of this package that needs it. Any thread."""
    with _LOCK:
        importlib.import_module("av")
