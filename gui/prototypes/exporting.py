"""One export of a prototype beside the questioned patch: the patch from the engine, the rest on a worker thread.

GUI thread only, but for what `_write` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine.detectors.prototype_evidence import patch_box
from engine.errors import CancelledError
from engine.progress import CancelToken, Progress, ProgressCallback
from engine.results import SIMILARITY, DetectorInfo, FloatArray, Prototype, Provenance
from engine.runtime.protocol import ExplainRequest, ExplanationMade, Failed, Finished, Progressed
from gui.bridge import Task
from gui.prototypes.choice import PrototypeChoice
from gui.results_model import TrackSeries
from gui.session import Session

if TYPE_CHECKING:
    from engine.runtime.protocol import Event
    from engine.video.media import Media

EXPLAINER = "prototypes"
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Questioned:
    """What is shown beside the prototype.

    Attributes:
        index: of the prototype.
        face: boxes and spans of the face.
        first, last: span of the clip, frames.
        similarity: of the clip to the prototype.
        provenance: of the score.
    """

    detector: DetectorInfo
    index: int
    face: TrackSeries
    first: int
    last: int
    similarity: float
    provenance: Provenance
    own_name: str
    excluded: tuple[str, ...]

    @property
    def prototype(self) -> Prototype:
        return self.detector.prototypes[self.index]


def questioned(session: Session, choice: PrototypeChoice) -> Questioned | str:
    """The chosen prototype and the clip of the chosen face at the playhead, or why there is nothing to show."""
    detector, face, results = session.detector, choice.face, session.results
    if detector is None or choice.index is None:
        return "Choose a prototype first."
    if face is None or results is None or not results.done:
        return "Analyse the video first: the patch is found in the scored clip."
    row = face.span_at(session.frame)
    if row is None:
        return f"{face.name} is not scored at frame {session.frame}: go to a frame with a score."
    first, last = face.spans[row].tolist()
    excluded = tuple(each.name for each in detector.prototypes if each.name in results.excluded)
    similarity = float(face.activations[SIMILARITY][row, choice.index])
    own_name = session.reviewing.review(detector.prototypes[choice.index]).name
    made = face.parts[-1].provenance
    return Questioned(detector, choice.index, face, first, last, similarity, made, own_name, excluded)


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
            wanted.detector.id,
            EXPLAINER,
            (wanted.first,),
            track_id=wanted.face.id,
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
        box, boxes, start = self._box, wanted.face.boxes, wanted.face.first
        self._task = task = self._session.background.start(
            lambda cancel, progress: _write(media, wanted, boxes, start, box, out, cancel, progress), slow=True
        )
        task.progressed.connect(self.progressed)
        task.succeeded.connect(self.succeeded)
        task.failed.connect(self.failed)
        task.cancelled.connect(self.cancelled)


def _write(
    media: Media,
    wanted: Questioned,
    boxes: FloatArray,
    start: int,
    box: Box | None,
    out: Path,
    cancel: CancelToken,
    progress: ProgressCallback,
) -> Path:
    """The part on the worker thread; without a box of the patch the whole crop is shown.

    Args:
        boxes: (N, 4) of the face in the frames from `start` on, nan where it is not seen.
    """
    from engine.detectors.cards import load_card
    from engine.detectors.clip_motion import clip_affine, clip_frames, clip_motion, patch_motion
    from engine.detectors.flow_card import flow_of
    from engine.detectors.prototypes import read_motions
    from engine.exports.prototype_clip import SideBySide, export_prototype_clip

    folder = Path(wanted.detector.folder)
    card = load_card(folder)
    spec, _ = flow_of(card)
    seen = ~np.isnan(boxes[:, 0])

    def is_seen(frame: int) -> bool:
        return 0 <= frame - start < len(seen) and bool(seen[frame - start])

    frames = clip_frames(wanted.first, wanted.last, is_seen, spec)
    affine = clip_affine(boxes[frames - start], spec, card.margin)
    clip = clip_motion(media, frames, affine, spec, cancel)
    patch = patch_motion(clip, box or clip.crop)
    shown = SideBySide(
        wanted.prototype,
        read_motions(folder, card)[wanted.index],
        clip.frames,
        patch.pictures,
        patch.flow,
        box or clip.crop,
        wanted.face.id,
        wanted.similarity,
        spec.stride,
        wanted.provenance,
        wanted.own_name,
        wanted.excluded,
    )
    return export_prototype_clip(media, out, shown, cancel=cancel, progress=progress)[0]
