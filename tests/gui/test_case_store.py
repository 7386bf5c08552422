"""Marks in the case file: kept, found again, and told when they cannot be."""

from collections.abc import Callable, Iterator
from pathlib import Path

import fakes
import pytest
from pytestqt.qtbot import QtBot

from engine.case.case_file import CaseFile
from engine.results import Mark
from engine.runtime.engine import Engine
from gui.case_store import bring_up_to_date
from gui.session import Session
from gui.settings import Settings

VIDEO = Path("/evidence/clip.mp4")
Start = Callable[[Path], Session]


@pytest.fixture
def start(settings: Settings, switches: fakes.Switches) -> Iterator[Start]:
    """Starts sessions on a case file; each start ends the session before."""
    running: list[Session] = []

    def make(case: Path) -> Session:
        for old in running:
            old.close()
        running.append(
            Session(
                settings,
                make_engine=lambda deliver, device: Engine(deliver, device, worker="fakes"),
                open_media=fakes.open_fake,  # type: ignore[arg-type]
                make_server=fakes.FakeServer,  # type: ignore[arg-type]
                case=case,
            )
        )
        return running[-1]

    yield make
    for session in running:
        session.close()


def test_marks_are_there_again_after_a_restart(start: Start, tmp_path: Path, qtbot: QtBot) -> None:
    case = tmp_path / "smith.tell"
    session = start(case)
    session.open([VIDEO])
    qtbot.waitUntil(lambda: session.identity is not None)
    session.add_mark(3, 3, "seam")
    session.add_mark(7, 9, "flicker")
    session.change_mark(session.marks[0], Mark(3, 4, "seam at the chin", session.marks[0].made_at))
    session.add_mark(50, 50, "a slip")
    session.undo()
    again = start(case)
    again.open([VIDEO])
    qtbot.waitUntil(lambda: len(again.marks) == 2)
    assert [(m.first, m.last, m.note) for m in again.marks] == [(3, 4, "seam at the chin"), (7, 9, "flicker")]


def test_marks_made_before_the_hash_is_known_join_the_stored_ones(
    start: Start, tmp_path: Path, qtbot: QtBot
) -> None:
    case = tmp_path / "smith.tell"
    with CaseFile.create(case) as file:
        file.add_mark(file.put_video(fakes.identity(VIDEO)), Mark(40, 40, "stored", "2026-01-01T00:00:00+00:00"))
    session = start(case)
    session.open([VIDEO])
    session.add_mark(2, 2, "early")
    qtbot.waitUntil(lambda: [m.note for m in session.marks] == ["early", "stored"])
    session.close()
    with CaseFile.open(case) as file:
        assert [m.note for m in file.marks(1)] == ["early", "stored"]


def test_another_case_brings_its_own_videos(start: Start, tmp_path: Path, qtbot: QtBot) -> None:
    other = tmp_path / "jones.tell"
    with CaseFile.create(other) as file:
        file.put_video(fakes.identity(Path("/evidence/jones.mp4")))
    session = start(tmp_path / "smith.tell")
    session.open([VIDEO])
    session.open_case(other)
    qtbot.waitUntil(lambda: [v.name for v in session.videos] == ["jones.mp4"])
    assert session.case_path == other


def test_a_case_that_cannot_be_opened_is_told_and_work_goes_on_in_memory(
    start: Start, tmp_path: Path, qtbot: QtBot
) -> None:
    broken = tmp_path / "broken.tell"
    broken.write_text("this is no case")
    session = start(broken)
    session.open([VIDEO])
    qtbot.waitUntil(lambda: any(m.level == "error" for m in session.messages))
    assert session.case_path is None
    session.add_mark(1, 1, "kept in memory")
    assert [m.note for m in session.marks] == ["kept in memory"]
    assert broken.read_text() == "this is no case"


def test_the_log_of_the_case_says_what_changed_and_no_more(tmp_path: Path) -> None:
    identity = fakes.identity(VIDEO)
    kept, changed, gone = (Mark(n, n, "note", f"2026-01-01T00:00:0{n}+00:00") for n in range(3))
    with CaseFile.create(tmp_path / "case.tell") as case:
        bring_up_to_date(case, identity, (kept, changed, gone))
        before = len(case.log_entries())
        bring_up_to_date(case, identity, (kept, Mark(1, 5, "longer", changed.made_at)))
        assert [entry.action for entry in case.log_entries()[before:]] == ["mark removed", "mark changed"]
        bring_up_to_date(case, identity, (kept, Mark(1, 5, "longer", changed.made_at)))
        assert len(case.log_entries()) == before + 2
