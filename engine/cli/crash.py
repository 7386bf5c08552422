"""Where the details of an unforeseen failure go."""

import platform
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from engine import __version__, paths
from engine.errors import TellframeError


class EngineCrash(Exception):  # noqa: N818 - it is none of the user's errors
    """The engine thread failed in a way nobody foresaw; carries its traceback as text."""

    def __init__(self, error: TellframeError, details: str) -> None:
        super().__init__(error.message)
        self.details = details


def described(error: BaseException) -> str:
    """What failed, on one line without a full stop."""
    if isinstance(error, EngineCrash):
        return str(error).rstrip(".")
    reason = str(error).strip().splitlines()
    return f"Tellframe failed with {type(error).__name__}{': ' + reason[0].rstrip('.') if reason else ''}"


def record_crash(argv: Sequence[str], error: BaseException) -> Path:
    """Append time, versions, words and traceback to the crash log; returns its place."""
    place = paths.data_dir() / "crash.log"
    details = error.details if isinstance(error, EngineCrash) else "".join(traceback.format_exception(error))
    with place.open("a", encoding="utf-8") as log:
        log.write(
            f"{datetime.now(UTC).isoformat(timespec='seconds')} Tellframe {__version__}, "
            f"Python {platform.python_version()}, {platform.platform()}\n{' '.join(argv)}\n{details}\n"
        )
    return place
