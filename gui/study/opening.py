"""A study opened from the main window, in a window of its own. GUI thread only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow

from engine.evaluation.study.database import SUFFIX
from engine.progress import CancelToken, ProgressCallback
from gui.session import Session

if TYPE_CHECKING:
    from engine.evaluation.study.study_file import StudyFile

FILTER = f"Tellframe studies (*{SUFFIX})"


def open_study(session: Session, path: Path, parent: QMainWindow) -> None:
    """Check the clips of a study on a worker thread, then show it; what is wrong with it is told as a message."""
    task = session.background.start(lambda cancel, progress: _load(path, cancel, progress), slow=True)
    task.succeeded.connect(lambda file: _show(file, parent))
    task.failed.connect(lambda error: session.notify("error", str(error)))


def close_studies(parent: QMainWindow) -> None:
    """Close the windows of studies that were opened from a window: what was answered is kept."""
    for window in parent.findChildren(QMainWindow, options=Qt.FindChildOption.FindDirectChildrenOnly):
        window.close()


def _load(path: Path, cancel: CancelToken, progress: ProgressCallback) -> StudyFile:
    from gui.study.app import load_study  # brings PyAV, for which the main window does not wait

    return load_study(path, cancel, progress)


def _show(file: StudyFile, parent: QMainWindow) -> None:
    from gui.study.window import StudyWindow

    window = StudyWindow(file, parent)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    window.show()
