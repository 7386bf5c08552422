"""The SQLite under a study: its tables, its version, and transactions that are on the disk whole or not at all.

SQLite, because an answer then survives whatever happens to the program or the machine, and two windows may write
to one file.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from engine.errors import StudyError

SUFFIX = ".tellstudy"
_APPLICATION = 0x54535459  # "TSTY", in the header of the file
_VERSION = 1
_MAGIC = b"SQLite format 3\x00"
_WAIT = 10  # seconds for another window that writes
_TABLES = """
CREATE TABLE definition (text TEXT NOT NULL);
CREATE TABLE participants (
    number INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE COLLATE NOCASE,
    part INTEGER NOT NULL,
    screen TEXT NOT NULL,
    familiarity TEXT NOT NULL,
    plan TEXT NOT NULL
);
CREATE TABLE answers (
    participant INTEGER NOT NULL REFERENCES participants (number),
    section TEXT NOT NULL,
    told_fake INTEGER NOT NULL CHECK (told_fake IN (0, 1)),
    chosen TEXT,
    other TEXT,
    PRIMARY KEY (participant, section)
);
"""


def create(path: Path, definition: str) -> None:
    """A new file with a definition and nobody in it. Raises StudyError if it cannot be written."""
    with _errors(path), closing(sqlite3.connect(path, isolation_level=None)) as base:
        base.executescript(_TABLES)
        base.execute("INSERT INTO definition VALUES (?)", (definition,))
        base.execute(f"PRAGMA application_id = {_APPLICATION}")
        base.execute(f"PRAGMA user_version = {_VERSION}")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as it is at one moment; it need not be writable. Raises StudyError."""
    with _opened(path) as base:
        base.execute("BEGIN")
        yield base


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction: all that is done in the block is on the disk when it ends, or nothing of it is.

    Raises StudyError.
    """
    with _opened(path) as base:
        base.execute("PRAGMA synchronous = FULL")
        base.execute("BEGIN IMMEDIATE")
        yield base
        base.execute("COMMIT")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    _require_sqlite(path)
    # Where the file may not be written, SQLite opens it for reading. Where it may, it first takes back what a
    # killed program had not written to its end, which it could not if it were opened for reading alone.
    where = f"{path.absolute().as_uri()}?mode=rw"
    with _errors(path), closing(sqlite3.connect(where, uri=True, timeout=_WAIT, isolation_level=None)) as base:
        base.execute("PRAGMA trusted_schema = OFF")
        base.execute("PRAGMA secure_delete = ON")  # what is taken out is no longer in the file
        _require_version(base, path)
        yield base


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StudyError(
            f"The study cannot be read or written ({error})",
            advice="Check the disk and the permissions, then go on: what was answered before is kept",
            file=path,
        ) from error


def _require_sqlite(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StudyError(f"The study cannot be opened ({reason})", advice="Check the name", file=path) from error
    if magic != _MAGIC:
        raise StudyError("This is no study", advice=f"Choose a file that ends in {SUFFIX}", file=path)


def _require_version(base: sqlite3.Connection, path: Path) -> None:
    def pragma(name: str) -> Any:
        return base.execute(f"PRAGMA {name}").fetchone()[0]

    if pragma("application_id") != _APPLICATION:
        raise StudyError("This database is no study", advice=f"Choose a file that ends in {SUFFIX}", file=path)
    if pragma("user_version") != _VERSION:
        raise StudyError("This study is of a newer version", advice="Use the newest Tellframe", file=path)
