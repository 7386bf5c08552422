"""Masks of slow explainers for the player: made when asked for, wherever the playhead goes. GUI thread only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from engine.errors import TellframeError
from engine.progress import Progress
from gui.explaining import ExplanationStore, FrameExplanation, Wanted

if TYPE_CHECKING:
    from gui.session import Session


class OnDemand(QObject):
    """One request at a time, of the current video, with the chosen detector, explainer and settings.

    Signals:
        changed: what is being made, how far it is, or that it ended.
        ended: nothing is being made any more; there may be new masks in the case.
    """

    changed = Signal()
    ended = Signal()

    def __init__(self, session: Session, store: ExplanationStore, following: ExplanationStore) -> None:
        """`following` asks for what is stored of the frame at the playhead."""
        super().__init__(session)
        self._session, self._store, self._following = session, store, following
        store.progressed.connect(self.changed)
        store.busy_changed.connect(self._on_busy)
        session.choice_changed.connect(self._drop_stale)

    @property
    def asked(self) -> Wanted | None:
        """What is being made, None while nothing is."""
        return self._store.asked

    @property
    def progress(self) -> Progress | None:
        """Of what is being made, None before its first report."""
        return self._store.progress if self._store.busy else None

    @property
    def range(self) -> tuple[int, ...]:
        """The frames from I to O on which a face was seen."""
        first, last = self._session.range
        seen = [
            track.first + np.flatnonzero(~np.isnan(track.boxes[:, 0])) for track in self._session.results or ()
        ]
        frames = np.unique(np.concatenate(seen)) if seen else np.empty(0, np.int64)
        return tuple(frames[(frames >= first) & (frames <= last)].tolist())

    def can_explain(self) -> bool:
        """Whether a slow explainer could be asked about the frame at the playhead."""
        session, detector = self._session, self._session.detector
        ready = session.media is not None and detector is not None and detector.trained
        faces = session.results.faces_at(session.frame) if session.results is not None else ()
        return ready and bool(session.slow_explainer_id) and bool(faces)

    def explain(self, frames: Sequence[int]) -> None:
        """Make masks of frames; the slow explainer is chosen with that, and its masks are shown."""
        session = self._session
        if not session.slow_explainer_id:
            return
        session.set_explainer(session.slow_explainer_id)
        session.set_masks_visible(True)
        wanted = self._wanted(frames)
        if wanted is not None:
            self._store.make(wanted, growing=True)

    def grown(self, frame: int) -> FrameExplanation | None:
        """The unfinished mask of a frame, of the face whose turn was last; None if there is none."""
        wanted = self._session.wanted(frame)
        if wanted is None:
            return None
        names = wanted.video, wanted.detector_id, wanted.explainer_id
        masks = self._store.grown(*names, frame, wanted.settings)
        return list(masks.values())[-1] if masks else None

    def cancel(self) -> None:
        """Stop; masks of frames that are finished stay, and an unfinished one, which can be gone on with."""
        self._store.stop()

    def error(self, frames: Sequence[int]) -> TellframeError | None:
        """Why masks of these frames could not be made or found; None if nothing went wrong."""
        wanted = self._wanted(frames)
        if wanted is None:
            return None
        return self._store.refusal(wanted) or self._following.refusal(replace(wanted, stored=True))

    def makes(self, frame: int) -> bool:
        """Whether the masks of a frame that are shown when they are finished are being made."""
        wanted, asked = self._wanted((frame,)), self.asked
        if wanted is None or asked is None:
            return False
        return frame in (asked.frames or (asked.frame,)) and replace(asked, frame=frame, frames=()) == wanted

    def _wanted(self, frames: Sequence[int]) -> Wanted | None:
        """None without a video."""
        wanted = self._session.wanted(frames[0]) if frames else None
        return None if wanted is None else replace(wanted, frames=tuple(frames) if len(frames) > 1 else ())

    def _on_busy(self) -> None:
        self.changed.emit()
        if not self._store.busy:
            self.ended.emit()

    def _drop_stale(self) -> None:
        """Masks with other settings than the chosen ones, or of another detector, are not waited for."""
        asked, session = self.asked, self._session
        if asked is None:
            return
        other = asked.explainer_id == session.explainer_id and asked.settings != session.explainer_settings
        if other or asked.detector_id != session.detector_id:
            self.cancel()
