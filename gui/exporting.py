"""One export from the window: first the masks of the stretch from the engine, then the file on a worker thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine.errors import CancelledError
from engine.evaluation.calibration.answer import statement
from engine.progress import CancelToken, Progress, ProgressCallback
from engine.rendering.scene import Scene
from engine.rendering.style import OverlayStyle
from engine.results import Explanation
from engine.runtime.protocol import ExplainRequest, ExplanationMade, Failed, Finished, Progressed
from gui.bridge import Task
from gui.explaining import as_explanation
from gui.session import Session

if TYPE_CHECKING:
    from engine.runtime.protocol import Event
    from engine.video.media import Media


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What the user wants.

    Attributes:
        out: the MP4, or the folder of stills.
        first, last: inclusive.
        stills: PNG files of each frame instead of a clip.
        audio: bring the sound along (clips only).
        style: what is burnt in; its mask and outline need masks from the engine.
    """

    out: Path
    first: int
    last: int
    stills: bool
    audio: bool
    style: OverlayStyle

    @property
    def masks(self) -> bool:
        return self.style.mask or self.style.outline

    @property
    def bare(self) -> bool:
        """Whether nothing is drawn: the pixels are the decoded ones."""
        style = self.style
        return not (self.masks or style.boxes or style.curve or style.labels)


@dataclass(frozen=True, slots=True)
class Written:
    """What an export has left on the disk: the file or folder to show, and frames that could not be decoded."""

    shown: Path
    missing: tuple[int, ...]


class ExportJob(QObject):
    """Runs one plan. GUI thread only; exactly one of the three ends is emitted.

    Signals:
        progressed: Progress.
        succeeded: Written.
        failed: the error.
        cancelled: nothing was written.
    """

    progressed = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(self, session: Session, media: Media, plan: ExportPlan, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._media, self._plan = session, media, plan
        self._made: list[Explanation] = []
        self._asked: int | None = None
        self._task: Task | None = None
        self.running = False

    def start(self) -> None:
        """Begin."""
        self.running = True
        frames = self._frames_with_faces() if self._plan.masks else ()
        detector, current = self._session.detector, self._session.current
        if not frames or detector is None or current is None or not self._session.explainer_id:
            self._write()
            return
        request = ExplainRequest(
            current.path,
            detector.id,
            self._session.explainer_id,
            frames,
            case=self._session.case_path,
            device=self._session.device,
            engine=self._session.engine,
            settings=dict(self._session.explainer_settings),
            stored=self._session.slow,
        )
        self._asked = self._session.ask(request, self._on_event)
        self.progressed.emit(Progress("Computing masks", 0, len(frames), "frames"))

    def cancel(self) -> None:
        """Ask it to stop; `cancelled` follows, and nothing is left behind."""
        if self._asked is not None:
            self._session.cancel(self._asked)
        if self._task is not None:
            self._task.cancel()

    def _frames_with_faces(self) -> tuple[int, ...]:
        results = self._session.results
        if results is None or results.final is None:
            return ()
        hidden = self._session.hidden_faces
        seen = [track.frames for track in results.final.tracks if track.id not in hidden]
        if not seen:
            return ()
        frames = np.unique(np.concatenate(seen))
        return tuple(int(f) for f in frames[(frames >= self._plan.first) & (frames <= self._plan.last)])

    def _on_event(self, event: Event) -> None:
        match event:
            case ExplanationMade():
                self._made.append(event.explanation)
            case Progressed():
                self.progressed.emit(event.progress)
            case Finished():
                self._asked = None
                self._write()
            case Failed():
                self._asked = None
                if isinstance(event.error, CancelledError):
                    self._end_cancelled()
                else:
                    self._end_failed(event.error)
            case _:
                pass

    def scene(self) -> Scene:
        """Everything known of the stretch, without hidden faces."""
        self._made += self._only_here()
        results, hidden, current = self._session.results, self._session.hidden_faces, self._session.current
        width, height = self._media.width, self._media.height
        final = results.final if results is not None else None
        if final is None:
            return Scene(width, height, self._plan.first, self._plan.last)
        info = next((d for d in self._session.detectors if d.id == final.detector_id), None)
        return Scene(
            width,
            height,
            self._plan.first,
            self._plan.last,
            tuple(track for track in final.tracks if track.id not in hidden),
            tuple(scores for scores in final.scores if scores.track_id not in hidden),
            tuple(made for made in self._made if made.track_id not in hidden),
            final.detector_id,
            info.weights_sha256 if info else "",
            self._session.explainer_id if self._made else "",
            statement=statement(current.likelihood(info)) if current is not None and info is not None else None,
        )

    def _only_here(self) -> list[Explanation]:
        """Masks of a slow explainer that were made of several frames together: the engine finds no others."""
        if not (self._session.slow and self._plan.masks):
            return []
        told = {(made.track_id, frame) for made in self._made for frame in made.frames.tolist()}
        here = self._session.made_masks(self._plan.first, self._plan.last)
        pts = self._media.index.pts
        return [as_explanation(m, int(pts[m.frame])) for m in here if (m.track_id, m.frame) not in told]

    def _write(self) -> None:
        media, plan, scene = self._media, self._plan, self.scene()
        task = self._session.background.start(
            lambda cancel, progress: _write(media, plan, scene, cancel, progress), slow=True
        )
        self._task = task
        task.progressed.connect(self.progressed)
        task.succeeded.connect(self._end_well)
        task.failed.connect(self._end_failed)
        task.cancelled.connect(self._end_cancelled)

    def _end_well(self, written: Written) -> None:
        self.running, self._task = False, None
        self.succeeded.emit(written)

    def _end_failed(self, error: Exception) -> None:
        self.running, self._task = False, None
        self.failed.emit(error)

    def _end_cancelled(self) -> None:
        self.running, self._task = False, None
        self.cancelled.emit()


def _write(
    media: Media, plan: ExportPlan, scene: Scene, cancel: CancelToken, progress: ProgressCallback
) -> Written:
    """The part on the worker thread."""
    if plan.stills:
        from engine.exports.stills import export_stills

        frames = range(plan.first, plan.last + 1)
        drawn = {} if plan.bare else {"scene": scene, "style": plan.style}
        export_stills(media, frames, plan.out, cancel=cancel, progress=progress, **drawn)  # type: ignore[arg-type]
        return Written(plan.out, ())
    from engine.exports.clip import export_clip

    made = export_clip(media, plan.out, scene, plan.style, audio=plan.audio, cancel=cancel, progress=progress)
    return Written(made.clip, made.missing)
