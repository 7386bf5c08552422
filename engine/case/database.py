"""Connections to one SQLite file: one per thread, whole transactions, errors in plain words."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.case import schema
from engine.errors import CaseError


class Database:
    """Any thread may call any method; every error of SQLite leaves as a CaseError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._guard = threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False

    def rows(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self.reading() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection of this thread."""
        try:
            yield self._connection()
        except sqlite3.Error as error:
            raise schema.explained(error, self._path, closed=self._closed) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is stored, or nothing."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connections of all threads; no thread may use them any more."""
        with self._guard:
            self._closed = True
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            with self._guard:
                if self._closed:
                    raise CaseError("The case is closed", advice="Open it again", file=self._path)
                # Used by its own thread only; `close` alone reaches across.
                connection = sqlite3.connect(self._path, timeout=10, isolation_level=None, check_same_thread=False)
                self._connections.append(connection)
            schema.prepare(connection)
            self._local.connection = connection
        return connection
