"""A study on the disk, copied anew for each test, and its window."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import study_scene
from pytestqt.qtbot import QtBot

from engine.evaluation.study.study_file import StudyFile
from gui.study.window import StudyWindow


@pytest.fixture(scope="session")
def made_study(tmp_path_factory: pytest.TempPathFactory) -> StudyFile:
    return study_scene.make(tmp_path_factory.mktemp("study"))


@pytest.fixture
def study(made_study: StudyFile, tmp_path: Path) -> StudyFile:
    """Nobody has answered it yet."""
    shutil.copytree(made_study.clips, tmp_path / made_study.clips.name)
    return StudyFile.open(Path(shutil.copy(made_study.path, tmp_path)))


@pytest.fixture
def window(study: StudyFile, qtbot: QtBot) -> Iterator[StudyWindow]:
    made = StudyWindow(study)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    yield made
    made.close()
