"""A study opened from the main window: checked off the event loop, shown in its own window, closed with it."""

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.evaluation.study.study_file import StudyFile
from gui.main_window import MainWindow
from gui.session import Session
from gui.study.window import StudyWindow


@pytest.fixture
def main_window(session: Session, qtbot: QtBot) -> Iterator[MainWindow]:
    made = MainWindow(session)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()


def test_the_menu_opens_a_study_and_the_main_window_takes_it_along(
    main_window: MainWindow, study: StudyFile, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(study.path), ""))
    main_window.actions_by_id["open_study"].trigger()
    qtbot.waitUntil(lambda: bool(main_window.findChildren(StudyWindow)), timeout=10_000)
    (window,) = main_window.findChildren(StudyWindow)
    assert window.isVisible()
    assert window.file.definition == study.definition
    main_window.close()
    assert not window.isVisible()


def test_what_is_wrong_with_a_study_is_told(main_window: MainWindow, study: StudyFile, qtbot: QtBot) -> None:
    next(study.clips.iterdir()).unlink()
    main_window.open([study.path])
    qtbot.waitUntil(lambda: any("missing" in text for text in main_window.notices.texts), timeout=10_000)
    assert not main_window.findChildren(StudyWindow)
