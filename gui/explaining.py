"""Asks the engine for the masks of the visible frame and keeps the answers. GUI thread only."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from engine.errors import TellframeError
from engine.progress import Progress
from engine.results import NOT_MEASURED, Explanation, FloatArray, Provenance, Sanity, Volumes, frozen
from engine.runtime.protocol import (
    ExplainRequest,
    ExplanationGrew,
    ExplanationMade,
    Failed,
    Finished,
    Priority,
    Progressed,
)

if TYPE_CHECKING:
    from engine.runtime.engine import Engine
    from engine.runtime.protocol import Event

DEBOUNCE_MS = 60
KEPT_BYTES = 256 << 20
HOLD = 12
"""Frames for which a mask is held while playing, until the next one is there."""

ExplainerSettings = tuple[tuple[str, object], ...]
"""Names and values that differ from an explainer's own, sorted by name."""
Key = tuple[Path, str, str, ExplainerSettings, int]


@dataclass(frozen=True, slots=True)
class FrameExplanation:
    """Why one face scored as it did on one frame.

    Attributes:
        values: (h, w) float32, positive supports fake.
        affine: (2, 3) float32, from continuous map coordinates to continuous frame coordinates.
        logit: the score that is explained.
        passes, seconds: what it took to make it, None where that was not measured.
        errors: (h, w) float32 standard errors, None where nothing was drawn.
        title: what stands over it.
        sanity: its badge.
        smoothing: how the explainer smoothed it, "none" if it did not.
        grown: of a mask that is not finished, the samples it rests on and how many there will be at most.
        volumes: of all frames that were explained together, of which this is number `row`; None without volumes.
    """

    explainer_id: str
    detector_id: str
    track_id: int
    frame: int
    values: FloatArray
    affine: FloatArray
    logit: float
    signed: bool
    provenance: Provenance
    passes: int | None = None
    seconds: float | None = None
    errors: FloatArray | None = None
    title: str = ""
    smoothing: str = "none"
    sanity: Sanity = NOT_MEASURED
    grown: tuple[int, int] | None = None
    volumes: Volumes | None = None
    row: int = 0

    @property
    def nbytes(self) -> int:
        labels = 0 if self.volumes is None else self.volumes.labels[self.row].nbytes
        return self.values.nbytes + (0 if self.errors is None else self.errors.nbytes) + labels

    @property
    def largest_error(self) -> float:
        """inf while it cannot be told, 0 where nothing was drawn."""
        return 0.0 if self.errors is None else float(self.errors.max(initial=0.0))

    @property
    def headline(self) -> str:
        """What stands over it, and that it is not finished."""
        return self.title if self.grown is None else f"{self.title}, unfinished: {grown_text(self)}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The frame whose masks are wanted, of what, and with which settings of the explainer.

    Attributes:
        stored: whether only masks that are kept from before are wanted.
        frames: several frames instead of the one, to be made one after the other or together.
    """

    video: Path
    detector_id: str
    explainer_id: str
    frame: int
    case: Path | None
    device: str
    settings: ExplainerSettings = ()
    stored: bool = False
    frames: tuple[int, ...] = ()
    engine: str = "torch"


def grown_text(mask: FrameExplanation) -> str:
    """ "342 of 2000 samples, ± 0.12", of a mask that is not finished."""
    samples, most = mask.grown or (0, 0)
    error = mask.largest_error
    return f"{samples} of {most} samples, " + (f"± {error:.2g}" if math.isfinite(error) else "error not known yet")


class ExplanationStore(QObject):
    """Masks by (video, detector, explainer, settings, frame, track), bounded in bytes, and one request in flight.

    A request is sent when the playhead has rested for DEBOUNCE_MS; when it moves on, the request is cancelled and
    whatever it still answers is dropped. While playing, the request in flight may finish, so that masks do appear.
    What is asked for with `make` goes on wherever the playhead is. Masks that grow stay when their request is
    broken off, because the engine goes on from them, until others are made.

    Attributes:
        progress: of the request in flight, None before its first report.

    Signals:
        made: frame number of an explanation that is new or grew.
        failed: TellframeError.
        busy_changed: a request was sent or has ended.
        progressed: `progress` is new.
        forgotten: masks were dropped because they do not hold any more.
    """

    made = Signal(int)
    failed = Signal(object)
    busy_changed = Signal()
    progressed = Signal()
    forgotten = Signal()

    def __init__(self, engine: Callable[[], Engine], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self.progress: Progress | None = None
        self._kept: OrderedDict[Key, dict[int, FrameExplanation]] = OrderedDict()
        self._growing: dict[Key, dict[int, FrameExplanation]] = {}
        self._bytes = 0
        self._wanted: Wanted | None = None
        self._asked: Wanted | None = None
        self._refused: dict[Wanted, TellframeError | None] = {}
        self._job: int | None = None
        self._timer = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._timer.timeout.connect(lambda: self._send())

    @property
    def busy(self) -> bool:
        """Whether a mask is being computed."""
        return self._job is not None

    @property
    def asked(self) -> Wanted | None:
        """What is being computed."""
        return self._asked

    def get(
        self,
        video: Path,
        detector_id: str,
        explainer_id: str,
        frame: int,
        settings: ExplainerSettings = (),
    ) -> dict[int, FrameExplanation]:
        """The masks of one frame by track id, empty if not made yet."""
        return self._kept.get((video, detector_id, explainer_id, settings, frame), {})

    def grown(
        self,
        video: Path,
        detector_id: str,
        explainer_id: str,
        frame: int,
        settings: ExplainerSettings = (),
    ) -> dict[int, FrameExplanation]:
        """The unfinished masks of one frame by track id."""
        return self._growing.get((video, detector_id, explainer_id, settings, frame), {})

    def refusal(self, wanted: Wanted) -> TellframeError | None:
        """Why something wanted could not be made, None if nothing went wrong."""
        return self._refused.get(wanted)

    def make(self, wanted: Wanted, *, growing: bool = False) -> None:
        """Ask for masks that take long, now; unlike those of `want` they are made though the playhead moves.

        Args:
            growing: have them told while they grow, too; see `grown`.
        """
        self._drop()
        self._refused.pop(wanted, None)
        same = {_key(replace(wanted, frame=frame)) for frame in wanted.frames or (wanted.frame,)}
        self._growing = {key: masks for key, masks in self._growing.items() if key in same}
        self._wanted = wanted
        self._timer.stop()
        self._send(Priority.USER, growing=growing)

    def want(self, wanted: Wanted, *, keep_running: bool = False) -> None:
        """Ask for the masks of a frame unless they are there already. `keep_running` while playing."""
        if wanted == self._wanted and (self._timer.isActive() or self.busy):
            return
        self._wanted = wanted
        if keep_running and (self.busy or self._timer.isActive()):
            return  # the playhead never rests: what is under way goes on, then comes the frame of that moment
        if self._asked != wanted:
            self._drop()
        if wanted in self._refused or wanted in self:
            self._timer.stop()
            return
        self._timer.start()

    def latest(
        self,
        video: Path,
        detector_id: str,
        explainer_id: str,
        frame: int,
        settings: ExplainerSettings = (),
    ) -> int | None:
        """The nearest frame with masks among this one and the HOLD frames before it, None if there is none."""
        near = range(frame, max(-1, frame - HOLD - 1), -1)
        return next((n for n in near if (video, detector_id, explainer_id, settings, n) in self._kept), None)

    def forget(self, video: Path | None = None) -> None:
        """Drop the masks of a video, or of all: its faces have got other ids, or a detector other weights."""
        self._refused.clear()
        for key in [key for key in self._kept if video is None or key[0] == video]:
            self._bytes -= sum(face.nbytes for face in self._kept.pop(key).values())
        self._growing = {key: kept for key, kept in self._growing.items() if video is not None and key[0] != video}
        self.forgotten.emit()

    def forget_failures(self) -> None:
        """Ask again for what has failed: there are new faces, weights or another device."""
        self._refused.clear()

    def stop(self) -> None:
        """Want nothing any more."""
        self._wanted = None
        self._timer.stop()
        self._drop()

    def handle(self, event: Event) -> None:
        """Take over an event; those of dropped jobs are ignored."""
        if event.job != self._job or self._asked is None:
            return
        if isinstance(event, ExplanationMade):
            self._keep(self._asked, event.explanation)
        elif isinstance(event, ExplanationGrew):
            self._grow(self._asked, event)
        elif isinstance(event, Progressed):
            self.progress = event.progress
            self.progressed.emit()
        elif isinstance(event, Finished | Failed):
            asked, self._asked, self._job = self._asked, None, None
            if asked not in self or isinstance(event, Failed):
                self._refused[asked] = event.error if isinstance(event, Failed) else None
            self.busy_changed.emit()
            if isinstance(event, Failed):
                self.failed.emit(event.error)
            wanted = self._wanted
            if wanted not in (None, asked) and wanted not in self and wanted not in self._refused:
                self._timer.start()

    def __contains__(self, wanted: Wanted) -> bool:
        return _key(wanted) in self._kept

    def _send(self, priority: Priority = Priority.VISIBLE, *, growing: bool = False) -> None:
        wanted = self._wanted
        if wanted is None:
            return
        self._asked, self.progress = wanted, None
        request = ExplainRequest(
            wanted.video,
            wanted.detector_id,
            wanted.explainer_id,
            wanted.frames or (wanted.frame,),
            case=wanted.case,
            device=wanted.device,
            engine=wanted.engine,
            settings=dict(wanted.settings),
            stored=wanted.stored,
            at_once=bool(wanted.frames),
            growing=growing,
        )
        self._job = self._engine().submit(request, priority)
        self.busy_changed.emit()

    def _drop(self) -> None:
        if self._job is not None:
            self._engine().cancel(self._job)
            self._job = self._asked = None
            self.busy_changed.emit()

    def _keep(self, asked: Wanted, made: Explanation) -> None:
        for row in range(len(made.frames)):
            one = _of_frame(made, row)
            key = _key_of(asked, one)
            faces = self._kept.setdefault(key, {})
            if made.track_id in faces:
                self._bytes -= faces[made.track_id].nbytes
            self._bytes += one.nbytes
            faces[made.track_id] = one
            self._kept.move_to_end(key)
            self._growing.get(key, {}).pop(made.track_id, None)
        while self._bytes > KEPT_BYTES and len(self._kept) > 1:
            _, faces = self._kept.popitem(last=False)
            self._bytes -= sum(face.nbytes for face in faces.values())
        for frame in made.frames.tolist():
            self.made.emit(frame)

    def _grow(self, asked: Wanted, event: ExplanationGrew) -> None:
        grew = event.explanation
        for row, frame in enumerate(grew.frames.tolist()):
            one = replace(_of_frame(grew, row), grown=(event.samples, event.most))
            self._growing.setdefault(_key_of(asked, one), {})[grew.track_id] = one
            self.made.emit(frame)


def _of_frame(made: Explanation, row: int) -> FrameExplanation:
    """The mask of one of the frames of an explanation."""
    return FrameExplanation(
        made.explainer_id,
        made.detector_id,
        made.track_id,
        int(made.frames[row]),
        made.values[row],
        made.affine[row],
        float(made.logits[row]),
        made.signed,
        made.provenance,
        None if made.cost is None else int(made.cost.passes[row]),
        None if made.cost is None else float(made.cost.seconds[row]),
        None if made.errors is None else made.errors[row],
        made.title or made.explainer_id,
        made.smoothing,
        made.sanity,
        volumes=made.volumes,
        row=row,
    )


def as_explanation(mask: FrameExplanation, pts: int) -> Explanation:
    """As the engine told it, of its one frame alone."""
    return Explanation(
        explainer_id=mask.explainer_id,
        detector_id=mask.detector_id,
        track_id=mask.track_id,
        frames=frozen(np.array([mask.frame], np.int64)),
        pts=frozen(np.array([pts], np.int64)),
        values=frozen(mask.values[None]),
        affine=frozen(mask.affine[None]),
        logits=frozen(np.array([mask.logit], np.float32)),
        signed=mask.signed,
        provenance=mask.provenance,
        errors=None if mask.errors is None else frozen(mask.errors[None]),
        title=mask.title,
        sanity=mask.sanity,
    )


def _key(wanted: Wanted) -> Key:
    return wanted.video, wanted.detector_id, wanted.explainer_id, wanted.settings, wanted.frame


def _key_of(asked: Wanted, mask: FrameExplanation) -> Key:
    return asked.video, mask.detector_id, mask.explainer_id, asked.settings, mask.frame
