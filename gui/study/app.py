"""Starts the window of a study: `run_study(path)`, or from the main window `load_study` and `StudyWindow`."""

from __future__ import annotations

from pathlib import Path

from engine.evaluation.study.study_file import StudyFile
from engine.progress import CancelToken, ProgressCallback
from gui.program import application, quit_on_interrupt
from gui.study.window import StudyWindow


def load_study(
    path: Path, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
) -> StudyFile:
    """A study whose clips are all there and unchanged. Any thread.

    Raises:
        StudyError: it cannot be opened, or a clip is missing or changed.
        CancelledError: cancelled.
    """
    file = StudyFile.open(path)
    file.check_clips(cancel, progress)
    return file


def run_study(path: Path) -> int:
    """Ask people until the window is closed; the exit status of the program.

    Raises:
        StudyError: as `load_study`, before any window appears.
    """
    file = load_study(path)
    app = application()
    window = StudyWindow(file)
    window.show()
    interrupts = quit_on_interrupt(app)
    status = app.exec()
    interrupts.stop()
    window.close()
    return status
