"""What the dialogs that write a file have in common: a form, progress with cancel, and where the result is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QStandardPaths, Qt, QUrl, SignalInstance
from PySide6.QtGui import QCloseEvent, QDesktopServices
from PySide6.QtWidgets import QDialog, QProgressBar, QPushButton, QVBoxLayout, QWidget

from engine.progress import Progress
from gui import theme
from gui.panels.parts import muted, progress_text, row
from gui.session import Session


class WritingJob(Protocol):
    """Emits exactly one of its three ends; `succeeded` with what was written, `failed` with the error."""

    progressed: SignalInstance
    succeeded: SignalInstance
    failed: SignalInstance
    cancelled: SignalInstance

    def start(self) -> None: ...
    def cancel(self) -> None: ...


class WritingDialog(QDialog):
    """GUI thread only. A child makes its form in `form`, calls `place`, and gives a job to `run`.

    Args:
        title: of the window.
        what: that is written, to go on "Write" and "Show the folder that holds".

    Attributes:
        job: the running one, None if none runs.
        go: begins; the child's `start`.
        leave: closes, or cancels a running job.
    """

    def __init__(self, session: Session, title: str, what: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.job: WritingJob | None = None
        self._to_show: Path | None = None
        self.setWindowTitle(title)
        self.setMinimumWidth(540)
        self.form = QWidget()
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Progress of the export")
        self.outcome = muted()
        self.outcome.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.show_folder = self.button("Open folder", f"Show the folder that holds {what}", self._open_folder)
        self.leave = self.button("Close", "Close, or cancel a running export (Esc)", self.reject)
        self.go = self.button("Export", f"Write {what}", self.start)
        self.go.setDefault(True)
        theme.set_role(self.go, "primary")
        for widget in (self.bar, self.outcome, self.show_folder):
            widget.hide()

    def start(self) -> None:
        """Write what the form says."""
        raise NotImplementedError

    def button(self, text: str, tip: str, do: Callable[[], object]) -> QPushButton:
        """One that Enter in a field does not press."""
        made = QPushButton(text)
        made.setToolTip(tip)
        made.setAutoDefault(False)
        made.clicked.connect(lambda: do())
        return made

    def place(self, *above: QWidget) -> None:
        """Lay out everything, some widgets above the form."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(12)
        for widget in (*above, self.form, self.bar, self.outcome):
            layout.addWidget(widget)
        layout.addLayout(row(self.show_folder, QWidget(), self.leave, self.go, stretch=1))

    def folder(self) -> Path:
        """Where results go by default: where the last one went, else to the user's documents."""
        known = self._session.settings.preferences.export_folder
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        return Path(known or (documents if Path(documents).is_dir() else Path.home()))

    def run(self, job: WritingJob, out: Path) -> None:
        """Follow a job that writes to a place, and let it be cancelled."""
        self._session.settings.change(export_folder=str(out.parent))
        self.job = job
        job.progressed.connect(self._on_progress)
        job.succeeded.connect(self._on_success)
        job.failed.connect(lambda error: self._over(str(error), "bad"))
        job.cancelled.connect(lambda: self._over("Cancelled. Nothing was written.", ""))
        self.form.setEnabled(False)
        self.go.setEnabled(False)
        self.leave.setText("Cancel")
        self.show_folder.hide()
        self.outcome.hide()
        self.bar.setValue(0)
        self.bar.setFormat("Starting")
        self.bar.show()
        self.adjustSize()
        job.start()

    def told(self, written: Any) -> tuple[Path, str]:
        """The file or folder that was written, and what is to be said besides where it is.

        Args:
            written: what the job's `succeeded` came with, here the path.
        """
        shown: Path = written
        return shown, ""

    def _on_progress(self, progress: Progress) -> None:
        self.bar.setValue(round(progress.fraction * 1000))
        self.bar.setFormat(progress_text(progress))

    def _on_success(self, written: object) -> None:
        shown, besides = self.told(written)
        self._to_show = shown if shown.is_dir() else shown.parent
        self.show_folder.show()
        self._over(f"✓ Written to {shown}{besides}.", "good")

    def _over(self, text: str, level: str) -> None:
        self.job = None
        self.form.setEnabled(True)
        self.go.setEnabled(True)
        self.leave.setEnabled(True)
        self.leave.setText("Close")
        self.bar.hide()
        self.outcome.setText(text)
        theme.set_role(self.outcome, "muted", level)
        self.outcome.show()
        self.adjustSize()

    def _open_folder(self) -> None:
        if self._to_show is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._to_show)))

    def reject(self) -> None:
        """Escape and Close cancel a running job first."""
        if self.job is None:
            super().reject()
        elif self.leave.isEnabled():
            self.leave.setText("Cancelling…")
            self.leave.setEnabled(False)
            self.job.cancel()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.job is None:
            super().closeEvent(event)
        else:
            self.reject()
            event.ignore()
