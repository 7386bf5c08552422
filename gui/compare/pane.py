"""One pane of the comparison: what it shows, its masks, and how they stand. GUI thread only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from PySide6.QtCore import QObject, Signal

from engine.errors import TellframeError
from engine.progress import Progress
from engine.results import DetectorInfo
from gui.compare.choice import PaneChoice
from gui.compare.measuring import Series
from gui.explaining import FrameExplanation, Wanted
from gui.session import Session

USUAL_SIZE = 224
"""Side of the crop in pixels where a card does not tell."""


class Stand(Enum):
    """How a pane stands."""

    READY = "ready"
    HELD = "held"
    WORKING = "working"
    ON_DEMAND = "on demand"
    WAITING = "waiting"
    NOT_ANALYSED = "not analysed"
    NO_FACE = "no face"
    UNUSABLE = "unusable"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class PaneState:
    """What a pane has to say of the frame on the screen.

    Attributes:
        mask: to be shown; None where there is none.
        text: why there is none, or that it is an older one.
        progress: of what is being made.
        error: what went wrong.
    """

    stand: Stand
    mask: FrameExplanation | None = None
    text: str = ""
    progress: Progress | None = None
    error: TellframeError | None = None


class Pane(QObject):
    """A choice with the masks made for it.

    Signals:
        changed: state or choice.
        made: frame number of a new mask.
        forgotten: masks do not hold any more.
        idle: nothing is being made any more.
    """

    changed = Signal()
    made = Signal(int)
    forgotten = Signal()
    idle = Signal()

    def __init__(self, session: Session, choice: PaneChoice, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.choice = choice
        self._store = session.new_explanations()
        self._store.made.connect(self.made)
        self._store.made.connect(lambda _frame: self.changed.emit())
        self._store.progressed.connect(self.changed)
        self._store.forgotten.connect(self.forgotten)
        self._store.busy_changed.connect(self._on_busy)

    # What it shows

    @property
    def detector(self) -> DetectorInfo | None:
        """None if there is no such detector (any more)."""
        return next((d for d in self._session.detectors if d.id == self.choice.detector_id), None)

    @property
    def slow(self) -> bool:
        """Whether its masks are made only when asked for."""
        return self._session.is_slow(self.choice.explainer_id)

    @property
    def busy(self) -> bool:
        return self._store.busy

    def choose(self, choice: PaneChoice) -> None:
        """Show something else; what is being made is given up."""
        if choice != self.choice:
            self._store.stop()
            self.choice = choice
            self.changed.emit()

    def series(self, track_id: int) -> Series | None:
        """Under which the masks of a face are measured; None without a video."""
        video = self._session.current
        if video is None:
            return None
        size = self.detector.card.get("size") if self.detector else None
        return Series(video.path, self.choice, track_id, size if isinstance(size, int) else USUAL_SIZE)

    def mask(self, frame: int, track_id: int) -> FrameExplanation | None:
        """Of a face on a frame, if it is made."""
        video = self._session.current
        if video is None:
            return None
        choice = self.choice
        made = self._store.get(video.path, choice.detector_id, choice.explainer_id, frame, choice.settings)
        return made.get(track_id)

    def state(self, track_id: int | None) -> PaneState:
        """How it stands with a face on the frame on the screen."""
        session = self._session
        detector, shown = self.detector, session.shown
        if detector is None:
            return PaneState(Stand.UNUSABLE, text=f"There is no detector {self.choice.detector_id}")
        if not detector.trained:
            told = "not trained" in detector.problem
            return PaneState(Stand.UNUSABLE, text=detector.problem if told else f"Not trained: {detector.problem}")
        if self.choice.explainer_id not in detector.explainers:
            return PaneState(
                Stand.UNUSABLE, text=f"{self.choice.explainer_id} does not work on {self.choice.detector_id}"
            )
        if session.results is None:
            return PaneState(Stand.NOT_ANALYSED, text="Not analysed yet")
        if shown is None:
            return PaneState(Stand.WAITING)
        faces = {face.track_id for face in session.faces}
        if not faces and not session.results.analysed[shown.index]:
            return PaneState(Stand.NOT_ANALYSED, text="The analysis has not come to this frame yet")
        if track_id is None or track_id not in faces:
            text = "No face on this frame" if not faces else f"Face {(track_id or 0) + 1} is not on this frame"
            return PaneState(Stand.NO_FACE, text=text)
        return self._of_mask(shown.index, track_id)

    def _of_mask(self, frame: int, track_id: int) -> PaneState:
        mask = self.mask(frame, track_id)
        asked = self._store.asked
        working = self.busy and asked is not None
        progress = self._store.progress if working else None
        if mask is not None:
            return PaneState(Stand.READY, mask)
        if working and asked is not None and (asked.frame == frame or self.slow):
            where = "" if asked.frame == frame else f" of frame {asked.frame}"
            state = PaneState(Stand.WORKING, text=f"Making the mask{where}", progress=progress)
        else:
            wanted = self._wanted(frame)
            error = self._store.refusal(wanted) if wanted is not None else None
            if error is not None:
                state = PaneState(Stand.ERROR, text=f"{error.message}. {error.advice}.", error=error)
            elif self.slow:
                state = PaneState(Stand.ON_DEMAND, text="Not made for this frame")
            else:
                state = PaneState(Stand.WAITING, text="No mask yet")
        held = self._held(frame, track_id) if state.stand is not Stand.ERROR else None
        return state if held is None else replace(state, stand=Stand.HELD, mask=held)

    def _held(self, frame: int, track_id: int) -> FrameExplanation | None:
        """While playing: the mask of a moment ago."""
        video, choice = self._session.current, self.choice
        if video is None or not self._session.playing or self.slow:
            return None
        latest = self._store.latest(video.path, choice.detector_id, choice.explainer_id, frame, choice.settings)
        return None if latest is None else self.mask(latest, track_id)

    # What it asks for

    def follow(self, frame: int, *, playing: bool) -> None:
        """Ask for the masks of the frame at the playhead, if they come quickly enough for that."""
        wanted = self._wanted(frame)
        detector = self.detector
        if wanted is None or detector is None or not detector.trained or self.slow:
            return
        if self.choice.explainer_id in detector.explainers:
            self._store.want(wanted, keep_running=playing)

    def make(self) -> None:
        """Ask for the masks of the frame at the playhead, however long they take."""
        wanted = self._wanted(self._session.frame)
        if wanted is not None:
            self._store.make(wanted)
            self.changed.emit()

    def cancel(self) -> None:
        """Give up what is being made."""
        self._store.stop()
        self.changed.emit()

    def retry(self) -> None:
        """Try again what failed."""
        self._store.forget_failures()
        if self.slow:
            self.make()
        else:
            self.follow(self._session.frame, playing=False)

    def close(self) -> None:
        """Let go of its masks; it is dead afterwards."""
        self._session.drop_explanations(self._store)

    def _wanted(self, frame: int) -> Wanted | None:
        session, choice = self._session, self.choice
        video = session.current
        if video is None or video.media is None:
            return None
        return Wanted(
            video.path,
            choice.detector_id,
            choice.explainer_id,
            frame,
            session.case_path,
            session.device,
            choice.settings,
            engine=session.engine,
        )

    def _on_busy(self) -> None:
        self.changed.emit()
        if not self.busy:
            self.idle.emit()
