"""What the evidence is: its hash, what the file says of itself, and what limits its use. GUI thread only."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from engine.progress import Progress
from engine.rendering.layers import timecode
from engine.results import VideoIdentity
from engine.video.index import FrameIndex
from gui import theme
from gui.bridge import Task
from gui.panels.parts import (
    Elided,
    FactsGrid,
    Scrolling,
    clear_layout,
    column,
    heading,
    muted,
    progress_text,
    row,
    size_text,
)
from gui.session import Session


def index_rows(index: FrameIndex) -> list[tuple[str, str, str]]:
    """What the packets say of the frames, as rows of FactsGrid."""
    base = float(index.time_base)
    steps = np.diff(index.pts) * base * 1000
    keys = np.diff(index.keys)
    spacing = "varies" if index.variable_rate else "constant"
    if len(steps):
        shortest, longest = f"{steps.min():.2f}", f"{steps.max():.2f}"
        spacing += f", {shortest} ms" if shortest == longest else f", {shortest} to {longest} ms"
    rows = [
        ("Frames", "Number", f"{len(index):,}".replace(",", "\u202f")),
        ("Frames", "Duration", timecode(index.duration)),
        ("Frames", "Mean rate", f"{index.rate:.3f} frames per second"),
        ("Frames", "Spacing", spacing),
    ]
    if len(keys):
        rows.append(("Frames", "Key frames", f"{len(index.keys)}, {keys.min()} to {keys.max()} frames apart"))
    else:
        rows.append(("Frames", "Key frames", str(len(index.keys))))
    rows.append(("Frames", "First pts", f"{index.start_pts} ({index.start_pts * base:.3f} s)"))
    return rows


class Warnings(QWidget):
    """One row per warning: a sign and a sentence."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.texts: tuple[str, ...] | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)

    def set_texts(self, texts: tuple[str, ...]) -> None:
        if texts == self.texts:
            return
        self.texts = texts
        clear_layout(self._layout)
        for text in texts:
            self._layout.addWidget(_sentence("warning", "warning", text))
        if not texts:
            self._layout.addWidget(
                _sentence("check", "good", "Nothing unusual was noticed in the file's structure.")
            )


def _sentence(icon: str, ink: str, text: str) -> QWidget:
    holder, symbol, words = QWidget(), QLabel(), QLabel(text if text.endswith(".") else f"{text}.")
    symbol.setPixmap(theme.picture(icon, 16, ink))
    words.setWordWrap(True)
    words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    holder.setAccessibleName(words.text())
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(8)
    layout.addWidget(symbol, 0, Qt.AlignmentFlag.AlignTop)
    layout.addWidget(words, 1)
    return holder


