"""Writes the chosen range, or the whole video, as an annotated clip or as stills. GUI thread only."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt, QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
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

from engine.progress import Progress
from engine.rendering.layers import timecode
from gui import theme
from gui.exporting import ExportJob, ExportPlan, Written
from gui.panels.parts import muted, progress_text, row
from gui.session import Session


def default_name(video: Path, first: int, last: int, *, stills: bool) -> str:
    """A file name that says what is in it."""
    return f"{video.stem}_{first}-{last}" + ("_stills" if stills else ".mp4")


class ExportDialog(QDialog):
    """Asks, exports with progress and cancel, and shows where the result is."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.job: ExportJob | None = None
        self._written: Written | None = None
        self._named_by_user = False
        self.setWindowTitle("Export")
        self.setMinimumWidth(540)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 14)
        layout.setSpacing(12)
        self._form = QWidget()
        layout.addWidget(self._form)
        self._make_form()
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName("Progress of the export")
        self.bar.hide()
        layout.addWidget(self.bar)
        self.outcome = muted()
        self.outcome.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.outcome.hide()
        layout.addWidget(self.outcome)
        self._make_buttons(layout)
        self._suggest()

    # Making

    def _make_form(self) -> None:
        session = self._session
        first, last = session.range
        part = session.in_point is not None or session.out_point is not None
        self.clip = QRadioButton("Clip (MP4)")
        self.stills = QRadioButton("Stills (PNG)")
        self.range = QRadioButton(f"I–O range, {self._length(first, last)}")
        self.whole = QRadioButton(f"Whole video, {self._length(0, session.frames - 1)}")
        self.clip.setChecked(True)
        (self.range if part else self.whole).setChecked(True)
        self.range.setEnabled(part)
        self._groups = []  # Qt keeps no reference from Python
        for pair in ((self.clip, self.stills), (self.range, self.whole)):
            group = QButtonGroup(self)
            for button in pair:
                button.setToolTip(button.text())
                group.addButton(button)
                button.toggled.connect(self._suggest)
            self._groups.append(group)
        known = session.results is not None and session.results.final is not None
        self.masks = self._check("Masks", "What drove the score", on=known and session.masks_visible, able=known)
        self.boxes = self._check("Face boxes", "Boxes with names and probabilities", on=known, able=known)
        self.curve = self._check("Curve", "The probabilities along the bottom", on=known, able=known)
        self.labels = self._check("Labels", "Frame number, time, detector and weights", on=True, able=True)
        sound = session.media is not None and bool(session.media.facts.audio)
        self.audio = self._check("Copy the sound", "Bring the sound of the stretch along", on=False, able=sound)
        self.name = QLineEdit()
        self.name.setAccessibleName("File name")
        self.name.setToolTip("Where the export goes")
        self.name.textEdited.connect(self._on_named)
        browse = QPushButton("Browse…")
        browse.setAutoDefault(False)
        browse.setToolTip("Choose where the export goes")
        browse.clicked.connect(self._browse)
        form = QFormLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(10)
        form.setHorizontalSpacing(14)
        form.addRow("Write", row(self.clip, self.stills))
        form.addRow("Frames", self.range)
        form.addRow("", self.whole)
        form.addRow("Burn in", row(self.masks, self.boxes, self.curve, self.labels))
        if not known:
            form.addRow("", muted("Masks, boxes and curve can be burnt in once the analysis is finished."))
        elif session.slow:
            form.addRow("", muted("This explainer takes long: masks are burnt in where they were made."))
        form.addRow("Sound", self.audio)
        form.addRow("To", row(self.name, browse, stretch=0))

    def _make_buttons(self, layout: QVBoxLayout) -> None:
        self.show_folder = QPushButton("Open folder")
        self.show_folder.setAutoDefault(False)
        self.show_folder.setToolTip("Show the folder that holds the export")
        self.show_folder.clicked.connect(self._open_folder)
        self.show_folder.hide()
        self.leave = QPushButton("Close")
        self.leave.setAutoDefault(False)
        self.leave.setToolTip("Close, or cancel a running export")
        self.leave.clicked.connect(self._on_leave)
        self.go = QPushButton("Export")
        self.go.setDefault(True)
        self.go.setToolTip("Write the export")
        self.go.clicked.connect(self.start)
        theme.set_role(self.go, "primary")
        layout.addLayout(row(self.show_folder, QWidget(), self.leave, self.go, stretch=1))

    def _check(self, text: str, tip: str, *, on: bool, able: bool) -> QCheckBox:
        box = QCheckBox(text)
        box.setToolTip(tip)
        box.setChecked(on and able)
        box.setEnabled(able)
        return box

    def _length(self, first: int, last: int) -> str:
        media = self._session.media
        if media is None or last < first:
            return "empty"
        index = media.index
        end = index.duration if last + 1 >= len(index) else index.seconds(last + 1)
        count = last - first + 1
        return f"{count} frame{'s' * (count != 1)} ({timecode(end - index.seconds(first))})"

    # What is wanted

    def frames(self) -> tuple[int, int]:
        """The stretch, inclusive."""
        return self._session.range if self.range.isChecked() else (0, self._session.frames - 1)

    def plan(self) -> ExportPlan:
        """What the form says."""
        first, last = self.frames()
        style = dataclasses.replace(
            self._session.style,
            mask=self.masks.isChecked(),
            outline=self.masks.isChecked() and self._session.style.outline,
            boxes=self.boxes.isChecked(),
            curve=self.curve.isChecked(),
            labels=self.labels.isChecked(),
        )
        audio = self.audio.isChecked() and self.clip.isChecked()
        return ExportPlan(
            Path(self.name.text().strip()).expanduser(), first, last, self.stills.isChecked(), audio, style
        )

    def _suggest(self) -> None:
        """Name the result after its contents, until the user has named it; never beside the evidence by itself."""
        self.audio.setEnabled(self.clip.isChecked() and self._has_sound())
        video = self._session.current
        if video is None or self._named_by_user:
            return
        folder = self._session.settings.preferences.export_folder
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        if not folder:
            folder = documents if Path(documents).is_dir() else str(Path.home())
        name = default_name(video.path, *self.frames(), stills=self.stills.isChecked())
        self.name.setText(str(Path(folder) / name))
        self.name.setCursorPosition(len(self.name.text()))

    def _has_sound(self) -> bool:
        return self._session.media is not None and bool(self._session.media.facts.audio)

    def _on_named(self) -> None:
        self._named_by_user = True

    def _browse(self) -> None:
        now = self.name.text()
        if self.stills.isChecked():
            chosen = QFileDialog.getExistingDirectory(self, "Folder for the stills", str(Path(now).parent))
        else:
            chosen, _ = QFileDialog.getSaveFileName(self, "Export the clip", now, "MP4 video (*.mp4)")
        if chosen:
            self.name.setText(chosen if self.stills.isChecked() or chosen.endswith(".mp4") else f"{chosen}.mp4")
            self._named_by_user = True

    # Doing

    def start(self) -> None:
        """Export what the form says."""
        media = self._session.media
        if media is None:
            return
        plan = self.plan()
        self._session.settings.change(export_folder=str(plan.out.parent))
        self.job = ExportJob(self._session, media, plan, self)
        self.job.progressed.connect(self._on_progress)
        self.job.succeeded.connect(self._on_success)
        self.job.failed.connect(lambda error: self._over(str(error), "bad"))
        self.job.cancelled.connect(lambda: self._over("Cancelled. Nothing was written.", ""))
        self._form.setEnabled(False)
        self.go.setEnabled(False)
        self.leave.setText("Cancel")
        self.show_folder.hide()
        self.outcome.hide()
        self.bar.setValue(0)
        self.bar.setFormat("Starting")
        self.bar.show()
        self.job.start()

    def _on_progress(self, progress: Progress) -> None:
        self.bar.setValue(round(progress.fraction * 1000))
        self.bar.setFormat(progress_text(progress))

    def _on_success(self, written: Written) -> None:
        self._written = written
        text = f"✓ Written to {written.shown}"
        if written.missing:
            text += f". {len(written.missing)} damaged frames could not be decoded and are not in it"
        self.show_folder.show()
        self._over(f"{text}.", "good")

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

    def _open_folder(self) -> None:
        if self._written is not None:
            shown = self._written.shown
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(shown if shown.is_dir() else shown.parent)))

    def _on_leave(self) -> None:
        if self.job is None:
            self.reject()
        else:
            self.leave.setText("Cancelling…")
            self.leave.setEnabled(False)
            self.job.cancel()

    def reject(self) -> None:
        """Escape cancels a running export first."""
        if self.job is None:
            super().reject()
        elif self.leave.isEnabled():
            self._on_leave()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.job is None:
            super().closeEvent(event)
        else:
            self.reject()
            event.ignore()
