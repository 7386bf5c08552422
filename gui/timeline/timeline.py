"""The timeline: all lanes under one scale with one cursor. A view of the session. GUI thread only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.results import BoolArray
from gui import theme
from gui.intervals import Intervals
from gui.prototypes.choice import PrototypeChoice
from gui.results_model import TrackSeries
from gui.session import Session
from gui.specifications.answers import FaceAnswer
from gui.specifications.checking import Checking
from gui.timeline.attention import SERIES, AttentionLane
from gui.timeline.intervals import IntervalsLane
from gui.timeline.lanes import GUTTER, RIGHT, BarsLane, MarksLane, Ruler
from gui.timeline.legend import Legend
from gui.timeline.peaks import Peak, most_suspicious
from gui.timeline.plot import CurvePlot
from gui.timeline.prototypes import PrototypesLane
from gui.timeline.scale import FrameScale
from gui.timeline.surface import Surface
from gui.timeline.surprise import SurpriseLane
from gui.timeline.thumbnails import ThumbnailsLane
from gui.timeline.ticks import clock
from gui.timeline.verdict import VerdictCurve, VerdictLane, curve_of

REDRAW_MS = 80
"""New results are drawn at most this often while an analysis runs."""


PLOT, SHARED_PLOT, LOW_PLOT = 84, 62, 48
"""Smallest height of the curves, pixels: alone, beside another lane, and beside several or another view."""
HIGH_WINDOW = 1000
"""Pixels; a window of this height has room for all lanes beside high curves."""


def stretches(mask: BoolArray) -> list[tuple[int, int]]:
    """The inclusive ranges in which a mask is True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]


