"""The log of a case: append-only, every entry sealed with a hash over itself and the entry before it."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One thing that was done.

    Attributes:
        number: from 1, without gaps.
        time: UTC, ISO 8601.
        previous: hash of the entry before; zeros for the first.
        hash: SHA-256 over number, time, action, details and previous.
    """

    number: int
    time: str
    action: str
    details: Mapping[str, Any]
    previous: str
    hash: str


def append(connection: sqlite3.Connection, action: str, details: Mapping[str, Any]) -> None:
    """Seal one entry to the end; to be called inside the transaction of what it tells."""
    row = connection.execute("SELECT number, hash FROM log ORDER BY number DESC LIMIT 1").fetchone()
    number, previous = (row[0] + 1, row[1]) if row else (1, GENESIS)
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    text = json.dumps(details, sort_keys=True)
    connection.execute(
        "INSERT INTO log (number, time, action, details, previous, hash) VALUES (?, ?, ?, ?, ?, ?)",
        (number, time, action, text, previous, _seal(number, time, action, text, previous)),
    )


def entries(connection: sqlite3.Connection) -> tuple[LogEntry, ...]:
    """All entries, oldest first."""
    rows = connection.execute("SELECT number, time, action, details, previous, hash FROM log ORDER BY number")
    return tuple(LogEntry(n, t, a, MappingProxyType(json.loads(d)), p, h) for n, t, a, d, p, h in rows)


def verify(connection: sqlite3.Connection) -> tuple[int | None, str]:
    """Number of the first entry that does not fit (None if all do), and the hash of the newest good entry."""
    head, expected = GENESIS, 1
    rows = connection.execute("SELECT number, time, action, details, previous, hash FROM log ORDER BY number")
    for number, time, action, text, previous, seal in rows:
        if number != expected or previous != head or seal != _seal(number, time, action, text, previous):
            return expected, head
        head, expected = seal, expected + 1
    return None, head


def _seal(number: int, time: str, action: str, text: str, previous: str) -> str:
    return hashlib.sha256(json.dumps([number, time, action, text, previous]).encode()).hexdigest()
