"""Writes the chosen range, or the whole video, as an annotated clip or as stills. GUI thread only."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QButtonGroup, QCheckBox, QFileDialog, QFormLayout, QLineEdit, QRadioButton, QWidget

from engine.rendering.layers import timecode
from gui.dialogs.writing import WritingDialog
from gui.exporting import ExportJob, ExportPlan, Written
from gui.panels.parts import muted, row
from gui.session import Session


def default_name(video: Path, first: int, last: int, *, stills: bool) -> str:
    """A file name that says what is in it."""
    return f"{video.stem}_{first}-{last}" + ("_stills" if stills else ".mp4")


class ExportDialog(WritingDialog):
    """Asks, exports with progress and cancel, and shows where the result is."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, "Export", "the export", parent)
        self._named_by_user = False
        self._make_form()
        self.place()
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
        browse = self.button("Browse…", "Choose where the export goes", self._browse)
        form = QFormLayout(self.form)
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
        name = default_name(video.path, *self.frames(), stills=self.stills.isChecked())
        self.name.setText(str(self.folder() / name))
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
        self.run(ExportJob(self._session, media, plan, self), plan.out)

    def told(self, written: Any) -> tuple[Path, str]:
        done: Written = written
        lost = len(done.missing)
        return done.shown, f". {lost} damaged frames could not be decoded and are not in it" if lost else ""
