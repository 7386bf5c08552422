"""When Tellframe itself fails: the fault goes to a log, the user is told, and the next start tells again."""

import faulthandler
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

from engine import paths

log = logging.getLogger(__name__)

OLD_SECONDS = 30 * 24 * 3600


def folder() -> Path:
    """Where crash logs lie."""
    made = paths.data_dir() / "crashes"
    made.mkdir(exist_ok=True)
    return made


class CrashGuard:
    """Catches what nobody caught, on every thread, and what kills the process from below.

    Args:
        tell: called with one line for the user, on the thread that failed; must not raise.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._file = folder() / f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.log"
        self._stream: TextIO | None = None
        self._hooks = (sys.excepthook, threading.excepthook)

    def install(self) -> None:
        """From now on faults are logged; also those that leave Python no time to act (a native crash)."""
        self._stream = self._file.open("w", encoding="utf-8")
        faulthandler.enable(self._stream)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    def remove(self) -> None:
        """The program has ended well: a log without a fault is not kept."""
        sys.excepthook, threading.excepthook = self._hooks
        if self._stream is not None:
            faulthandler.enable()
            self._stream.close()
            self._stream = None
            if self._file.stat().st_size == 0:
                self._file.unlink()

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._hooks[0](kind, error, trace)
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        log.critical("unexpected fault\n%s", text)
        if self._stream is not None:
            self._stream.write(f"{datetime.now(UTC).isoformat()}\n{text}\n")
            self._stream.flush()
        self._tell(f"Tellframe itself has failed ({kind.__name__}: {error}). The log is {self._file}.")

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        self._on_exception(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)


def left_behind() -> tuple[Path, ...]:
    """Logs of earlier runs that ended badly and have not been told of; telling of them is the caller's."""
    found = []
    for file in sorted(folder().glob("crash-*.log")):
        if file.stat().st_size == 0:  # of a run that goes on beside us, or was killed without a fault of ours
            if time.time() - file.stat().st_mtime > OLD_SECONDS:
                file.unlink()
        else:
            found.append(file.rename(file.with_name(file.name.replace("crash-", "told-", 1))))
    return tuple(found)
