"""The comparison as a model: its panes, how they are looked at, and what is asked for them. GUI thread only."""

from __future__ import annotations

import dataclasses
import math
from itertools import combinations, permutations

from PySide6.QtCore import QObject, QTimer, Signal

from engine.evaluation.explanations.measures import MapMeasures
from engine.rendering.style import OverlayStyle
from gui.compare.choice import LETTERS, PaneChoice, from_text, to_text
from gui.compare.measuring import Agreement, Measuring, Series
from gui.compare.pane import Pane
from gui.explaining import FrameExplanation
from gui.results_model import TrackSeries
from gui.session import Session

REFRESH_MS = 15
LAYOUTS = ("auto", "row", "grid")
WIPE_STEP = 0.02


class Comparison(QObject):
    """Up to four panes on the frame of the player. It asks for masks only while it is open.

    Attributes:
        panes: from the first to the last; their letters are those of LETTERS.
        active: the pane that commands without a pane of their own work on.

    Signals:
        panes_changed: panes came or went.
        changed: anything else to be shown anew; collected over some milliseconds.
    """

    panes_changed = Signal()
    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.panes: list[Pane] = []
        self.active = 0
        self._open = False
        self._face: int | None = None
        self._pair = (0, 1)
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.changed)
        self.measuring = Measuring(session.background, self._look_up, self)
        self.measuring.changed.connect(self._later)
        for signal in (
            session.shown_changed,
            session.range_changed,
            session.results_changed,
            session.tracks_changed,
            session.style_changed,
            session.choice_changed,
            session.detectors_changed,
            session.playing_changed,
        ):
            signal.connect(self._later)
        for signal in (
            session.frame_changed,
            session.playing_changed,
            session.results_changed,
            session.tracks_changed,
            session.choice_changed,
            session.detectors_changed,
        ):
            signal.connect(self._follow)
        session.current_changed.connect(self._on_video)

    # Panes

    @property
    def is_open(self) -> bool:
        return self._open

    def open(self) -> None:
        """Begin to ask for masks; with the panes of the last time, or the first ones that make sense."""
        self._open = True
        if not self.panes:
            kept = [from_text(text) for text in self._session.settings.preferences.compare_panes]
            for choice in [choice for choice in kept if choice is not None][: len(LETTERS)]:
                self._append(choice)
            while len(self.panes) < 2 and self._session.detectors:
                self._append(self.suggestion())
        self.panes_changed.emit()
        self._follow()

    def close(self) -> None:
        """Ask for nothing any more; what is being made is given up, what was made stays."""
        self._open = False
        for pane in self.panes:
            pane.cancel()

    def add(self) -> None:
        """One pane more, with what is not shown yet; nothing if there are as many as there may be."""
        if len(self.panes) < len(LETTERS) and self._session.detectors:
            self._append(self.suggestion())
            self.active = len(self.panes) - 1
            self._keep()
            self.panes_changed.emit()
            self._follow()

    def remove(self, pane: Pane) -> None:
        """Close a pane; the last one stays."""
        if len(self.panes) < 2:
            return
        self.panes.remove(pane)
        pane.close()
        pane.deleteLater()
        self.active = min(self.active, len(self.panes) - 1)
        self._keep()
        self.panes_changed.emit()
        self._later()

    def choose(self, pane: Pane, choice: PaneChoice) -> None:
        """Let a pane show something else."""
        pane.choose(choice)
        self._keep()
        self._follow()
        for frame in (self._session.shown.index,) if self._session.shown is not None else ():
            self._on_made(pane, frame)  # made before, for it or beside another one
        self._later()

    def set_active(self, number: int) -> None:
        """Choose the pane that commands work on."""
        if 0 <= number < len(self.panes) and number != self.active:
            self.active = number
            self._later()

    @property
    def active_pane(self) -> Pane | None:
        """None before there are panes."""
        return self.panes[self.active] if self.panes else None

    def remove_active(self) -> None:
        """Close the pane in use."""
        if self.active_pane is not None:
            self.remove(self.active_pane)

    def make_active(self) -> None:
        """Make the mask of the pane in use, however long that takes."""
        if self.active_pane is not None:
            self.active_pane.make()

    def cancel_active(self) -> None:
        """Give up what the pane in use is making."""
        if self.active_pane is not None:
            self.active_pane.cancel()

    def suggestion(self) -> PaneChoice:
        """What no pane shows yet, of trained detectors first; else what the player shows."""
        taken = {pane.choice for pane in self.panes}
        session = self._session
        own = session.detector_id
        detectors = sorted((d for d in session.detectors if d.trained), key=lambda d: d.id != own)
        every = [PaneChoice(d.id, explainer_id) for d in detectors for explainer_id in d.explainers]
        free = [choice for choice in every if choice not in taken]
        player = PaneChoice(own, session.explainer_id)
        return next(iter(free), player)

    def letter(self, pane: Pane) -> str:
        return LETTERS[self.panes.index(pane)]

    def _append(self, choice: PaneChoice) -> None:
        pane = Pane(self._session, choice, self)
        pane.changed.connect(self._later)
        pane.idle.connect(self._follow)
        pane.made.connect(lambda frame: self._on_made(pane, frame))
        pane.forgotten.connect(self.measuring.forget)
        self.panes.append(pane)

    def _keep(self) -> None:
        self._session.settings.change(compare_panes=tuple(to_text(pane.choice) for pane in self.panes))

    # How it is looked at

    @property
    def face(self) -> int | None:
        """The face that is compared: the chosen one, else the one with the highest mean probability."""
        tracks = self.tracks
        if self._face in {track.id for track in tracks}:
            return self._face

        def rank(track: TrackSeries) -> float:
            return -1.0 if math.isnan(track.mean) else track.mean

        best = max(tracks, key=rank, default=None)
        return None if best is None else best.id

    @property
    def tracks(self) -> tuple[TrackSeries, ...]:
        """The faces to choose from."""
        return self._session.visible_tracks

    def set_face(self, track_id: int) -> None:
        self._face = track_id
        self._later()

    @property
    def red(self) -> bool:
        """Whether masks are red and transparent as in P002; else signed."""
        return self._session.settings.preferences.compare_red

    @property
    def wipe(self) -> bool:
        """Whether the part left of the line shows the picture alone."""
        return self._session.settings.preferences.compare_wipe

    @property
    def wipe_at(self) -> float:
        """Share of the picture's visible width that lies left of the line."""
        return self._session.settings.preferences.compare_wipe_at

    @property
    def difference(self) -> bool:
        """Whether two panes and their difference are shown instead of all panes."""
        return self._session.settings.preferences.compare_difference and len(self.panes) > 1

    @property
    def follows_face(self) -> bool:
        """Whether the view is on the face; else where the user has moved it, or on the whole frame."""
        return self._session.settings.preferences.compare_follow

    @property
    def layout(self) -> str:
        """One of LAYOUTS."""
        chosen = self._session.settings.preferences.compare_layout
        return chosen if chosen in LAYOUTS else LAYOUTS[0]

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Of panes, in both orders, for the difference."""
        return tuple(permutations(range(len(self.panes)), 2))

    @property
    def pair(self) -> tuple[int, int]:
        """The panes whose difference is shown: the first minus the second."""
        return self._pair if self._pair in self.pairs else (0, 1)

    def set_pair(self, pair: tuple[int, int]) -> None:
        self._pair = pair
        self._later()

    def set_red(self, on: bool) -> None:
        self._set(compare_red=on)

    def set_wipe(self, on: bool) -> None:
        self._set(compare_wipe=on)

    def move_wipe(self, to: float) -> None:
        """Put the line of the wipe at a share of the width; clipped."""
        self._set(compare_wipe_at=min(1.0, max(0.0, to)))

    def set_difference(self, on: bool) -> None:
        self._set(compare_difference=on)

    def set_follows_face(self, on: bool) -> None:
        self._set(compare_follow=on)

    def set_layout(self, layout: str) -> None:
        self._set(compare_layout=layout)

    @property
    def style(self) -> OverlayStyle:
        """Of the masks: one mapping from value to colour for all panes."""
        style = dataclasses.replace(self._session.style, labels=False, curve=False)
        if self.red:
            return dataclasses.replace(style, colour_map="red", opacity=1.0, threshold=0.0, outline=False)
        return style

    @property
    def difference_style(self) -> OverlayStyle:
        """In colours that the masks do not have: here they do not mean fake and real."""
        other = "blue-orange" if self._session.style.colour_map == "purple-green" else "purple-green"
        return dataclasses.replace(self._session.style, labels=False, curve=False, colour_map=other)

    def _set(self, **changes: object) -> None:
        self._session.settings.change(**changes)
        self._later()

    # What was found

    def measures(self, pane: Pane) -> MapMeasures | None:
        """Of a pane over the frames made so far in the chosen range."""
        series = self._series(pane)
        return None if series is None else self.measuring.measures(series, *self._session.range)

    def agreement(self, one: Pane, other: Pane) -> Agreement:
        """Of two panes over the frames of the chosen range that both have."""
        a, b = self._series(one), self._series(other)
        if a is None or b is None or a == b:
            return Agreement(math.nan, 0)
        return self.measuring.agreement(a, b, *self._session.range)

    def agreement_now(self, one: Pane, other: Pane) -> float:
        """Of two panes on the frame on the screen; nan while it is not known."""
        a, b, shown = self._series(one), self._series(other), self._session.shown
        if a is None or b is None or a == b or shown is None:
            return math.nan
        return self.measuring.agreement_at(a, b, shown.index)

    def agreements(self) -> tuple[tuple[str, Agreement], ...]:
        """Of all pairs of panes that show different things: "A–B" and what they come to."""
        return tuple(
            (f"{self.letter(one)}–{self.letter(other)}", self.agreement(one, other))
            for one, other in combinations(self.panes, 2)
            if one.choice != other.choice
        )

    def _series(self, pane: Pane) -> Series | None:
        return None if self.face is None else pane.series(self.face)

    def _look_up(self, series: Series, frame: int) -> FrameExplanation | None:
        video = self._session.current
        if video is None or video.path != series.video:
            return None
        panes = (pane for pane in self.panes if pane.choice == series.choice)
        return next((mask for pane in panes if (mask := pane.mask(frame, series.track_id)) is not None), None)

    # What is asked for

    def _follow(self, *_: object) -> None:
        """Ask for the masks of the frame at the playhead; while playing, for all panes the same one at a time."""
        session = self._session
        video = session.current
        if not self._open or video is None or video.media is None:
            return
        playing = session.playing
        if playing and (video.analysis.state.active or any(pane.busy and not pane.slow for pane in self.panes)):
            return
        results = session.results
        if results is None or not results.faces_at(video.frame):
            return
        for pane in self.panes:
            pane.follow(video.frame, playing=playing)

    def _on_made(self, pane: Pane, frame: int) -> None:
        for track in self.tracks:
            series = pane.series(track.id)
            others = [other.series(track.id) for other in self.panes if other is not pane]
            if series is not None and pane.mask(frame, track.id) is not None:
                self.measuring.add(series, frame, tuple(other for other in others if other is not None))

    def _on_video(self) -> None:
        self._face = None
        self._later()

    def _later(self, *_: object) -> None:
        if self._open and not self._timer.isActive():
            self._timer.start()
