"""The log of a case: whoever alters it is found out."""

import sqlite3
from pathlib import Path

import pytest

from engine.case.case_file import CaseFile
from engine.errors import CaseError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with CaseFile.create(tmp_path / "a.tell") as case:
        for number in range(5):
            case.note("looked", {"frame": number})
    return tmp_path / "a.tell"


def test_an_untouched_log_verifies_to_its_newest_hash(path: Path) -> None:
    with CaseFile.open(path) as case:
        entries = case.log_entries()
        assert case.verify_log() == entries[-1].hash
        assert [e.action for e in entries] == ["case created"] + ["looked"] * 5
        assert [e.previous for e in entries[1:]] == [e.hash for e in entries[:-1]]


def test_sqlite_itself_refuses_to_change_an_entry(path: Path) -> None:
    raw = sqlite3.connect(path)
    for statement in ("UPDATE log SET action = 'x' WHERE number = 2", "DELETE FROM log WHERE number = 2"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            raw.execute(statement)
    raw.close()


@pytest.mark.parametrize(
    ("tampering", "entry"),
    [
        ("UPDATE log SET details = '{\"frame\": 9}' WHERE number = 3", 3),
        ("UPDATE log SET time = '2020' WHERE number = 4", 4),
        ("DELETE FROM log WHERE number = 3", 3),
        ("DELETE FROM log WHERE number = 1", 1),
        ("UPDATE log SET number = 100 WHERE number = 6", 6),
        ("UPDATE log SET hash = previous WHERE number = 2", 2),
    ],
)
def test_every_tampering_is_found_at_its_place(path: Path, tampering: str, entry: int) -> None:
    raw = sqlite3.connect(path)
    raw.executescript(f"DROP TRIGGER log_is_append_only_1; DROP TRIGGER log_is_append_only_2; {tampering};")
    raw.close()
    with CaseFile.open(path) as case, pytest.raises(CaseError, match=f"entry {entry} does not follow"):
        case.verify_log()


def test_cutting_the_end_off_shows_in_the_newest_hash(path: Path) -> None:
    with CaseFile.open(path) as case:
        kept = case.verify_log()
    raw = sqlite3.connect(path)
    raw.executescript("DROP TRIGGER log_is_append_only_2; DELETE FROM log WHERE number = 6;")
    raw.close()
    with CaseFile.open(path) as case:
        assert case.verify_log() != kept
