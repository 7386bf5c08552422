"""The tab Moments: where a face's scores are high, and which frames the detector attends to. GUI thread only."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction, QShowEvent
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from gui.intervals import Intervals
from gui.panels.intervals import IntervalsView
from gui.panels.parts import Scrolling, column, heading, muted, row
from gui.panels.snippet_grid import SnippetGrid
from gui.session import Session
from gui.timeline.attention import MEANING, SERIES

REFRESH_MS = 200


class MomentsPanel(QWidget):
    """Suspicious intervals of any detector; below them the grid of one that has a U-T map."""

    def __init__(self, session: Session, intervals: Intervals, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAccessibleName("Moments")
        self._session = session
        self._face = 0
        self.intervals = IntervalsView(session, intervals)
        self._title = heading("Attention to frames (U-T)")
        self.faces = QComboBox()
        self.faces.setAccessibleName("Face whose frames are shown")
        self.faces.setToolTip("Face whose frames are shown")
        self.faces.activated.connect(self._choose)
        self.grid = SnippetGrid(session)
        self.grid.moved.connect(self._go)
        self._legend = muted(
            f"Bars and numbers: {MEANING} (the tick). Left: the frames of a score and its fake probability, "
            "▲ from the threshold on."
        )
        inside = QWidget()
        layout = column(inside)
        layout.addWidget(self.intervals)
        layout.addLayout(row(self._title, QWidget(), self.faces, stretch=1))
        layout.addWidget(self.grid)
        layout.addWidget(self._legend)
        layout.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Scrolling(inside))
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        session.media_changed.connect(self._on_new)
        session.tracks_changed.connect(self._on_new)
        session.results_changed.connect(self._later)
        session.choice_changed.connect(self._later)
        session.frame_changed.connect(lambda _frame: self.grid.follow_playhead())
        session.playing_changed.connect(self.grid.follow_playhead)

    def name_keys(self, actions: Mapping[str, QAction]) -> None:
        """Tell in the tooltips which keys do the same."""
        self.intervals.name_mark_key(actions["mark_interval"].toolTip())

    def take_focus(self) -> None:
        """Bring the keys to the list, or to the grid where it is empty."""
        shown = (self.intervals.list, self.grid, self.intervals.high)
        next(widget for widget in shown if widget.isVisibleTo(self)).setFocus()

    def refresh(self) -> None:
        """Show the faces that have a U-T map, and the chosen one of them; nothing while nobody looks."""
        if not self.isVisible():
            return
        tracks = [track for track in self._session.visible_tracks if SERIES in track.activations]
        chosen = next((track for track in tracks if track.id == self._face), tracks[0] if tracks else None)
        names = [track.name for track in tracks]
        if names != [self.faces.itemText(at) for at in range(self.faces.count())]:
            self.faces.clear()
            for track in tracks:
                self.faces.addItem(track.name, track.id)
        if chosen is not None:
            self.faces.setCurrentIndex(tracks.index(chosen))
        for widget in (self._title, self.grid, self._legend):
            widget.setVisible(chosen is not None)
        self.faces.setVisible(len(tracks) > 1)
        self.grid.set_track(chosen)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def _choose(self, at: int) -> None:
        self._face = int(self.faces.itemData(at))
        self.refresh()

    def _go(self, frame: int) -> None:
        self._session.pause()
        self._session.go_to(frame)

    def _on_new(self) -> None:
        """Other faces, or the same ones under new numbers."""
        self.grid.forget()
        self.refresh()

    def _later(self) -> None:
        if not self._timer.isActive():
            self._timer.start()