class Stack(QWidget):
    """The lanes one below the other, and the surface over them."""

    resized = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ruler = Ruler(self)
        self.thumbnails = ThumbnailsLane(session.background, self)
        self.plot = CurvePlot(self)
        self.attention = AttentionLane(self)
        self.prototypes = PrototypesLane(self)
        self.surprise = SurpriseLane(self)
        self.intervals = IntervalsLane(self)
        self.verdict = VerdictLane(self)
        self.marks = MarksLane(self)
        self.analysed = BarsLane("Analysed", "analysed", self)
        self.cached = BarsLane("In memory", "cached", self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._low = False
        self._lanes = (
            self.ruler, self.thumbnails, self.plot, self.attention, self.prototypes, self.surprise, self.intervals,
            self.verdict, self.marks, self.analysed, self.cached,
        )  # fmt: skip
        for lane in self._lanes:
            layout.addWidget(lane, 1 if lane is self.plot else 0)
        telling = self.attention, self.prototypes, self.surprise, self.intervals, self.verdict
        self.surface = Surface(self.plot, self.marks, telling, self)

    def set_low(self, low: bool) -> None:
        """Leave out what is not needed to find one's way, where another view wants the room."""
        self._low = low
        self._share_room()

    def set_verdict(self, curve: VerdictCurve | None) -> None:
        """Show the lane of the verdict, or leave it out."""
        self.verdict.set_curve(curve)
        self._share_room()

    def set_attention(self, tracks: Sequence[TrackSeries]) -> None:
        """Show the lane of the attention to frames, or leave it out where no face has any."""
        self.attention.set_tracks(tracks)
        self._share_room()

    def set_surprise(self, tracks: Sequence[TrackSeries]) -> None:
        """Show the lane of the errors of prediction, or leave it out where the detector foretells nothing."""
        self.surprise.set_tracks(tracks)
        self._share_room()

    def show_prototypes(self) -> None:
        """Show the lane of the prototypes, or leave it out where the detector has none."""
        self.prototypes.refresh()
        self._share_room()

    def set_intervals(self, intervals: Intervals) -> None:
        """Show the lane of the suspicious intervals, or leave it out where there is none."""
        self.intervals.set_intervals(intervals.found, intervals.rule)
        self._share_room()

    def _share_room(self) -> None:
        """Which lanes are shown, so that a window of 800 pixels has room for them."""
        extra = {
            self.verdict: self.verdict.curve is not None,
            self.attention: bool(self.attention.tracks),
            self.prototypes: bool(self.prototypes.rows),
            self.surprise: bool(self.surprise.tracks),
            self.intervals: bool(self.intervals.intervals),
        }
        for lane, wanted in extra.items():
            lane.setVisible(wanted and not self._low)
        high = self.window().height() >= HIGH_WINDOW
        self.prototypes.set_high(high)
        self.surprise.set_high(high)
        count = sum(extra.values()) + extra[self.surprise]  # a curve is higher than a strip
        series = extra[self.attention] or extra[self.prototypes] or extra[self.surprise]
        crowded = not high and (extra[self.prototypes] or (extra[self.verdict] and series))
        self.analysed.setHidden(self._low or crowded)
        self.cached.setHidden(self._low or crowded)
        self.thumbnails.setHidden(self._low or (extra[self.prototypes] and not high))
        least = PLOT if high or not count else SHARED_PLOT if count == 1 else LOW_PLOT
        self.plot.setMinimumHeight(LOW_PLOT if self._low else least)

    def set_scale(self, scale: FrameScale) -> None:
        for lane in (*self._lanes, self.surface):
            lane.set_scale(scale)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._share_room()
        self.surface.setGeometry(self.rect())
        self.surface.raise_()
        self.resized.emit()


class TimelinePanel(QWidget):
    """Thumbnails, curves, marks and bars of the current video.

    Signals:
        mark_edit_requested: a Mark whose note the user wants to edit.
    """

    mark_edit_requested = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._scale = FrameScale.whole(1, GUTTER, 1)
        self._most: Peak | None = None
        self._buttons: dict[str, QToolButton] = {}
        self.stack = Stack(session, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 0, 6)
        layout.setSpacing(4)
        layout.addLayout(self._make_header())
        layout.addWidget(self.stack, 1)
        self.setAccessibleName("Timeline")
        self._redraw = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._redraw.timeout.connect(self._show_results)
        self._checking: Checking | None = None
        self._shown_verdict: tuple[FaceAnswer | None, str | None] = None, None
        self._verdict_timer = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._verdict_timer.timeout.connect(self._show_verdict)
        self._connect()
        self._on_media()

    @property
    def scale(self) -> FrameScale:
        """What is in view."""
        return self._scale

    def sizeHint(self) -> QSize:
        return QSize(900, 260)

    def set_low(self, low: bool) -> None:
        """Leave out what is not needed to find one's way, where another view wants the room."""
        self.stack.set_low(low)

    # Zooming, for commands

    def zoom_in(self) -> None:
        """Show half as many frames around the playhead."""
        self._set_scale(self._scale.zoomed(2.0, self._session.frame))

    def zoom_out(self) -> None:
        """Show twice as many frames around the playhead."""
        self._set_scale(self._scale.zoomed(0.5, self._session.frame))

    def fit(self) -> None:
        """Show the whole video."""
        self._set_scale(FrameScale.whole(self._scale.frames, self._scale.left, self._scale.width))

    def zoom_to_range(self) -> None:
        """Show the chosen range from edge to edge."""
        first, last = self._session.range
        if last >= first:
            self._set_scale(self._scale.showing(first, last))

    def go_to_most_suspicious(self) -> None:
        """Pause at the highest score of all faces that are shown, if there is one."""
        if self._most is not None:
            self._session.pause()
            self._session.go_to(self._most.frame)

    def name_keys(self, actions: Mapping[str, QAction]) -> None:
        """Tell in the tooltips which keys do the same."""
        for command, button in self._buttons.items():
            button.setToolTip(actions[command].toolTip())

    def follow(self, checking: Checking) -> None:
        """Show what a specification says in a lane of its own."""
        self._checking = checking
        checking.changed.connect(self._later_verdict)
        checking.parsed_changed.connect(self._later_verdict)
        self._later_verdict()

    def show_intervals(self, intervals: Intervals) -> None:
        """Show what is suspicious in a lane of its own."""
        intervals.changed.connect(lambda: self.stack.set_intervals(intervals))
        self.stack.set_intervals(intervals)

    def follow_prototypes(self, choice: PrototypeChoice) -> None:
        """Show how similar the chosen face is to prototypes, in a lane of its own."""
        self.stack.prototypes.follow(choice)
        choice.changed.connect(self.stack.show_prototypes)
        self.stack.show_prototypes()

    # Building

    def _make_header(self) -> QHBoxLayout:
        self.chip = QPushButton()
        self.chip.setObjectName("suspiciousChip")
        self.chip.setAccessibleName("Go to the most suspicious moment")
        self.chip.setToolTip("Go to the most suspicious moment")
        self.chip.clicked.connect(self.go_to_most_suspicious)
        self.legend = Legend()
        self.readout = QLabel()
        self.readout.setFont(theme.numbers_font(self))
        self.readout.setAccessibleName("What is under the mouse")
        self.readout.setMinimumWidth(0)
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.readout.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.threshold = QLabel()
        self.threshold.setFont(theme.numbers_font(self))
        self.threshold.setToolTip("Drag the line in the plot to move the threshold")
        theme.set_role(self.threshold, "muted")
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, RIGHT, 0)
        row.setSpacing(8)
        row.addWidget(self.chip)
        row.addWidget(self.legend)
        row.addWidget(self.readout, 1)
        row.addWidget(self.threshold)
        for text, name, command, action in (
            ("−", "Show more frames", "timeline_out", self.zoom_out),
            ("+", "Show fewer frames", "timeline_in", self.zoom_in),
            ("Fit", "Show the whole video", "timeline_fit", self.fit),
        ):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(name)
            button.setAccessibleName(name)
            button.clicked.connect(action)
            self._buttons[command] = button
            row.addWidget(button)
        return row

    def _connect(self) -> None:
        session, stack, surface = self._session, self.stack, self.stack.surface
        session.media_changed.connect(self._on_media)
        session.frame_changed.connect(self._on_frame)
        session.range_changed.connect(self._on_range)
        session.marks_changed.connect(lambda: stack.marks.set_marks(session.marks))
        session.results_changed.connect(self._on_results)
        session.tracks_changed.connect(self._redraw.start)
        session.choice_changed.connect(self._on_threshold)
        session.cache_changed.connect(lambda: stack.cached.set_ranges(session.cached_ranges))
        stack.resized.connect(self._on_resized)
        surface.scrubbed.connect(session.go_to)
        surface.threshold_moved.connect(self._on_threshold_moved)
        surface.zoomed.connect(lambda factor, anchor: self._set_scale(self._scale.zoomed(factor, anchor)))
        surface.panned.connect(lambda frames: self._set_scale(self._scale.panned(frames)))
        surface.hovered.connect(self._on_hover)
        surface.mark_edited.connect(self.mark_edit_requested)

    # Following the session

    def _on_media(self) -> None:
        media = self._session.media
        frames = self._session.frames
        self.stack.surface.enabled = media is not None
        self.stack.thumbnails.set_media(media)
        for lane in (self.stack.ruler, self.stack.intervals):
            lane.set_clock(media.index.seconds if media is not None else None)
        for button in self._buttons.values():
            button.setEnabled(media is not None)
        self._set_scale(FrameScale.whole(frames, self._scale.left, self._scale.width))
        self.stack.marks.set_marks(self._session.marks)
        self.stack.cached.set_ranges(self._session.cached_ranges)
        self._on_range()
        self._on_threshold()
        self._show_results()

    def _on_frame(self, frame: int) -> None:
        self._set_scale(self._scale.following(frame))
        self.stack.surface.set_cursor(frame)

    def _on_range(self) -> None:
        chosen = self._session.in_point is not None or self._session.out_point is not None
        self.stack.surface.set_range(self._session.range if chosen else None)

    def _on_threshold(self) -> None:
        threshold = self._session.threshold
        self.stack.plot.set_threshold(threshold)
        self.threshold.setText(f"Threshold {threshold:.2f}")
        self._show_chip()

    def _on_threshold_moved(self, threshold: float, dragging: bool) -> None:
        if dragging:  # the verdicts follow when the line is let go
            self.stack.plot.set_threshold(threshold)
            self.threshold.setText(f"Threshold {threshold:.2f}")
        else:
            self._session.set_threshold(threshold)

    def _on_results(self) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def _on_resized(self) -> None:
        width = self.stack.width() - GUTTER - RIGHT
        self._set_scale(self._scale.resized(GUTTER, width))

    def _set_scale(self, scale: FrameScale) -> None:
        if scale != self._scale:
            self._scale = scale
            self.stack.set_scale(scale)

    def _show_results(self) -> None:
        results, tracks = self._session.results, self._session.visible_tracks
        analysed = results.analysed if results is not None else np.zeros(self._session.frames, np.bool_)
        self.stack.analysed.set_ranges(stretches(analysed))
        self.stack.plot.set_unanalysed(stretches(~analysed))
        self.stack.plot.set_tracks(tracks)
        self.stack.set_attention(tracks)
        self.stack.set_surprise(tracks)
        self.stack.show_prototypes()
        self.legend.set_tracks(tracks)
        self._most = most_suspicious(tracks)
        self._show_chip()

    def _later_verdict(self) -> None:
        if not self._verdict_timer.isActive():
            self._verdict_timer.start()

    def _show_verdict(self) -> None:
        checking = self._checking
        if checking is None:
            return
        answer, there = checking.answer, bool(checking.chosen) and self._session.results is not None
        standing = checking.standing if there else None
        if (answer, standing) == self._shown_verdict:
            return
        self._shown_verdict = answer, standing
        if standing is None:
            self.stack.set_verdict(None)
        elif answer is None or checking.answers is None:
            self.stack.set_verdict(VerdictCurve("", "", "", "", standing))
        else:
            title = f"{checking.answers.title}. {standing}".removesuffix(". ")
            self.stack.set_verdict(curve_of(title, answer, checking.marked_frames))

    def _show_chip(self) -> None:
        most, results = self._most, self._session.results
        self.chip.setVisible(most is not None and results is not None)
        if most is None or results is None:
            return
        above = most.probability >= self._session.threshold
        sign = "▲" if above else "▽"
        name = results.tracks[most.track_id].name if most.track_id in results.tracks else ""
        self.chip.setText(f"{sign} Most suspicious: frame {most.frame}, {name}, {most.probability:.2f}")
        self.chip.setProperty("level", "warning" if above else "")
        side = "above" if above else "below"
        self.chip.setToolTip(
            f"Go to the highest score, which lies {side} the threshold of {self._session.threshold:.2f}"
        )
        self.chip.style().polish(self.chip)

    def _on_hover(self, frame: int) -> None:
        media = self._session.media
        if frame < 0 or media is None:
            self.readout.clear()
            return
        parts = [f"Frame {frame}", clock(media.index.seconds(frame))]
        for track in self._session.visible_tracks:
            probability = track.probability_at(frame)
            if not math.isnan(probability):
                parts.append(f"{track.name} {probability:.2f}")
            attention = float(track.frame_values(SERIES, frame, frame)[0])
            if not math.isnan(attention):
                parts.append(f"U-T {attention:.2f}")
            surprise = self.stack.surprise.value_at(track, frame)
            if not math.isnan(surprise):
                parts.append(f"surprise {surprise:.2f}")
        self.readout.setText("   ".join(parts))