class IntegrityPanel(QWidget):
    """About the current video."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAccessibleName("Integrity")
        self._session = session
        self._checking: Task | None = None
        inside = QWidget()
        layout = column(inside)
        self.path = Elided()
        theme.set_role(self.path, "muted")
        layout.addWidget(self.path)
        layout.addWidget(heading("SHA-256"))
        self.sha = QLabel()
        self.sha.setWordWrap(True)
        self.sha.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.sha.setAccessibleName("SHA-256")
        self.sha.setStyleSheet("font-family: 'DejaVu Sans Mono', Consolas, Menlo, monospace; font-size: 9pt;")
        layout.addWidget(self.sha)
        self.bar = QProgressBar()
        self.bar.setAccessibleName("Progress of hashing")
        self.bar.setRange(0, 1000)
        layout.addWidget(self.bar)
        self.copy = self._button("Copy", "Copy the SHA-256", self._copy_hash)
        self.again = self._button(
            "Verify again", "Read the whole file from the disk and compare its hash", self._verify_again
        )
        self.copy_all = self._button("Copy all", "Copy everything on this page as text", self._copy_all)
        layout.addLayout(row(self.copy, self.again, self.copy_all))
        self.result = muted()
        layout.addWidget(self.result)
        layout.addSpacing(4)
        self._warnings_title = heading("To keep in mind")
        layout.addWidget(self._warnings_title)
        self.warnings = Warnings()
        layout.addWidget(self.warnings)
        layout.addSpacing(4)
        self.facts = FactsGrid()
        layout.addWidget(self.facts)
        layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Scrolling(inside))
        session.media_changed.connect(self._on_media)
        session.identity_changed.connect(self.refresh)
        session.results_changed.connect(self._show_warnings)
        session.shown_changed.connect(self._show_warnings)
        self._on_media()

    def sizeHint(self) -> QSize:
        return QSize(340, 560)

    def as_text(self) -> str:
        """Everything on the page, for a report or an e-mail."""
        video, identity = self._session.current, self._session.identity
        if video is None:
            return ""
        lines = [f"File\tPath\t{video.path}"]
        lines.append(f"File\tSHA-256\t{identity.sha256 if identity else 'not known yet'}")
        lines += [f"Warning\t\t{text}" for text in self.warnings.texts or ()]
        return "\n".join([*lines, self.facts.as_text()])

    def refresh(self) -> None:
        """Show hash and progress."""
        video, identity = self._session.current, self._session.identity
        hashing = video.hashing if video else None
        checking = self._checking is not None
        self.path.set_text(str(video.path) if video else "No video is open", mode=Qt.TextElideMode.ElideMiddle)
        if identity is not None:
            self.sha.setText(" ".join(identity.sha256[at : at + 8] for at in range(0, 64, 8)))
        else:
            self.sha.setText("Waiting for the file to be read" if video and video.media else "—")
        self.bar.setVisible(hashing is not None or checking)
        if hashing is not None:
            self.bar.setValue(round(hashing.fraction * 1000))
            self.bar.setFormat(progress_text(hashing))
        self.copy.setEnabled(identity is not None)
        self.again.setEnabled(identity is not None and not checking)
        self.copy_all.setEnabled(self._session.media is not None)

    def _on_media(self) -> None:
        if self._checking is not None:
            self._checking.cancel()
            self._checking = None
        media = self._session.media
        self.result.setText("")
        self.result.hide()
        rows: list[tuple[str, str, str]] = []
        if media is not None:
            rows = [
                (group, name, size_text(media.facts.size) if (group, name) == ("File", "Size") else value)
                for group, name, value in media.facts.rows()
            ]
            rows[len([r for r in rows if r[0] == "File"]) : 0] = index_rows(media.index)
        self.facts.set_rows(rows)
        self._show_warnings()
        self.refresh()

    def _show_warnings(self) -> None:
        media = self._session.media
        self._warnings_title.setVisible(media is not None)
        self.warnings.setVisible(media is not None)
        if media is not None:
            self.warnings.set_texts(media.warnings())

    def _button(self, text: str, tip: str, do: object) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(do)
        return button

    def _copy_hash(self) -> None:
        if self._session.identity is not None:
            QGuiApplication.clipboard().setText(self._session.identity.sha256)
            self._say("The SHA-256 was copied.")

    def _copy_all(self) -> None:
        QGuiApplication.clipboard().setText(self.as_text())
        self._say("Everything on this page was copied.")

    def _verify_again(self) -> None:
        before = self._session.identity
        task = self._session.read_again()
        if task is None or before is None:
            return
        self._checking = task
        self._say("The file is being read again.")
        self.bar.setValue(0)
        task.progressed.connect(self._on_progress)
        task.succeeded.connect(lambda now: self._on_verified(task, before, now))
        task.failed.connect(lambda error: self._over(task, str(error), "bad"))
        task.cancelled.connect(lambda: self._over(task, "The check was cancelled.", ""))
        self.refresh()

    def _on_progress(self, progress: Progress) -> None:
        self.bar.setValue(round(progress.fraction * 1000))
        self.bar.setFormat(progress_text(progress))

    def _on_verified(self, task: Task, before: VideoIdentity, now: VideoIdentity) -> None:
        if now.sha256 == before.sha256:
            self._over(task, "✓ Unchanged: the file has the same SHA-256 as when it was opened.", "good")
        else:
            self._over(task, f"✕ Changed: the SHA-256 is now {now.sha256}. Do not go on with this file.", "bad")

    def _over(self, task: Task, text: str, level: str) -> None:
        if task is self._checking:
            self._checking = None
            self._say(text, level)
            self.refresh()

    def _say(self, text: str, level: str = "") -> None:
        self.result.setText(text)
        theme.set_role(self.result, "muted", level)
        self.result.show()
