"""The one model that all views of the window look at. GUI thread only; nothing here blocks.

Views connect to its signals, read its properties and call its methods; they never talk to the engine, to a
FrameServer or to each other. The work is done by the engine thread, by the reader thread of the FrameServer and by
the worker threads of `background`; their answers arrive through gui.bridge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from engine import paths
from engine.case.noted import analysis_details
from engine.case.reviewed import Excluded
from engine.errors import CancelledError, InternalError, TellframeError
from engine.evaluation.calibration.answer import entry as likelihood_entry
from engine.progress import CancelToken, ProgressCallback
from engine.results import Mark, VideoIdentity
from engine.runtime.protocol import (
    AnalysisDone,
    AnalyzeRequest,
    DetectorsListed,
    DetectorsRequest,
    DeviceStatus,
    Failed,
    Finished,
    ImportModelRequest,
    ImportWeightsRequest,
    Priority,
    Request,
)
from gui.analysing import Analyses
from gui.bridge import HandOver, Task
from gui.case_store import CaseStore
from gui.explaining import Wanted
from gui.on_demand import OnDemand
from gui.playback import SPEEDS
from gui.prototypes.reviewing import PrototypeReviewing
from gui.screen import MakeServer
from gui.session_state import SessionState
from gui.settings import Settings
from gui.timeline.peaks import all_peaks, next_peak, previous_peak
from gui.videos import AnalysisState, OpenVideo, VideoStatus

if TYPE_CHECKING:
    from engine.detectors.foreign.settings import ModelSettings
    from engine.runtime.engine import Engine
    from engine.runtime.protocol import Event
    from engine.video.media import FirstLook, Media

DEFAULT_CASE = "default.tell"
"""Under the data folder: keeps what was found while no other case is open."""

MakeEngine = Callable[["Callable[[Event], None]", str], "Engine"]
OpenMedia = Callable[[Path, CancelToken, ProgressCallback], "Media"]
LookFirst = Callable[[Path], "FirstLook"]

LOOK_AFTER_MS = 100
"""When opening takes longer than this, the first frame is shown meanwhile."""


class Session(SessionState):
    """The state with everything that can be asked of it: open, move, play, analyse, explain, close."""

    def __init__(
        self,
        settings: Settings,
        *,
        make_engine: MakeEngine,
        open_media: OpenMedia,
        make_server: MakeServer,
        look_first: LookFirst | None = None,
        case: Path | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(settings, lambda: self._engine, make_server, parent)
        self.choice_changed.connect(self._on_choice)
        self.style_changed.connect(self.request_explanation)
        self._open_media, self._first_look = open_media, look_first
        self._jobs: set[int] = set()
        self._asked: dict[int, Callable[[Event], None]] = {}
        self._closed = False
        self.reviewing = PrototypeReviewing(self, lambda: self._case)
        """What the reviewer says of prototypes."""
        self._case = self._make_case(case or paths.data_dir() / DEFAULT_CASE)
        self._seen_detector_id = ""

        self._bridge = HandOver(self)
        self._bridge.arrived.connect(self._on_event)
        self._engine = make_engine(self._bridge.deliver, settings.preferences.device)
        self._screen.moved.connect(self._on_moved)
        self._screen.shown_changed.connect(self._on_shown)
        self._analyses = Analyses(lambda: self._engine, self)
        self._analyses.changed.connect(self._on_analysis)
        self._analyses.results_changed.connect(self._on_results)
        self._analyses.tracks_changed.connect(self._on_tracks)
        self._analyses.done.connect(self._on_analysed)
        self._analyses.identified.connect(self._on_identified)
        self._analyses.noticed.connect(self.notify)
        self._explanations.failed.connect(self._on_following_failed)
        self._demanded.failed.connect(self._on_explanation_failed)
        self.on_demand = OnDemand(self, self._demanded, self._explanations)
        self.on_demand.ended.connect(self._on_demand_ended)

    # Opening and closing

    def start(self) -> None:
        """Warm the engine up and ask for its detectors; once. What they answer waits for the event loop."""
        self._engine.warm_up()
        self._submit(DetectorsRequest())
        self._case.load_reviews()

    def open(self, files: Iterable[Path]) -> None:
        """Add videos to the case and show the first of them; those already open are only shown."""
        first: OpenVideo | None = None
        for path in (Path(p).absolute() for p in files):
            video = next((v for v in self.videos if v.path == path and v.status is not VideoStatus.FAILED), None)
            if video is None:
                self._drop_failed(path)
                video = OpenVideo(path, self._on_edited)
                self.videos.append(video)
                self.settings.add_recent(path)
                self._start_opening(video)
            first = first or video
        self.videos_changed.emit()
        if first is not None:
            self.show_video(self.videos.index(first))

    def show_video(self, row: int) -> None:
        """Bring a video of the list to the screen."""
        video = self.videos[row]
        if video is self._current:
            return
        self._leave_current()
        self._current = video
        self._enter_current()

    def remove_video(self, row: int) -> None:
        """Take a video out of the window; what the case keeps about it stays."""
        video = self.videos[row]
        self._analyses.drop(video)
        if video is self._current:
            self._leave_current()
            self._current = None
        self.videos.pop(row)
        if video.media is not None:
            media = video.media
            self.background.start(lambda _cancel, _progress: media.close())
        self.videos_changed.emit()
        if self._current is None:
            if self.videos:
                self._current = self.videos[min(row, len(self.videos) - 1)]
            self._enter_current()

    def close(self) -> None:
        """Stop every thread and keep the settings. Waits at most a few seconds; the session is dead afterwards."""
        if self._closed:
            return
        self._closed = True
        self._stop_explaining()
        self._screen.leave(wait=True)
        self.background.close()
        self._case.close()
        self._engine.stop(5.0)
        for video in self.videos:
            if video.media is not None:
                video.media.close()
        self.settings.sync()

    # Moving about

    def go_to(self, frame: int, dragging: bool = False) -> None:
        """Move the playhead; while dragging, a nearby key frame may be shown first. Out of range is clipped."""
        self._screen.go_to(frame, dragging=dragging)

    def go_to_seconds(self, seconds: float) -> None:
        """Move the playhead to the frame on the screen at a time of the video, in seconds from its first frame."""
        if self.media is not None:
            self.go_to(self.media.index.at_seconds(seconds))

    def step(self, frames: int) -> None:
        """Pause and move by some frames, negative backwards."""
        self.pause()
        self.go_to(self.frame + frames)

    def go_to_peak(self, direction: int) -> None:
        """Pause and move to the next (1) or previous (-1) suspicious moment; says so if there is none."""
        peaks = all_peaks(self.visible_tracks, self.threshold)
        peak = next_peak(peaks, self.frame) if direction > 0 else previous_peak(peaks, self.frame)
        if peak is None:
            side = "after" if direction > 0 else "before"
            self.notify(
                "info", f"No suspicious moment {side} frame {self.frame} at threshold {self.threshold:.2f}"
            )
        else:
            self.pause()
            self.go_to(peak.frame)

    def play(self, direction: int = 1, speed: int = 1) -> None:
        """Play at the file's pace times `speed`; from the other end if it stands at the end."""
        self._screen.play(direction * speed)

    def shuttle(self, direction: int) -> None:
        """The J and L keys: play in a direction, each further press faster; the other key slows down first."""
        velocity = self.speed
        if velocity * direction > 0:
            faster = SPEEDS[min(SPEEDS.index(abs(velocity)) + 1, len(SPEEDS) - 1)]
            self.play(direction, faster)
        elif abs(velocity) > 1:
            self.play(-direction, SPEEDS[SPEEDS.index(abs(velocity)) - 1])
        else:
            self.play(direction)

    def pause(self) -> None:
        """Stop and show exactly the frame at the playhead."""
        self._screen.pause()
        self.request_explanation()

    def toggle_play(self) -> None:
        if self.playing:
            self.pause()
        else:
            self.play()

    # Analysing and explaining

    def start_analysis(
        self,
        range: tuple[int, int] | None = None,  # noqa: A002
        people: Sequence[int] | None = None,
    ) -> None:
        """Analyse the current video with the chosen detector: all of it, a range, or some of its faces only."""
        if self._current is not None:
            self._analyse(self._current, range, people, Priority.USER)

    def cancel_analysis(self) -> None:
        """Ask the running analysis of the current video to stop: its state is CANCELLING until it has."""
        if self._current is not None:
            self._analyses.cancel(self._current)

    def request_explanation(self) -> None:
        """Ask for the masks of the frame at the playhead, if masks are shown and there may be some."""
        video, detector = self._current, self.detector
        if video is None or video.media is None or not self.masks_visible:
            self._explanations.stop()
            return
        if detector is None or not detector.trained or not self.explainer_id:
            return
        if self.playing and video.analysis.state.active:
            return  # masks of moments that pass would hold up the analysis
        results = self.results
        if results is None or not results.faces_at(video.frame):
            return
        wanted = self.wanted(video.frame)
        if wanted is not None:  # of what is slow, only what was made before
            self._explanations.want(replace(wanted, stored=self.slow), keep_running=self.playing)

    def _on_demand_ended(self) -> None:
        self._explanations.forget_failures()
        self.request_explanation()

    def wanted(self, frame: int) -> Wanted | None:
        """The masks of a frame of the current video as they are chosen; None without a video."""
        video = self._current
        if video is None or video.media is None:
            return None
        choice = video.path, self.detector_id, self.explainer_id
        return Wanted(*choice, frame, self.case_path, self.device, self.explainer_settings, engine=self.engine)

    def read_again(self) -> Task | None:
        """Open and hash the evidence of the current video anew; the task ends with its VideoIdentity of now."""
        video = self._current
        if video is None or video.media is None:
            return None

        def work(cancel: CancelToken, progress: ProgressCallback) -> VideoIdentity:
            media = self._open_media(video.path, cancel, progress)
            try:
                return media.identity(cancel, progress)
            finally:
                media.close()

        return self.background.start(work, slow=True)

    def import_weights(self, folder: Path) -> None:
        """Check a folder with model.safetensors and card.toml and add it; the list of detectors follows."""
        self._submit(ImportWeightsRequest(folder))

    def import_model(self, path: Path, settings: ModelSettings) -> None:
        """Try a foreign ONNX model and add it; the list of detectors follows."""
        self._submit(ImportModelRequest(path, settings))

    @property
    def case_path(self) -> Path | None:
        """The case file in which results and marks are kept; None if it could not be opened."""
        return self._case.path if self._case.usable else None

    def open_case(self, path: Path) -> None:
        """Go on with another case, which is made if the file does not exist; its videos are opened."""
        while self.videos:
            self.remove_video(0)
        old, self._case = self._case, self._make_case(path)
        self.background.store(lambda _cancel, _progress: old.close())
        self._case.load_videos()
        self.reviewing.forget()
        self._case.load_reviews()
        self.case_changed.emit()

    # Opening, off the GUI thread

    def _start_opening(self, video: OpenVideo) -> None:
        task = self.background.start(lambda cancel, progress: self._open_media(video.path, cancel, progress))
        task.progressed.connect(lambda progress: self._on_opening(video, progress))
        task.succeeded.connect(lambda media: self._on_opened(video, media))
        task.failed.connect(lambda error: self._on_open_failed(video, error))
        QTimer.singleShot(LOOK_AFTER_MS, self, lambda: self._look_first(video))

    def _look_first(self, video: OpenVideo) -> None:
        """Show the first frame of a video whose index takes a while; what goes wrong, opening tells."""
        look = self._first_look
        if look is not None and video.status is VideoStatus.OPENING and not self._closed:
            task = self.background.start(lambda _cancel, _progress: look(video.path))
            task.succeeded.connect(lambda seen: self._on_look(video, seen))

    def _on_look(self, video: OpenVideo, look: FirstLook) -> None:
        if video.status is VideoStatus.OPENING:
            video.look = look
            self._video_changed(video)

    def _on_shown(self) -> None:
        if self._current is not None:
            self._current.look = None

    def _on_opening(self, video: OpenVideo, progress: Any) -> None:
        video.opening = progress
        self._video_changed(video)

    def _on_opened(self, video: OpenVideo, media: Media) -> None:
        if video not in self.videos:
            media.close()
            return
        video.media, video.status, video.opening = media, VideoStatus.READY, None
        self._video_changed(video)
        if video is self._current:
            self._show_current()
        for warning in media.warnings():
            self.notify("warning", f"{video.name}: {warning}")
        self._start_hashing(video, media)
        self._analyse_by_itself(video)
        if self.settings.preferences.play_on_open and video is self._current:
            self.play()

    def _on_open_failed(self, video: OpenVideo, error: Exception) -> None:
        video.status, video.opening, video.error = VideoStatus.FAILED, None, _typed(error)
        video.look = None
        self._video_changed(video)
        if video is self._current:
            self.media_changed.emit()
            self.shown_changed.emit()  # it is told in the place of the picture
        else:
            self.notify("error", str(video.error))

    def _start_hashing(self, video: OpenVideo, media: Media) -> None:
        task = self.background.start(
            lambda cancel, progress: media.identity(cancel=cancel, progress=progress), slow=True
        )
        task.progressed.connect(lambda progress: self._on_hashing(video, progress, None))
        task.succeeded.connect(lambda identity: self._on_hashing(video, None, identity))
        task.failed.connect(lambda error: self.notify("error", str(_typed(error))))

    def _on_hashing(self, video: OpenVideo, progress: Any, identity: VideoIdentity | None) -> None:
        if identity is not None and video.identity is None:
            self._case.load_marks(video, identity)
            self._case.load_exclusions(video, identity)
        video.hashing, video.identity = progress, identity or video.identity
        self._video_changed(video)
        if video is self._current:
            self.identity_changed.emit()

    def _drop_failed(self, path: Path) -> None:
        for row, video in enumerate(self.videos):
            if video.path == path:
                self.remove_video(row)
                return

    # The video on the screen

    def _leave_current(self) -> None:
        self._stop_explaining()
        self._screen.leave()

    def _stop_explaining(self) -> None:
        for store in reversed(self._stores):  # the first one asks again when another one ends
            store.stop()

    def _enter_current(self) -> None:
        self.current_changed.emit()
        self._show_current()
        self.identity_changed.emit()
        self.range_changed.emit()
        self.marks_changed.emit()
        self.analysis_changed.emit()
        self._results_are_new()

    def _show_current(self) -> None:
        """Bring the current video to the screen if it is open; else show that there is nothing (yet)."""
        video = self._current
        if video is not None and video.media is not None:
            self._screen.enter(video, video.media, self.settings.preferences.cache_bytes)
        self.media_changed.emit()
        self.frame_changed.emit(self.frame)
        self.shown_changed.emit()
        self.cache_changed.emit()

    def _results_are_new(self) -> None:
        self.tracks_changed.emit()
        self.results_changed.emit(0, max(0, self.frames - 1))
        self.explanations_changed.emit(self.frame)
        self.request_explanation()

    def _on_moved(self, frame: int) -> None:
        self._engine.focus(frame)
        self.frame_changed.emit(frame)
        self.request_explanation()

    # The engine

    def ask(self, request: Request, answer: Callable[[Event], None]) -> int:
        """Send a request of a dialog; its events, the last one Finished or Failed, go to `answer` alone."""
        job = self._engine.submit(request, Priority.USER)
        self._asked[job] = answer
        return job

    def cancel(self, job: int) -> None:
        """Ask for the end of a request made with `ask`; Failed with a CancelledError follows."""
        self._engine.cancel(job)

    def _submit(self, request: Request) -> None:
        self._jobs.add(self._engine.submit(request, Priority.USER))

    def _analyse(
        self, video: OpenVideo, frames: tuple[int, int] | None, people: Sequence[int] | None, priority: Priority
    ) -> None:
        detector = self.detector
        if video.media is None or detector is None:
            return
        if not detector.trained:
            self.notify("warning", f"{detector.name} cannot score: {detector.problem}")
            return
        first, last = frames if frames is not None else (0, None)
        request = AnalyzeRequest(
            video.path,
            detector.id,
            case=self.case_path,
            every=self.every,
            first=first,
            last=last,
            people=tuple(people) if people is not None else None,
            device=self.device,
            engine=self.engine,
        )
        self._analyses.start(video, request, priority)
        self.reviewing.apply(video, detector)

    def _analyse_by_itself(self, video: OpenVideo) -> None:
        """What happens without being asked, where the user wants that."""
        detector = self.detector
        wanted = self.settings.preferences.analyse_on_open
        if wanted and detector is not None and detector.trained and video.status is VideoStatus.READY:
            self._analyse(video, None, None, Priority.ANALYSIS)

    def _on_event(self, event: Event) -> None:
        if self._closed:
            return
        if isinstance(event, DeviceStatus):
            self.device_status = event
            self.device_changed.emit()
            return
        if event.job in self._asked:
            over = isinstance(event, Finished | Failed)
            answer = self._asked.pop(event.job) if over else self._asked[event.job]
            answer(event)
            return
        for store in tuple(self._stores):
            store.handle(event)
        self._analyses.handle(event)
        if event.job in self._jobs:
            self._on_own_event(event)

    def _on_own_event(self, event: Event) -> None:
        if isinstance(event, DetectorsListed):
            first_time = not self.detectors
            for store in self._stores:
                store.forget()
            self.set_detectors(event.detectors, event.explainers)
            for video in self.videos:
                self._apply_exclusions(video)
            if first_time:
                for video in self.videos:  # opened before the engine was up
                    if video.analysis.state is AnalysisState.IDLE:
                        self._analyse_by_itself(video)
        elif isinstance(event, Finished | Failed):
            self._jobs.discard(event.job)
            if isinstance(event, Failed):
                self.notify("error", str(event.error))

    def _on_analysis(self, video: OpenVideo) -> None:
        self._video_changed(video)
        if video is self._current:
            self.analysis_changed.emit()

    def _on_results(self, video: OpenVideo, detector_id: str, first: int, last: int) -> None:
        if video is self._current and detector_id == self.detector_id:
            self.results_changed.emit(first, last)
            if first <= self.frame <= last:
                self.request_explanation()

    def _on_tracks(self, video: OpenVideo, detector_id: str) -> None:
        if video.results[detector_id].done:
            for store in self._stores:
                store.forget(video.path)  # they carry the ids of before
        if video is self._current and detector_id == self.detector_id:
            if self.results is not None and self.results.done:  # ids are new: nobody hid these faces
                video.hidden = frozenset()
            for store in self._stores:
                store.forget_failures()
            self.tracks_changed.emit()

    def _on_analysed(self, video: OpenVideo, done: AnalysisDone) -> None:
        """Note in the case what was found in a whole video, as `analyze --case` does."""
        detector = next((info for info in self.detectors if info.id == done.detector_id), None)
        if detector is not None and video.wholly_analysed(detector.id):
            found = likelihood_entry(video.likelihood(detector, stored=True))
            self._case.note_analysis(
                analysis_details(done.video, detector, video.analysis.every, done.fake_probability, found)
            )

    def _on_identified(self, video: OpenVideo, identity: VideoIdentity) -> None:
        if video.identity is None:
            self._on_hashing(video, None, identity)

    def _on_following_failed(self, error: TellframeError) -> None:
        if not self.slow:  # nobody has asked for these masks
            self._on_explanation_failed(error)

    def _on_explanation_failed(self, error: TellframeError) -> None:
        if not isinstance(error, CancelledError):
            self.notify("error", str(error))

    # Small things

    def _on_choice(self) -> None:
        for store in self._stores:
            store.forget_failures()
        if self.detector_id != self._seen_detector_id:
            self._seen_detector_id = self.detector_id
            self._results_are_new()
        for row in range(len(self.videos)):  # their verdicts hang on detector and threshold
            self.video_changed.emit(row)
        self.explanations_changed.emit(self.frame)
        self.request_explanation()

    def _make_case(self, path: Path) -> CaseStore:
        case = CaseStore(path, self.background, self)
        case.marks_loaded.connect(self._on_marks_loaded)
        case.exclusions_loaded.connect(self._on_exclusions_loaded)
        case.reviews_loaded.connect(lambda told: self.reviewing.take_reviews(told) if case is self._case else None)
        case.videos_loaded.connect(self.open)
        case.failed.connect(lambda error: self.notify("error", str(_typed(error))))
        return case

    def _on_marks_loaded(self, video: OpenVideo, marks: tuple[Mark, ...]) -> None:
        known = {mark.made_at for mark in marks}
        early = tuple(mark for mark in video.marks if mark.made_at not in known)  # made before the hash was known
        video.marks = tuple(sorted((*marks, *early), key=lambda m: (m.first, m.last, m.made_at)))
        if early:
            self._on_edited(video)
        elif video is self._current:
            self.marks_changed.emit()

    def _on_edited(self, video: OpenVideo) -> None:
        if video.identity is not None:
            self._case.save_marks(video.identity, video.marks)
        self.reviewing.keep(video)
        self._apply_exclusions(video)
        if video is self._current:
            self.marks_changed.emit()

    def _on_exclusions_loaded(self, video: OpenVideo, excluded: Excluded) -> None:
        if video not in self.videos:  # it went away with its case, say
            return
        self.reviewing.take_exclusions(video, excluded)
        self.reviewing.keep(video)
        self._apply_exclusions(video)

    def _apply_exclusions(self, video: OpenVideo) -> None:
        """Show the results without the prototypes that are excluded now, wherever these are others than before."""
        changed = [info.id for info in self.detectors if self.reviewing.apply(video, info)]
        if changed:
            self._video_changed(video)
        if video is self._current and self.detector_id in changed:
            self._results_are_new()
        if video is self._current:
            self.reviewing.changed.emit()

    def _video_changed(self, video: OpenVideo) -> None:
        if video in self.videos:
            self.video_changed.emit(self.videos.index(video))


def _typed(error: Exception) -> TellframeError:
    """An unexpected exception as an error that can be shown; the traceback is in the log."""
    if isinstance(error, TellframeError):
        return error
    return InternalError(f"Tellframe failed with {type(error).__name__}: {error}")
