"""The faces of the current video: picture, line, figures, and what can be done with each. GUI thread only."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from gui import theme
from gui.panels.parts import Elided, muted
from gui.pictures import Wish, small_pictures
from gui.results_model import TrackSeries
from gui.session import Session
from gui.timeline.plot import curve_pen

FACE = QSize(44, 44)
REFRESH_MS = 250
ROWS_AT_A_TIME = 8


class LineSample(QWidget):
    """How the face's curve is drawn."""

    def __init__(self, track_id: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._track_id = track_id
        self.setFixedSize(24, 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        pen = QPen(curve_pen(self._track_id))
        pen.setWidth(2)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawLine(QPointF(0, self.height() / 2), QPointF(self.width(), self.height() / 2))
        painter.end()


def best_frame(track: TrackSeries) -> int:
    """The frame that shows a face largest."""
    sizes = np.nan_to_num(track.boxes[:, 2] - track.boxes[:, 0], nan=-1.0)
    return int(sizes.argmax()) + track.first


def describe(track: TrackSeries) -> str:
    """How often a face is seen and how it scores on the whole."""
    seen = int(np.count_nonzero(~np.isnan(track.boxes[:, 0])))
    mean = "not scored" if math.isnan(track.mean) else f"mean {track.mean:.2f}"
    return f"{mean} · {seen} frames"


class FaceRow(QWidget):
    """One face.

    Signals:
        visible_changed: the user shows or hides it.
        analyse_requested: the user wants it analysed alone.
    """

    visible_changed = Signal(bool)
    analyse_requested = Signal()

    def __init__(self, track: TrackSeries, *, visible: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        name = track.name
        self.picture = QLabel()
        self.picture.setFixedSize(FACE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setStyleSheet(f"background: {theme.colours()['picture']};")
        self.picture.setAccessibleName(f"Picture of {name}")
        self.shown = QCheckBox(name)
        self.shown.setChecked(visible)
        self.shown.setToolTip(f"Show or hide the box, the mask and the curve of {name}")
        self.shown.toggled.connect(self.visible_changed)
        self.figures = Elided()
        theme.set_role(self.figures, "small")
        only = QToolButton()
        only.setIcon(theme.icon("analyse"))
        only.setToolTip(f"Analyse only {name}")
        only.setAccessibleName(f"Analyse only {name}")
        only.clicked.connect(self.analyse_requested)
        theme.set_role(only, "flat")
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.shown)
        top.addWidget(LineSample(track.id))
        top.addStretch(1)
        top.addWidget(only)
        middle = QVBoxLayout()
        middle.setSpacing(1)
        middle.addLayout(top)
        middle.addWidget(self.figures)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(8)
        layout.addWidget(self.picture)
        layout.addLayout(middle, 1)
        self.refresh(track)

    def refresh(self, track: TrackSeries) -> None:
        self.figures.set_text(describe(track))

    def set_picture(self, image: QImage) -> None:
        self.picture.setPixmap(QPixmap.fromImage(image))


class FacesPanel(QWidget):
    """One row per face of the current video under the chosen detector."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.rows: dict[int, FaceRow] = {}
        self._generation = 0
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._empty = muted()
        self._layout.addWidget(self._empty)
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        self._more = QTimer(self, singleShot=True, interval=0)
        self._more.timeout.connect(self._make_some)
        session.tracks_changed.connect(self._rebuild)
        session.media_changed.connect(self._rebuild)
        session.results_changed.connect(self._later)
        session.analysis_changed.connect(self._say_why_empty)
        self._rebuild()

    def _tracks(self) -> dict[int, TrackSeries]:
        results = self._session.results
        return results.tracks if results else {}

    def _rebuild(self) -> None:
        """Make rows for new faces, drop those of faces that are gone, and show which are hidden."""
        tracks, hidden = self._tracks(), self._session.hidden_faces
        anew = self._generation_changed()
        for gone in [track_id for track_id in self.rows if anew or track_id not in tracks]:
            row = self.rows.pop(gone)
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._make_some()
        for track_id, face in self.rows.items():
            face.shown.setChecked(track_id not in hidden)
        self._say_why_empty()

    def _make_some(self) -> None:
        """A few rows at a time: all those of a crowd take longer than the event loop may be away."""
        tracks, hidden = self._tracks(), self._session.hidden_faces
        missing = [track for track in tracks.values() if track.id not in self.rows]
        for track in missing[:ROWS_AT_A_TIME]:
            made = FaceRow(track, visible=track.id not in hidden)
            made.visible_changed.connect(lambda on, i=track.id: self._session.set_face_visible(i, on))
            made.analyse_requested.connect(lambda i=track.id: self._session.start_analysis(people=[i]))
            self.rows[track.id] = made
        self.rows = {track_id: self.rows[track_id] for track_id in tracks if track_id in self.rows}
        for place, row in enumerate(self.rows.values(), start=1):  # below what is said when there is none
            if self._layout.indexOf(row) != place:
                self._layout.insertWidget(place, row)
        self._ask_for_pictures(missing[:ROWS_AT_A_TIME])
        if len(missing) > ROWS_AT_A_TIME:
            self._more.start()

    def _generation_changed(self) -> bool:
        """Whether the results are those of another analysis, or final now: the same ids may be other people."""
        results = self._session.results
        generation = hash((id(results), results.done if results is not None else False))
        changed, self._generation = generation != self._generation, generation
        return changed

    def _say_why_empty(self) -> None:
        self._empty.setVisible(not self.rows)
        results, analysis = self._session.results, self._session.analysis
        if analysis.state.active:
            self._empty.setText("Looking for faces…")
        elif results is not None and results.done:
            self._empty.setText("No face was found. Tellframe judges faces only.")
        else:
            self._empty.setText("Faces appear here once the video is analysed.")

    def _later(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _refresh(self) -> None:
        tracks = self._tracks()
        for track_id, face in self.rows.items():
            if track_id in tracks:
                face.refresh(tracks[track_id])

    def _ask_for_pictures(self, tracks: Sequence[TrackSeries]) -> None:
        media = self._session.media
        if media is None or not tracks:
            return
        generation = self._generation
        owners = {}
        for track in tracks:
            frame = best_frame(track)
            owners[Wish(frame, FACE, track.box_at(frame))] = track.id
        wishes = sorted(owners, key=lambda wish: wish.frame)
        task = self._session.background.start(
            lambda cancel, _progress: small_pictures(media, wishes, cancel), slow=True
        )
        task.succeeded.connect(lambda made: self._on_pictures(generation, owners, made))

    def _on_pictures(self, generation: int, owners: dict[Wish, int], made: list[tuple[Wish, QImage]]) -> None:
        if generation != self._generation or not isValid(self):
            return
        for wish, image in made:
            if owners[wish] in self.rows:
                self.rows[owners[wish]].set_picture(image)
