"""Runs analyses through the engine and files their answers under the right video. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from engine.errors import CancelledError
from engine.runtime.protocol import (
    AnalysisDone,
    AnalyzeRequest,
    Failed,
    Finished,
    Notice,
    Priority,
    Progressed,
    SegmentAnalyzed,
)
from gui.results_model import ResultsModel
from gui.videos import Analysis, AnalysisState, OpenVideo

if TYPE_CHECKING:
    from engine.runtime.engine import Engine
    from engine.runtime.protocol import Event


class Analyses(QObject):
    """The analyses of all videos. Events of jobs that are no longer wanted are dropped.

    Signals:
        changed: (video) state or progress.
        results_changed: (video, detector id, first frame, last frame).
        tracks_changed: (video, detector id) the set of faces or their ids changed.
        done: (video, AnalysisDone) all that was asked is scored.
        identified: (video, VideoIdentity) the engine has hashed the file.
        noticed: (level, text).
    """

    changed = Signal(object)
    results_changed = Signal(object, str, int, int)
    tracks_changed = Signal(object, str)
    done = Signal(object, object)
    identified = Signal(object, object)
    noticed = Signal(str, str)

    def __init__(self, engine: Callable[[], Engine], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._jobs: dict[int, OpenVideo] = {}

    def start(self, video: OpenVideo, request: AnalyzeRequest, priority: Priority) -> None:
        """Start an analysis; one that still runs on the same video is dropped, with what it found."""
        self.drop(video)
        video.results[request.detector_id] = ResultsModel(video.frames)
        job = self._engine().submit(request, priority)
        self._jobs[job] = video
        video.analysis = Analysis(
            AnalysisState.QUEUED,
            job=job,
            detector_id=request.detector_id,
            first=request.first,
            last=request.last,
            people=request.people,
            every=request.every,
        )
        self.changed.emit(video)
        self.results_changed.emit(video, request.detector_id, 0, max(0, video.frames - 1))
        self.tracks_changed.emit(video, request.detector_id)

    def cancel(self, video: OpenVideo) -> None:
        """Ask an analysis to stop; it is CANCELLING until the engine says that it has. What it found stays."""
        analysis = video.analysis
        if analysis.job is not None and analysis.state is not AnalysisState.CANCELLING:
            analysis.state = AnalysisState.CANCELLING
            self._engine().cancel(analysis.job)
            self.changed.emit(video)

    def drop(self, video: OpenVideo) -> None:
        """Stop an analysis and hear nothing of it any more."""
        if video.analysis.job is not None:
            self._engine().cancel(video.analysis.job)
            self._jobs.pop(video.analysis.job, None)
            video.analysis.job = None

    def handle(self, event: Event) -> None:
        """Take over an event, if it is about an analysis that is wanted."""
        video = self._jobs.get(event.job)
        if video is None:
            return
        match event:
            case Notice():
                self.noticed.emit("warning", f"{video.name}: {event.text}")
            case Progressed():
                video.analysis.progress = event.progress
                self._is_running(video)
            case SegmentAnalyzed():
                self._on_segment(video, event)
            case AnalysisDone():
                self._on_done(video, event)
            case Finished() | Failed():
                del self._jobs[event.job]
                self._on_over(video, event)
            case _:
                pass

    def _is_running(self, video: OpenVideo) -> None:
        if video.analysis.state is AnalysisState.QUEUED:
            video.analysis.state = AnalysisState.RUNNING
        self.changed.emit(video)

    def _on_segment(self, video: OpenVideo, event: SegmentAnalyzed) -> None:
        self.identified.emit(video, event.video)
        results = video.results[event.detector_id]
        before = tuple(results.tracks)
        results.add_segment(event)
        self._is_running(video)
        if tuple(results.tracks) != before:
            self.tracks_changed.emit(video, event.detector_id)
        self.results_changed.emit(video, event.detector_id, event.first, event.last)

    def _on_done(self, video: OpenVideo, event: AnalysisDone) -> None:
        self.identified.emit(video, event.video)
        video.results[event.detector_id].replace(event)
        for warning in event.warnings:
            self.noticed.emit("warning", f"{video.name}: {warning}")
        self.tracks_changed.emit(video, event.detector_id)
        self.results_changed.emit(video, event.detector_id, 0, max(0, video.frames - 1))
        self.done.emit(video, event)

    def _on_over(self, video: OpenVideo, event: Finished | Failed) -> None:
        analysis = video.analysis
        analysis.job = analysis.progress = None
        if isinstance(event, Finished):
            analysis.state = AnalysisState.DONE
        elif isinstance(event.error, CancelledError):
            analysis.state = AnalysisState.CANCELLED
        else:
            analysis.state, analysis.error = AnalysisState.FAILED, event.error
            self.noticed.emit("error", str(event.error))
        self.changed.emit(video)
