"""One export of a prototype beside the questioned patch: the patch from the engine, the rest on a worker thread.

GUI thread only, but for what `_write` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from engine.detectors.prototype_evidence import patch_box
from engine.errors import CancelledError
from engine.exports.prototype_clip import Box, export_prototype_clip
from engine.exports.questioned_patch import Questioned, side_by_side
from engine.progress import CancelToken, Progress, ProgressCallback
from engine.results import SIMILARITY
from engine.runtime.protocol import ExplainRequest, ExplanationMade, Failed, Finished, Progressed
from gui.bridge import Task
from gui.prototypes.choice import PrototypeChoice
from gui.session import Session

if TYPE_CHECKING:
    from engine.runtime.protocol import Event
    from engine.video.media import Media

EXPLAINER = "prototypes"


def questioned(session: Session, choice: PrototypeChoice) -> Questioned | str:
    """The chosen prototype and the clip of the chosen face at the playhead, or why there is nothing to show."""
    detector, face, results, prototype = session.detector, choice.face, session.results, choice.prototype
    if detector is None or prototype is None or choice.index is None:
        return "Choose a prototype first."
    if face is None or results is None or not results.done:
        return "Analyse the video first: the patch is found in the scored clip."
    row = face.span_at(session.frame)
    if row is None:
        return f"{face.name} is not scored at frame {session.frame}: go to a frame with a score."
    first, last = face.spans[row].tolist()
    return Questioned(
        Path(detector.folder),
        prototype,
        choice.index,
        face.parts[-1],
        first,
        last,
        face.boxes,
        face.first,
        float(face.activations[SIMILARITY][row, choice.index]),
        session.reviewing.review(prototype).name,
    )


class PrototypeExport(QObject):
    """Writes one animation. Exactly one of the three ends is emitted.

    Signals:
        progressed: Progress.
        succeeded: the file.
        failed: the error.
        cancelled: nothing was written.
    """

    progressed = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(
        self, session: Session, media: Media, wanted: Questioned, out: Path, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._media, self._wanted, self._out = session, media, wanted, out
        self._asked: int | None = None
        self._task: Task | None = None
        self._box: Box | None = None

    def start(self) -> None:
        """Begin: ask where in the frame the prototype finds itself."""
        wanted, session = self._wanted, self._session
        request = ExplainRequest(
            self._media.path,
            wanted.scores.detector_id,
            EXPLAINER,
            (wanted.first,),
            track_id=wanted.scores.track_id,
            case=session.case_path,
            device=session.device,
            engine=session.engine,
            settings={"prototype": wanted.prototype.name},
        )
        self._asked = session.ask(request, self._on_event)
        self.progressed.emit(Progress("Finding the patch", 0, 1, "frames"))

    def cancel(self) -> None:
        """Ask it to stop; `cancelled` follows, and nothing is left behind."""
        if self._asked is not None:
            self._session.cancel(self._asked)
        if self._task is not None:
            self._task.cancel()

    def _on_event(self, event: Event) -> None:
        match event:
            case ExplanationMade():
                self._box = patch_box(event.explanation.values[0], event.explanation.affine[0])
            case Progressed():
                self.progressed.emit(event.progress)
            case Finished():
                self._asked = None
                self._write()
            case Failed():
                self._asked = None
                if isinstance(event.error, CancelledError):
                    self.cancelled.emit()
                else:
                    self.failed.emit(event.error)
            case _:
                pass

    def _write(self) -> None:
        media, wanted, out = self._media, self._wanted, self._out
        box = self._box
        self._task = task = self._session.background.start(
            lambda cancel, progress: _write(media, wanted, box, out, cancel, progress), slow=True
        )
        task.progressed.connect(self.progressed)
        task.succeeded.connect(self.succeeded)
        task.failed.connect(self.failed)
        task.cancelled.connect(self.cancelled)


def _write(
    media: Media,
    wanted: Questioned,
    box: Box | None,
    out: Path,
    cancel: CancelToken,
    progress: ProgressCallback,
) -> Path:
    """The part on the worker thread."""
    shown = side_by_side(media, wanted, box, cancel)
    return export_prototype_clip(media, out, shown, cancel=cancel, progress=progress)[0]
