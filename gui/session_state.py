"""What all views of the window look at: the state of the session, and the signals that tell of its changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from engine.errors import TellframeError
from engine.results import Mark, VideoIdentity
from engine.runtime.protocol import DeviceStatus
from gui.bridge import Background
from gui.choices import Choices
from gui.edits import AddMark, ChangeMark, RemoveMark
from gui.explaining import ExplanationStore, FrameExplanation
from gui.results_model import FaceAt, ResultsModel, TrackSeries
from gui.screen import MakeServer, Screen
from gui.settings import Settings
from gui.videos import Analysis, OpenVideo

if TYPE_CHECKING:
    from engine.runtime.engine import Engine
    from engine.video.frame import Frame
    from engine.video.media import Media


@dataclass(frozen=True, slots=True)
class Message:
    """Something to tell the user in place. Levels: info, warning, error."""

    level: str
    text: str


class SessionState(Choices):
    """All videos of the case, what is on the screen, what was found, and what the user chose.

    "The current" video is the one on the screen; properties without a video argument are about it.

    Signals beside those of Choices (all on the GUI thread):
        videos_changed: videos were added or removed.
        video_changed: row; status, progress or verdict of one video changed (also of those not on the screen).
        current_changed: another video (or none) is on the screen; read everything anew.
        media_changed: the current video was opened, failed or went away; `media` is new.
        identity_changed: `identity` or the progress of hashing is new.
        frame_changed: the playhead, a frame number.
        shown_changed: another picture (or an error instead of one) is to be shown.
        range_changed: in or out point.
        marks_changed: `marks`, and what can be undone.
        results_changed: first and last frame whose results are new.
        tracks_changed: the set of faces, their ids, or which of them are hidden.
        explanations_changed: the masks of a frame number are new, or what is wanted of them.
        analysis_changed: `analysis` of the current video.
        device_changed: `device_status`.
        playing_changed: playing or speed.
        dropped_changed: count of frames not shown since playing began.
        cache_changed: `cached_ranges`.
        noticed: a Message.
        case_changed: `case_path`.
    """

    videos_changed = Signal()
    video_changed = Signal(int)
    current_changed = Signal()
    media_changed = Signal()
    identity_changed = Signal()
    frame_changed = Signal(int)
    shown_changed = Signal()
    range_changed = Signal()
    marks_changed = Signal()
    results_changed = Signal(int, int)
    tracks_changed = Signal()
    explanations_changed = Signal(int)
    analysis_changed = Signal()
    device_changed = Signal()
    playing_changed = Signal()
    dropped_changed = Signal(int)
    cache_changed = Signal()
    noticed = Signal(object)
    case_changed = Signal()

    def __init__(
        self,
        settings: Settings,
        engine: Callable[[], Engine],
        make_server: MakeServer,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(settings, parent)
        self.background = Background(self)
        """For dialogs too: `session.background.start(work, slow=True)` gives a gui.bridge.Task."""
        self.videos: list[OpenVideo] = []
        self.messages: list[Message] = []
        self.device_status: DeviceStatus | None = None
        self._current: OpenVideo | None = None
        self._screen = Screen(self.background, make_server, self)
        self._screen.shown_changed.connect(self.shown_changed)
        self._screen.dropped_changed.connect(self.dropped_changed)
        self._screen.cached_changed.connect(self.cache_changed)
        self._screen.playing_changed.connect(self.playing_changed)
        self._engine_of = engine
        self._stores: list[ExplanationStore] = []
        self._explanations = self.new_explanations()
        self._demanded = self.new_explanations()
        for store in (self._explanations, self._demanded):
            store.made.connect(self.explanations_changed)
            store.busy_changed.connect(lambda: self.explanations_changed.emit(self.frame))

    def new_explanations(self) -> ExplanationStore:
        """A store of masks fed with the engine's answers, for a view that shows others than the player's."""
        self._stores.append(ExplanationStore(self._engine_of, self))
        return self._stores[-1]

    def drop_explanations(self, store: ExplanationStore) -> None:
        """Let go of a store made by `new_explanations`."""
        store.stop()
        self._stores.remove(store)
        store.deleteLater()

    # What is on the screen

    @property
    def current(self) -> OpenVideo | None:
        return self._current

    @property
    def current_row(self) -> int:
        """Row of the current video in `videos`, -1 if none."""
        return self.videos.index(self._current) if self._current else -1

    @property
    def media(self) -> Media | None:
        """The opened current video; None while there is none, it is being opened, or it failed (current.error)."""
        return self._current.media if self._current else None

    @property
    def frames(self) -> int:
        """Number of frames of the current video, 0 without one."""
        return self._current.frames if self._current else 0

    @property
    def identity(self) -> VideoIdentity | None:
        return self._current.identity if self._current else None

    @property
    def frame(self) -> int:
        """The playhead."""
        return self._current.frame if self._current else 0

    @property
    def shown(self) -> Frame | None:
        """The picture on the screen; its index may lag behind `frame`, see `shown_exact`."""
        return self._screen.shown

    @property
    def shown_exact(self) -> bool:
        """Whether the picture on the screen is exactly the frame at the playhead."""
        return self._screen.exact

    @property
    def shown_error(self) -> TellframeError | None:
        """Why the frame at the playhead cannot be shown; then `shown` is None."""
        return self._screen.error

    @property
    def dropped_frames(self) -> int:
        """Frames that were due since playing began and were never shown."""
        return self._screen.dropped

    @property
    def cached_ranges(self) -> tuple[tuple[int, int], ...]:
        """Inclusive ranges of frames that are in memory."""
        return self._screen.cached

    @property
    def in_point(self) -> int | None:
        return self._current.in_point if self._current else None

    @property
    def out_point(self) -> int | None:
        return self._current.out_point if self._current else None

    @property
    def range(self) -> tuple[int, int]:
        """The chosen range with its defaults filled in, inclusive; (0, -1) without a video."""
        first = self.in_point if self.in_point is not None else 0
        last = self.out_point if self.out_point is not None else self.frames - 1
        return first, last

    @property
    def marks(self) -> tuple[Mark, ...]:
        return self._current.marks if self._current else ()

    @property
    def playing(self) -> bool:
        return self._screen.velocity != 0

    @property
    def speed(self) -> int:
        """0 when paused, negative backwards; 1 is the file's own pace."""
        return self._screen.velocity

    # What was found

    @property
    def results(self) -> ResultsModel | None:
        """Of the current video under the chosen detector; None before an analysis."""
        return self._current.results.get(self.detector_id) if self._current else None

    @property
    def all_results(self) -> dict[str, ResultsModel]:
        """Of the current video, by detector id: for the curves of several detectors."""
        return self._current.results if self._current else {}

    @property
    def faces(self) -> tuple[FaceAt, ...]:
        """The faces on the shown frame, without the hidden ones."""
        faces = self.results.faces_at(self.shown.index) if self.results and self.shown else ()
        return tuple(face for face in faces if face.track_id not in self.hidden_faces)

    @property
    def hidden_faces(self) -> frozenset[int]:
        """Ids of the faces that the user does not want to see."""
        return self._current.hidden if self._current else frozenset()

    @property
    def visible_tracks(self) -> tuple[TrackSeries, ...]:
        """The faces of the whole video under the chosen detector, without the hidden ones, by id."""
        return tuple(track for track in self.results or () if track.id not in self.hidden_faces)

    def set_face_visible(self, track_id: int, visible: bool) -> None:
        """Show or hide the box, the mask and the curve of one face; what was found stays."""
        if self._current is not None:
            before = self._current.hidden
            self._current.hidden = before - {track_id} if visible else before | {track_id}
            self.tracks_changed.emit()

    @property
    def explanations(self) -> dict[int, FrameExplanation]:
        """The masks of the shown frame by track id, hidden faces left out; empty if there are none (yet)."""
        return self._masks_of(self.shown.index) if self.shown is not None else {}

    @property
    def held_masks(self) -> tuple[int, dict[int, FrameExplanation]] | None:
        """While playing: the latest masks of a moment ago and the frame they belong to. None if there are none."""
        if not self.playing or self._current is None or self.shown is None or self.slow:
            return None
        names = self._current.path, self.detector_id, self.explainer_id
        frame = self._explanations.latest(*names, self.shown.index, self.explainer_settings)
        return (frame, self._masks_of(frame)) if frame is not None else None

    def _masks_of(self, frame: int) -> dict[int, FrameExplanation]:
        video = self._current
        if video is None:
            return {}
        key = video.path, self.detector_id, self.explainer_id, frame, self.explainer_settings
        made = {**self._demanded.grown(*key), **self._explanations.get(*key), **self._demanded.get(*key)}
        return {track_id: mask for track_id, mask in made.items() if track_id not in video.hidden}

    def made_masks(self, first: int, last: int) -> tuple[FrameExplanation, ...]:
        """The finished ones of the frames first to last, by frame and face, hidden faces left out."""
        found = (self._masks_of(frame) for frame in range(first, last + 1))
        return tuple(masks[face] for masks in found for face in sorted(masks) if masks[face].grown is None)

    @property
    def explaining(self) -> bool:
        """Whether masks that follow the playhead are being computed."""
        return self._explanations.busy and not self.slow

    @property
    def analysis(self) -> Analysis:
        """Of the current video; an idle one without a video."""
        return self._current.analysis if self._current else Analysis()

    # Range and marks

    def set_in(self, frame: int | None) -> None:
        """Set or clear the in point; an out point before it is cleared."""
        if self._current is not None:
            self._current.in_point = frame
            if frame is not None and self._current.out_point is not None and self._current.out_point < frame:
                self._current.out_point = None
            self.range_changed.emit()

    def set_out(self, frame: int | None) -> None:
        """Set or clear the out point; an in point after it is cleared."""
        if self._current is not None:
            self._current.out_point = frame
            if frame is not None and self._current.in_point is not None and self._current.in_point > frame:
                self._current.in_point = None
            self.range_changed.emit()

    def add_mark(self, first: int, last: int, note: str) -> None:
        """Add a reviewer's mark; can be undone."""
        if self._current is not None:
            now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
            self._current.edits.do(AddMark(Mark(first, last, note, now)))

    def remove_mark(self, mark: Mark) -> None:
        if self._current is not None:
            self._current.edits.do(RemoveMark(mark))

    def change_mark(self, old: Mark, new: Mark) -> None:
        if self._current is not None:
            self._current.edits.do(ChangeMark(old, new))

    def undo(self) -> None:
        """Undo the last edit in the current video."""
        if self._current is not None:
            self._current.edits.undo()

    def redo(self) -> None:
        if self._current is not None:
            self._current.edits.redo()

    def notify(self, level: str, text: str) -> None:
        """Tell the user something in place. Levels: info, warning, error."""
        message = Message(level, text)
        self.messages.append(message)
        self.noticed.emit(message)
