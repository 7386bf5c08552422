"""The specifications that can be chosen: Tellframe's and the user's own files. Worker threads only."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from engine import paths
from engine.errors import SpecificationError, TellframeError
from gui.specifications.answers import Entry

SUFFIX = ".tqtl"
NEW = "own/"
"""The id of a text that was never saved."""
NEW_TEXT = """title "My specification"
about "What it asks for, in words."
parameter level = 0.5 from 0 to 1 "The level"

◇(probability > level)
"""
_NAME = re.compile(r"\w[\w -]{0,79}")


def own_folder() -> Path:
    """Where the user's own specifications lie; it may not be there yet."""
    return paths.data_dir() / "specifications"


def listing() -> tuple[Entry, ...]:
    """All of them: first those that come with Tellframe, then the user's own, each by name."""
    from engine.temporal_logic.specification import LIBRARY

    folders = (("shipped", LIBRARY), ("own", own_folder()))
    return tuple(
        _entry(kind, path)
        for kind, folder in folders
        for path in sorted(folder.glob(f"*{SUFFIX}"))
        if path.is_file()
    )


def _entry(kind: str, path: Path) -> Entry:
    from engine.temporal_logic.specification import parse_specification, read_text

    text = ""
    try:
        text = read_text(path)
        title, problem = parse_specification(text, path.stem, path).title, ""
    except TellframeError as error:
        title, problem = path.stem, str(error)
    return Entry(f"{kind}/{path.stem}", path.stem, title, path, text, problem)


def name_problem(name: str, entries: tuple[Entry, ...]) -> str:
    """Why a file of one's own cannot have a name; empty if it can."""
    if not _NAME.fullmatch(name):
        return "A name has letters, digits, blanks, - and _, and begins with a letter or a digit"
    if any(entry.name == name and not entry.own for entry in entries):
        return f"{name} comes with Tellframe: choose another name for your own"
    return ""


def save(name: str, text: str) -> Path:
    """Write a specification of the user; the file that was there is replaced at once or not at all.

    Raises:
        SpecificationError: it cannot be written.
    """
    file = own_folder() / f"{name}{SUFFIX}"
    part = file.with_name(f"{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        raise SpecificationError(
            f"The specification cannot be written ({reason})", advice="Check the folder and the disk", file=file
        ) from error
    return file
