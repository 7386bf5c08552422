"""Asks where the animation of a prototype beside the questioned patch goes, and writes it. GUI thread only."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from engine.exports.questioned_patch import Questioned
from engine.progress import Progress
from gui import theme
from gui.panels.parts import muted, progress_text, row
from gui.prototypes.exporting import PrototypeExport
from gui.session import Session

FILTER = "Animations (*.gif *.mp4)"


class PrototypeExportDialog(QDialog):
    """Shows what will be written, then progress with cancel, then where it is."""

    def __init__(self, session: Session, wanted: Questioned, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._wanted = session, wanted
        self.job: PrototypeExport | None = None
        self._written: Path | None = None
        self.setWindowTitle("Export a prototype beside the face")
        self.setMinimumWidth(540)
        self.gif, self.mp4 = QRadioButton("GIF"), QRadioButton("MP4")
        self.gif.setToolTip("Goes round without end, 256 colours")
        self.mp4.setToolTip("All colours; shown four times")
        self.gif.setChecked(True)
        self.gif.toggled.connect(self._suggest)
        self.name = QLineEdit()
        self.name.setAccessibleName("File name")
        self.name.setToolTip("Where the animation goes; a JSON of the same name says where it comes from")
        self.browse = self._button("Browse…", "Choose where the animation goes", self._browse)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Progress of the export")
        self.bar.hide()
        self.outcome = muted()
        self.outcome.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.outcome.hide()
        self.show_folder = self._button(
            "Open folder", "Show the folder that holds the animation", self._open_folder
        )
        self.show_folder.hide()
        self.leave = self._button("Close", "Close, or cancel a running export (Esc)", self.reject)
        self.go = self._button("Export", "Write the animation", self.start)
        self.go.setDefault(True)
        theme.set_role(self.go, "primary")
        self._place()
        self._suggest()

    def _button(self, text: str, tip: str, do: object) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        button.clicked.connect(do)
        return button

    def _place(self) -> None:
        wanted = self._wanted
        name = self._session.reviewing.name_of(wanted.prototype.name)
        what = muted(
            f"The motion of {name} beside Face {wanted.scores.track_id + 1} from frame {wanted.first} on, in step."
            f" Similarity {wanted.similarity:.3f}."
        )
        self._form = QWidget()
        form = QFormLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(10)
        form.setHorizontalSpacing(14)
        form.addRow("Write", row(self.gif, self.mp4))
        form.addRow("To", row(self.name, self.browse, stretch=0))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(12)
        for widget in (what, self._form, self.bar, self.outcome):
            layout.addWidget(widget)
        layout.addLayout(row(self.show_folder, QWidget(), self.leave, self.go, stretch=1))

    def _suggest(self) -> None:
        """Another suffix, or at first a name that says what is in it; never beside the evidence by itself."""
        suffix = ".gif" if self.gif.isChecked() else ".mp4"
        if self.name.text():
            self.name.setText(str(Path(self.name.text()).with_suffix(suffix)))
            return
        folder = self._session.settings.preferences.export_folder
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        folder = folder or (documents if Path(documents).is_dir() else str(Path.home()))
        video = self._session.current.path.stem if self._session.current is not None else "video"
        words = re.sub(r"\W+", "-", self._wanted.prototype.name, flags=re.ASCII).strip("-")[:40]
        self.name.setText(str(Path(folder) / f"{video}_{self._wanted.first}_{words}{suffix}"))

    def _browse(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, "Export the animation", self.name.text(), FILTER)
        if chosen:
            (self.mp4 if Path(chosen).suffix.lower() == ".mp4" else self.gif).setChecked(True)
            self.name.setText(chosen)
            self._suggest()

    def start(self) -> None:
        """Export what the form says."""
        media = self._session.media
        if media is None:
            return
        out = Path(self.name.text().strip()).expanduser()
        self._session.settings.change(export_folder=str(out.parent))
        self.job = PrototypeExport(self._session, media, self._wanted, out, self)
        self.job.progressed.connect(self._on_progress)
        self.job.succeeded.connect(self._on_success)
        self.job.failed.connect(lambda error: self._over(str(error), "bad"))
        self.job.cancelled.connect(lambda: self._over("Cancelled. Nothing was written.", ""))
        self._form.setEnabled(False)
        self.go.setEnabled(False)
        self.leave.setText("Cancel")
        for widget in (self.show_folder, self.outcome):
            widget.hide()
        self.bar.show()
        self.adjustSize()
        self.job.start()

    def _on_progress(self, progress: Progress) -> None:
        self.bar.setValue(round(progress.fraction * 1000))
        self.bar.setFormat(progress_text(progress))

    def _on_success(self, written: Path) -> None:
        self._written = written
        self.show_folder.show()
        self._over(f"✓ Written to {written}.", "good")

    def _over(self, text: str, level: str) -> None:
        self.job = None
        self._form.setEnabled(True)
        self.go.setEnabled(True)
        self.leave.setEnabled(True)
        self.leave.setText("Close")
        self.bar.hide()
        self.outcome.setText(text)
        theme.set_role(self.outcome, "muted", level)
        self.outcome.show()
        self.adjustSize()

    def _open_folder(self) -> None:
        if self._written is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._written.parent)))

    def reject(self) -> None:
        """Escape and Close cancel a running export first."""
        if self.job is None:
            super().reject()
        elif self.leave.isEnabled():
            self.leave.setText("Cancelling…")
            self.leave.setEnabled(False)
            self.job.cancel()
