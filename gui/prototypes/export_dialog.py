"""Asks where the animation of a prototype beside the questioned patch goes, and writes it. GUI thread only."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QFormLayout, QLineEdit, QRadioButton, QWidget

from engine.exports.questioned_patch import Questioned
from gui.dialogs.writing import WritingDialog
from gui.panels.parts import muted, row
from gui.prototypes.exporting import PrototypeExport
from gui.session import Session

FILTER = "Animations (*.gif *.mp4)"


class PrototypeExportDialog(WritingDialog):
    """Shows what will be written, then progress with cancel, then where it is."""

    def __init__(self, session: Session, wanted: Questioned, parent: QWidget | None = None) -> None:
        super().__init__(session, "Export a prototype beside the face", "the animation", parent)
        self._wanted = wanted
        self.gif, self.mp4 = QRadioButton("GIF"), QRadioButton("MP4")
        self.gif.setToolTip("Goes round without end, 256 colours")
        self.mp4.setToolTip("All colours; shown four times")
        self.gif.setChecked(True)
        self.gif.toggled.connect(self._suggest)
        self.name = QLineEdit()
        self.name.setAccessibleName("File name")
        self.name.setToolTip("Where the animation goes; a JSON of the same name says where it comes from")
        self.browse = self.button("Browse…", "Choose where the animation goes", self._browse)
        self._make_form()
        self._suggest()

    def _make_form(self) -> None:
        wanted = self._wanted
        name = self._session.reviewing.name_of(wanted.prototype.name)
        what = muted(
            f"The motion of {name} beside Face {wanted.scores.track_id + 1} from frame {wanted.first} on, in step."
            f" Similarity {wanted.similarity:.3f}."
        )
        form = QFormLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(10)
        form.setHorizontalSpacing(14)
        form.addRow("Write", row(self.gif, self.mp4))
        form.addRow("To", row(self.name, self.browse, stretch=0))
        self.place(what)

    def _suggest(self) -> None:
        """Another suffix, or at first a name that says what is in it; never beside the evidence by itself."""
        suffix = ".gif" if self.gif.isChecked() else ".mp4"
        if self.name.text():
            self.name.setText(str(Path(self.name.text()).with_suffix(suffix)))
            return
        video = self._session.current.path.stem if self._session.current is not None else "video"
        words = re.sub(r"\W+", "-", self._wanted.prototype.name, flags=re.ASCII).strip("-")[:40]
        self.name.setText(str(self.folder() / f"{video}_{self._wanted.first}_{words}{suffix}"))

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
        self.run(PrototypeExport(self._session, media, self._wanted, out, self), out)
