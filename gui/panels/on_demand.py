"""Asking a slow explainer about the frame on the screen or the range, and how far it is. GUI thread only."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from gui import theme
from gui.commands import explainer_name
from gui.explaining import Wanted, grown_text
from gui.panels.parts import muted, progress_text, row
from gui.session import Session


class OnDemandView(QWidget):
    """Buttons, or progress with an estimate; there while a slow explainer is chosen or works."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._demand = session, session.on_demand
        self.frame = self._button("Explain this frame", "Make the masks of this frame, which takes long")
        theme.set_role(self.frame, "primary")
        self.range = self._button("Explain the range", "Make the masks of the range from I to O, frame by frame")
        self.cancel = self._button("Cancel", "Stop making masks; what is drawn stays and can be gone on with")
        self.frame.clicked.connect(lambda: self._demand.explain((session.frame,)))
        self.range.clicked.connect(lambda: self._demand.explain(self._demand.range))
        self.cancel.clicked.connect(self._demand.cancel)
        self.words = muted()
        self.bar = QProgressBar()
        self.bar.setAccessibleName("Progress of the masks")
        self.bar.setTextVisible(False)
        self.error = QLabel()
        self.error.setWordWrap(True)
        theme.set_role(self.error, "", "error")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.words)
        layout.addLayout(row(self.bar, self.cancel, stretch=0))
        for widget in (self.error, self.frame, self.range):
            layout.addWidget(widget)
        for signal in (
            self._demand.changed,
            session.choice_changed,
            session.range_changed,
            session.explanations_changed,
        ):
            signal.connect(self.refresh)
        self.refresh()

    def name_keys(self, actions: Mapping[str, QAction]) -> None:
        """Tell in the tooltips which keys do the same."""
        for command, button in (
            ("explain_frame", self.frame),
            ("explain_range", self.range),
            ("explain_cancel", self.cancel),
        ):
            button.setToolTip(actions[command].toolTip())

    def refresh(self) -> None:
        """Show how it stands."""
        session, asked = self._session, self._demand.asked
        self.setVisible(asked is not None or session.slow)
        if self.isHidden():
            return
        working = asked is not None
        for widget in (self.words, self.bar, self.cancel):
            widget.setVisible(working)
        for widget in (self.frame, self.range):
            widget.setVisible(not working)
        self.error.setVisible(False)
        if asked is not None:
            self._show_progress(asked)
        else:
            self._show_buttons()

    def _show_progress(self, asked: Wanted) -> None:
        progress = self._demand.progress
        frames = f"{len(asked.frames)} frames" if asked.frames else f"frame {asked.frame}"
        text = f"{explainer_name(asked.explainer_id)}, {frames}"
        known = progress is not None and progress.total > 0
        self.bar.setRange(0, 1000 if known else 0)
        if progress is not None:
            grown = None if asked.frames else self._demand.grown(asked.frame)
            note = progress.note if grown is None else grown_text(grown)
            text = f"{text}\n{progress_text(progress)}" + (f"\n{note}" if note else "")
            self.bar.setValue(round(1000 * progress.fraction))
        self.words.setText(text)

    def _show_buttons(self) -> None:
        session, demand = self._session, self._demand
        name = explainer_name(session.explainer_id)
        frames = demand.range
        grown = demand.grown(session.frame)
        samples = grown.grown[0] if grown is not None and grown.grown is not None else 0
        self.frame.setText(f"Go on from {samples} samples" if samples else f"Explain this frame with {name}")
        self.frame.setEnabled(demand.can_explain())
        count = len(frames)
        self.range.setText(f"Explain the range, {count} frame{'s' * (count != 1)}")
        self.range.setEnabled(count > 0)
        error = demand.error((session.frame,)) or demand.error(frames)
        if error is not None:
            self.error.setText(f"✕ {error.message}. {error.advice}.")
            self.error.show()

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        return button
