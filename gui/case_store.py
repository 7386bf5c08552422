"""Keeps what the reviewer says, and the log of analyses, in the case file, on a worker thread. GUI thread only."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.case.case_file import CaseFile
from engine.case.noted import ANALYSED, last_analysis
from engine.case.reviewed import PrototypeReview, exclusions, note_exclusions, note_review, reviews
from engine.errors import CaseError
from engine.results import DetectorInfo, Mark, VideoIdentity
from gui.bridge import Background
from gui.videos import OpenVideo


class CaseStore(QObject):
    """One case file. It is opened on first use; the engine writes its results into the same file.

    Attributes:
        path: of the case file.
        usable: False once it could not be opened: then nothing is kept, and the user has been told.

    Signals:
        marks_loaded: (video, marks) what the case knows of a video that has just been hashed.
        exclusions_loaded: (video, names of excluded prototypes by the SHA-256 of their weights), then, too.
        reviews_loaded: what the reviewer says of prototypes, by the SHA-256 of their weights and their names.
        videos_loaded: paths of all evidence in the case.
        failed: TellframeError or another exception.
    """

    marks_loaded = Signal(object, object)
    exclusions_loaded = Signal(object, object)
    reviews_loaded = Signal(object)
    videos_loaded = Signal(object)
    failed = Signal(object)

    def __init__(self, path: Path, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path, self.usable = path, True
        self._background = background
        self._case: CaseFile | None = None  # storing thread only, until `close`

    def load_videos(self) -> None:
        """Ask for the evidence of the case."""

        def work() -> tuple[Path, ...]:
            return tuple(Path(video.identity.path) for video in self._opened().videos())

        self._start(work, self.videos_loaded.emit)

    def load_marks(self, video: OpenVideo, identity: VideoIdentity) -> None:
        """Enter a hashed video into the case and ask for its marks."""

        def work() -> tuple[Mark, ...]:
            case = self._opened()
            return case.marks(case.put_video(identity))

        self._start(work, lambda marks: self.marks_loaded.emit(video, marks))

    def save_marks(self, identity: VideoIdentity, marks: tuple[Mark, ...]) -> None:
        """Make the case hold exactly these marks of a video; its log says what changed."""
        self._start(lambda: bring_up_to_date(self._opened(), identity, marks), lambda _: None)

    def load_exclusions(self, video: OpenVideo, identity: VideoIdentity) -> None:
        """Ask for the prototypes that have no say in a video."""
        self._start(
            lambda: exclusions(self._opened(), identity.sha256),
            lambda excluded: self.exclusions_loaded.emit(video, excluded),
        )

    def save_exclusions(self, identity: VideoIdentity, detector: DetectorInfo, excluded: Collection[str]) -> None:
        """Let just these prototypes of a detector have no say in a video; its log says what changed."""
        key = detector.id, detector.weights_sha256
        self._start(lambda: note_exclusions(self._opened(), identity, *key, excluded), lambda _: None)

    def load_reviews(self) -> None:
        """Ask for what the reviewer says of prototypes; a case that does not exist yet is not made for it."""
        if self.path.exists():
            self._start(lambda: reviews(self._opened()), self.reviews_loaded.emit)

    def save_review(self, detector: DetectorInfo, prototype: str, review: PrototypeReview) -> None:
        """Keep what the reviewer says of a prototype; the log says when."""
        key = detector.id, detector.weights_sha256, prototype
        self._start(lambda: note_review(self._opened(), *key, review), lambda _: None)

    def note_analysis(self, details: Mapping[str, Any]) -> None:
        """Log the analysis of a whole video, unless the log's last word on it is the same.

        The window analyses a video whenever it is opened, mostly out of the case; that is nothing new.
        """

        def work() -> None:
            case = self._opened()
            if last_analysis(case, details["sha256"], details["detector"]) != details:
                case.note(ANALYSED, details)

        self._start(work, lambda _: None)

    def close(self) -> None:
        """Close the file; after `Background.close`."""
        if self._case is not None:
            self._case.close()

    def _opened(self) -> CaseFile:
        if self._case is None:
            self._case = CaseFile.open_or_create(self.path)
        return self._case

    def _start(self, work: Callable[[], object], done: Callable[[object], None]) -> None:
        if self.usable:
            task = self._background.store(lambda _cancel, _progress: work())
            task.succeeded.connect(done)
            task.failed.connect(self._on_failed)

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, CaseError) and self._case is None:
            self.usable = False
        self.failed.emit(error)


def bring_up_to_date(case: CaseFile, identity: VideoIdentity, marks: tuple[Mark, ...]) -> None:
    """Change the stored marks until the case holds exactly these; a mark is known by when it was made."""
    video = case.put_video(identity)
    stored = {mark.made_at: mark for mark in case.marks(video)}
    wanted = {mark.made_at: mark for mark in marks}
    for made_at, old in stored.items():
        if made_at not in wanted and old.id is not None:
            case.remove_mark(old.id)
    for made_at, mark in wanted.items():
        known = stored.get(made_at)
        if known is None:
            case.add_mark(video, Mark(mark.first, mark.last, mark.note, mark.made_at))
        elif (known.first, known.last, known.note) != (mark.first, mark.last, mark.note):
            case.update_mark(Mark(mark.first, mark.last, mark.note, mark.made_at, known.id))
