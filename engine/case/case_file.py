"""The case file: one SQLite database with everything found out about some evidence, never the evidence itself."""

import json
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy.typing as npt

from engine.case import log, schema
from engine.case.codec import pack, unpack
from engine.case.database import Database
from engine.errors import CaseError, EvidenceChangedError
from engine.results import Mark, VideoIdentity, canonical, settings_hash

AnyArray = npt.NDArray[Any]

_CREATING = threading.Lock()
"""The window and its engine may ask for the same new case at the same moment."""


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """One piece of evidence under its number in this case."""

    id: int
    identity: VideoIdentity


@dataclass(frozen=True, slots=True)
class ResultKey:
    """What a stored result was made with; the evidence is the other half of the key."""

    component: str
    weights_sha256: str
    settings_hash: str


@dataclass(frozen=True, slots=True)
class StoredSpan:
    """A stretch of frames, both ends included, for which a result is stored, and when (UTC, ISO 8601)."""

    first: int
    last: int
    made_at: str


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result as it was stored; `engine.case.codec` turns it back into tracks, scores or an explanation."""

    first: int
    last: int
    arrays: Mapping[str, AnyArray]
    meta: Mapping[str, Any]
    made_at: str


class CaseFile:
    """One open case. Any thread may call any method: every thread gets a connection of its own.

    A result is there entirely or not at all, whenever the process dies. Every method raises CaseError when the
    file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = Database(path)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Start a new case; it appears under its name only when it is complete.

        Raises:
            CaseError: a file of that name exists, or the folder cannot be written.
        """
        if path.exists():
            raise CaseError(
                "There is a file of this name already", advice="Open it or choose another name", file=path
            )
        part = path.with_name(path.name + ".part")
        try:
            part.unlink(missing_ok=True)
            connection = sqlite3.connect(part, isolation_level=None)
            try:
                schema.lay_out(connection)
                log.append(connection, "case created", {})
            finally:
                connection.close()
            part.replace(path)
        except (OSError, sqlite3.Error) as error:
            part.unlink(missing_ok=True)
            raise CaseError(
                f"The case cannot be created ({error})", advice="Choose a folder that you may write to", file=path
            ) from error
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing case.

        Raises:
            CaseError: it is missing, no database, no case, damaged, or made by a newer Tellframe.
        """
        schema.check_header(path)
        case = cls(path)
        try:
            with case._database.reading() as connection:
                schema.check(connection, path)
        except BaseException:
            case.close()
            raise
        return case

    @classmethod
    def open_or_create(cls, path: Path) -> Self:
        """Open the case if the file exists, create it otherwise."""
        with _CREATING:
            return cls.open(path) if path.exists() else cls.create(path)

    def close(self) -> None:
        """Close the connections of all threads; no thread may use the case afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Evidence

    def put_video(self, identity: VideoIdentity) -> int:
        """Number of a piece of evidence in this case, which is entered if it is new.

        The same content under a new path keeps its number and its results.

        Raises:
            EvidenceChangedError: the case knows another content (SHA-256) under this path.
        """
        with self._database.writing() as connection:
            known = connection.execute("SELECT sha256 FROM videos WHERE path = ?", (identity.path,)).fetchone()
            if known is not None and known[0] != identity.sha256:
                raise EvidenceChangedError(
                    f"The file changed since it was entered into the case {self.path.name} "
                    f"(SHA-256 was {known[0][:12]}, is {identity.sha256[:12]})",
                    advice="Restore the original file, or enter the changed one under another name",
                    file=identity.path,
                )
            row = connection.execute("SELECT id, path FROM videos WHERE sha256 = ?", (identity.sha256,)).fetchone()
            if row is None:
                row = connection.execute(
                    "INSERT INTO videos (path, sha256, size, frames, seconds, variable_rate, width, height,"
                    " time_base, added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                    (
                        identity.path,
                        identity.sha256,
                        identity.size,
                        identity.frames,
                        identity.seconds,
                        identity.variable_rate,
                        identity.width,
                        identity.height,
                        str(identity.time_base),
                        now(),
                    ),
                ).fetchone()
                log.append(connection, "video added", {"path": identity.path, "sha256": identity.sha256})
                return int(row[0])
            video, path = int(row[0]), str(row[1])
            if path != identity.path:
                connection.execute("UPDATE videos SET path = ? WHERE id = ?", (identity.path, video))
                log.append(
                    connection, "video moved", {"from": path, "to": identity.path, "sha256": identity.sha256}
                )
            return video

    def videos(self) -> tuple[StoredVideo, ...]:
        """All evidence, in the order in which it was entered."""
        rows = self._database.rows(
            "SELECT id, path, sha256, size, frames, seconds, variable_rate, width, height, time_base"
            " FROM videos ORDER BY id"
        )
        return tuple(
            StoredVideo(
                row[0],
                VideoIdentity(
                    path=row[1],
                    sha256=row[2],
                    size=row[3],
                    frames=row[4],
                    seconds=row[5],
                    variable_rate=bool(row[6]),
                    width=row[7],
                    height=row[8],
                    time_base=Fraction(row[9]),
                ),
            )
            for row in rows
        )

    # Results

    def put_result(
        self,
        video_id: int,
        component: str,
        weights_sha256: str,
        settings_hash: str,
        first: int,
        last: int,
        arrays: Mapping[str, AnyArray],
        meta: Mapping[str, Any],
    ) -> None:
        """Store the result for frames [first, last]; a result under the same key and frames is replaced.

        Args:
            arrays: plain arrays (no objects), by name.
            meta: plain data that JSON can hold.
        """
        blob, text = pack(arrays), json.dumps(meta, sort_keys=True)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO results (video_id, component, weights_sha256, settings_hash, first, last, "
                "arrays, meta, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (video_id, component, weights_sha256, settings_hash, first, last, blob, text, now()),
            )

    def get_result(
        self, video_id: int, component: str, weights_sha256: str, settings_hash: str, first: int, last: int
    ) -> StoredResult | None:
        """The result stored for exactly the frames [first, last], None if there is none."""
        rows = self._database.rows(
            "SELECT first, last, arrays, meta, made_at FROM results WHERE video_id = ? AND component = ? AND"
            " weights_sha256 = ? AND settings_hash = ? AND first = ? AND last = ?",
            (video_id, component, weights_sha256, settings_hash, first, last),
        )
        if not rows:
            return None
        begin, end, blob, text, made_at = rows[0]
        try:
            arrays, meta = unpack(blob), json.loads(text)
        except ValueError as error:
            raise CaseError(
                f"The result of {component} for frames {first} to {last} is damaged ({error})",
                advice="Restore the case from a copy, or analyse the video into a new case",
                file=self.path,
            ) from error
        return StoredResult(begin, end, MappingProxyType(arrays), MappingProxyType(meta), made_at)

    def list_results(
        self, video_id: int, component: str, weights_sha256: str, settings_hash: str
    ) -> tuple[StoredSpan, ...]:
        """The stretches stored under a key, by first frame."""
        rows = self._database.rows(
            "SELECT first, last, made_at FROM results WHERE video_id = ? AND component = ? AND weights_sha256 = ?"
            " AND settings_hash = ? ORDER BY first, last",
            (video_id, component, weights_sha256, settings_hash),
        )
        return tuple(StoredSpan(*row) for row in rows)

    def keys(self, video_id: int) -> tuple[ResultKey, ...]:
        """What the results of a video were made with, sorted."""
        rows = self._database.rows(
            "SELECT DISTINCT component, weights_sha256, settings_hash FROM results WHERE video_id = ?"
            " ORDER BY 1, 2, 3",
            (video_id,),
        )
        return tuple(ResultKey(*row) for row in rows)

    def note_settings(self, settings: Mapping[str, object]) -> str:
        """Keep settings beside the results that carry only their hash; returns that hash."""
        name = settings_hash(settings)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO settings (hash, text) VALUES (?, ?)", (name, canonical(settings))
            )
        return name

    def settings(self, name: str) -> Mapping[str, Any] | None:
        """The settings of a hash, None if they were never noted."""
        rows = self._database.rows("SELECT text FROM settings WHERE hash = ?", (name,))
        return MappingProxyType(json.loads(rows[0][0])) if rows else None

    # Marks

    def add_mark(self, video_id: int, mark: Mark) -> Mark:
        """Store a new mark; the one returned carries its row.

        A mark that has a row already, such as one that was removed, gets the same row again.
        """
        with self._database.writing() as connection:
            cursor = connection.execute(
                "INSERT INTO marks (id, video_id, first, last, note, made_at) VALUES (?, ?, ?, ?, ?, ?)",
                (mark.id, video_id, mark.first, mark.last, mark.note, mark.made_at),
            )
            stored = Mark(mark.first, mark.last, mark.note, mark.made_at, cursor.lastrowid)
            log.append(connection, "mark added", {"video": video_id} | _mark_details(stored))
        return stored

    def update_mark(self, mark: Mark) -> None:
        """Replace range and note of a stored mark.

        Raises:
            CaseError: no mark has this row.
        """
        with self._database.writing() as connection:
            changed = connection.execute(
                "UPDATE marks SET first = ?, last = ?, note = ? WHERE id = ?",
                (mark.first, mark.last, mark.note, mark.id),
            ).rowcount
            self._expect_mark(changed, mark.id)
            log.append(connection, "mark changed", _mark_details(mark))

    def remove_mark(self, mark_id: int) -> None:
        """Take a mark out; the log keeps that it was there.

        Raises:
            CaseError: no mark has this row.
        """
        with self._database.writing() as connection:
            changed = connection.execute("DELETE FROM marks WHERE id = ?", (mark_id,)).rowcount
            self._expect_mark(changed, mark_id)
            log.append(connection, "mark removed", {"mark": mark_id})

    def marks(self, video_id: int) -> tuple[Mark, ...]:
        """The marks of a video, by first frame."""
        rows = self._database.rows(
            "SELECT first, last, note, made_at, id FROM marks WHERE video_id = ? ORDER BY first, last, id",
            (video_id,),
        )
        return tuple(Mark(*row) for row in rows)

    def _expect_mark(self, changed: int, mark_id: int | None) -> None:
        if not changed:
            raise CaseError(f"There is no mark number {mark_id}", advice="Open the case again", file=self.path)

    # Log

    def note(self, action: str, details: Mapping[str, Any]) -> None:
        """Append to the log what was done (an analysis, an export); details must be plain data."""
        with self._database.writing() as connection:
            log.append(connection, action, details)

    def log_entries(self) -> tuple[log.LogEntry, ...]:
        """The whole log, oldest first."""
        with self._database.reading() as connection:
            return log.entries(connection)

    def verify_log(self) -> str:
        """Prove that no entry of the log was altered, dropped or put in; returns the hash of the newest entry.

        The chain alone cannot tell when entries are cut off at its end: keep the returned hash elsewhere.

        Raises:
            CaseError: names the first entry that does not fit.
        """
        with self._database.reading() as connection:
            broken, head = log.verify(connection)
        if broken is not None:
            raise CaseError(
                f"The log was tampered with: entry {broken} does not follow from the one before it",
                advice="Trust nothing in this case after that entry, and go back to a copy",
                file=self.path,
            )
        return head


def now() -> str:
    """The time, UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _mark_details(mark: Mark) -> dict[str, Any]:
    return {"mark": mark.id, "first": mark.first, "last": mark.last, "note": mark.note}
