"""Where the chosen prototype finds itself in the clip at the playhead, and how both move. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from engine.detectors.clip_motion import ClipMotion
from engine.detectors.prototype_evidence import patch_box
from engine.errors import CancelledError, TellframeError
from gui.bridge import Task
from gui.explaining import Wanted
from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.motion_view import MotionView
from gui.prototypes.questioned import Answer, Box, Question, answer
from gui.session import Session

REST_MS = 150
EXPLAINER = "prototypes"
AHEAD = 200
"""Frames behind a clip's first whose boxes may be needed to measure it; clips are much shorter."""


class PatchFinder(QObject):
    """Asks the engine for the map of a prototype: one for all frames of a clip.

    Signals:
        changed: a map is there, or will not be.
    """

    changed = Signal()

    def __init__(self, session: Session, choice: PrototypeChoice, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._choice = session, choice
        self._maps = session.new_explanations()
        self._maps.made.connect(self.changed)
        self._maps.busy_changed.connect(self.changed)
        self._maps.failed.connect(self._on_failed)

    def ask(self) -> None:
        """Want the map of what is chosen, or none any more."""
        wanted, session = self._wanted(), self._session
        if wanted is None:
            self._maps.stop()
        elif not (session.playing and session.analysis.state.active):
            self._maps.want(wanted, keep_running=session.playing)

    def stop(self) -> None:
        """Want nothing any more."""
        self._maps.stop()

    def box(self) -> Box | None:
        """Of the patch in the clip at the playhead; None while it is not known."""
        wanted, face = self._wanted(), self._choice.face
        if wanted is None or face is None:
            return None
        made = self._maps.get(wanted.video, wanted.detector_id, wanted.explainer_id, wanted.frame, wanted.settings)
        mask = made.get(face.id)
        return patch_box(mask.values, mask.affine) if mask is not None else None

    def _wanted(self) -> Wanted | None:
        session, face, prototype = self._session, self._choice.face, self._choice.prototype
        detector, video = session.detector, session.current
        if face is None or prototype is None or video is None or detector is None:
            return None
        at = face.span_at(session.frame)
        if at is None or EXPLAINER not in detector.explainers:
            return None
        return Wanted(
            video.path,
            detector.id,
            EXPLAINER,
            int(face.spans[at, 0]),
            session.case_path,
            session.device,
            (("prototype", prototype.name),),
            engine=session.engine,
        )

    def _on_failed(self, error: TellframeError) -> None:
        if not isinstance(error, CancelledError):
            self._session.notify("error", f"Where the prototype matches cannot be told: {error}")


class MotionAsker(QObject):
    """Has the motions of prototype and patch measured and drawn for a view, when the playhead has come to rest."""

    def __init__(self, session: Session, choice: PrototypeChoice, finder: PatchFinder, view: MotionView) -> None:
        super().__init__(view)
        self._session, self._choice, self._finder, self._view = session, choice, finder, view
        self._clip: ClipMotion | None = None
        self._question: Question | None = None
        self._task: Task | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._ask)

    def later(self) -> None:
        """Something that is shown may have changed."""
        self._rest.start()

    def forget(self) -> None:
        """Another video, or the same faces under other numbers."""
        self._clip = self._question = None
        self._view.show_answer(None)

    def close(self) -> None:
        """Stop what is under way."""
        self._rest.stop()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _ask(self) -> None:
        session, choice = self._session, self._choice
        media, detector, prototype, index = session.media, session.detector, choice.prototype, choice.index
        if not self._view.isVisible() or session.playing or media is None or prototype is None or index is None:
            return
        face = choice.face
        at = face.span_at(session.frame) if face is not None else None
        if face is None or at is None or detector is None:
            self._view.show_answer(None, "The face is not scored here")
            self._question = None
            return
        first, last = face.spans[at].tolist()
        weights, box = detector.weights_sha256, self._finder.box()
        question = Question(detector.folder, weights, prototype, index, face.id, first, last, box)
        if question == self._question or self._task is not None:
            return
        if self._question is None or question.clip != self._question.clip:
            self._clip = None
        self._question = question
        boxes = {frame: seen for frame in range(first, first + AHEAD) if (seen := face.box_at(frame)) is not None}
        known = self._clip
        if self._view.panes.answer is None:
            self._view.show_answer(None, "◌ Measuring the motion…")
        self._task = task = session.background.start(
            lambda cancel, _progress: answer(question, media, boxes, known, cancel), slow=True
        )
        task.succeeded.connect(lambda made: self._on_drawn(task, made))
        task.failed.connect(lambda error: self._on_failed(task, error))

    def _on_drawn(self, task: Task, made: Answer) -> None:
        if task is not self._task:
            return
        self._task = None
        if made.question == self._question:
            self._clip = made.clip
            self._view.show_answer(made)
        self._rest.start()  # it may have moved on meanwhile

    def _on_failed(self, task: Task, error: Exception) -> None:
        if task is self._task:
            self._task = None
            self._view.show_answer(None, str(error))
            self._rest.start()
