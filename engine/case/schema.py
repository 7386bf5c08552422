"""Tables of the case file, their version, and what SQLite's errors mean to the user."""

import sqlite3
from pathlib import Path

from engine.errors import CaseError

VERSION = 1
APPLICATION = 0x54454C4C  # "TELL", in the header of the file
MAGIC = b"SQLite format 3\x00"

TABLES = """
CREATE TABLE schema (version INTEGER NOT NULL);
CREATE TABLE videos (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    sha256 TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    seconds REAL NOT NULL,
    variable_rate INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    time_base TEXT NOT NULL,
    added_at TEXT NOT NULL
);
CREATE TABLE settings (hash TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE results (
    id INTEGER PRIMARY KEY,
    video_id INTEGER NOT NULL REFERENCES videos (id),
    component TEXT NOT NULL,
    weights_sha256 TEXT NOT NULL,
    settings_hash TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    arrays BLOB NOT NULL,
    meta TEXT NOT NULL,
    made_at TEXT NOT NULL,
    UNIQUE (video_id, component, weights_sha256, settings_hash, first, last)
);
CREATE TABLE marks (
    id INTEGER PRIMARY KEY,
    video_id INTEGER NOT NULL REFERENCES videos (id),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    note TEXT NOT NULL,
    made_at TEXT NOT NULL
);
CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    action TEXT NOT NULL,
    details TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TRIGGER log_is_append_only_1 BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_is_append_only_2 BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
"""


def lay_out(connection: sqlite3.Connection) -> None:
    """Make all tables in an empty database."""
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.executescript(f"BEGIN; {TABLES} COMMIT;")
    connection.execute("INSERT INTO schema (version) VALUES (?)", (VERSION,))


def prepare(connection: sqlite3.Connection) -> None:
    """Set a fresh connection up: write-ahead log, and every commit on the disk before it returns."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def check_header(path: Path) -> None:
    """Look at the first bytes without SQLite, which would write beside a file that is none of its own.

    Raises:
        CaseError: the file is missing, unreadable or no case.
    """
    try:
        with path.open("rb") as file:
            start = file.read(100)
    except FileNotFoundError as error:
        raise CaseError("There is no such case file", advice="Check the name", file=path) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CaseError(
            f"The case file cannot be read ({reason})", advice="Check its permissions", file=path
        ) from error
    # SQLite keeps the application's number at byte 68 of its header.
    if not start.startswith(MAGIC) or start[68:72] != APPLICATION.to_bytes(4, "big"):
        raise CaseError("This is no case file", advice="Choose a file that Tellframe made (.tell)", file=path)


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise CaseError unless the case is of a version that we know."""
    version = connection.execute("SELECT version FROM schema").fetchone()[0]
    if version > VERSION:
        raise CaseError(
            f"The case was made by a newer Tellframe (case version {version}, this one knows {VERSION})",
            advice="Install the newer Tellframe",
            file=path,
        )


def explained(error: sqlite3.Error, path: Path, *, closed: bool) -> CaseError:
    """The CaseError that says in plain words what an error of SQLite means."""
    text = str(error)
    known = {
        "SQLITE_FULL": ("The disk is full", "Free some space and start again: what was stored is safe"),
        "SQLITE_READONLY": (
            "The case file may not be written",
            "Check the permissions of the file and its folder",
        ),
        "SQLITE_CANTOPEN": ("The case file cannot be opened", "Check the permissions of the file and its folder"),
        "SQLITE_BUSY": ("Another program is writing to the case", "Close the other program and try again"),
        "SQLITE_CORRUPT": ("The case file is damaged", "Go back to a copy of it"),
        "SQLITE_NOTADB": ("The case file is damaged", "Go back to a copy of it"),
        "SQLITE_IOERR": ("The disk failed under the case file", "Check the disk and its free space"),
    }
    name = getattr(error, "sqlite_errorname", None) or ""
    for code, (message, advice) in known.items():
        if name.startswith(code):
            return CaseError(f"{message} ({text})", advice=advice, file=path)
    if closed:
        return CaseError("The case is closed", advice="Open it again", file=path)
    return CaseError(
        f"The case file failed ({text})", advice="Open the case again or go back to a copy", file=path
    )
