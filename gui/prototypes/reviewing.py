"""What the reviewer says of prototypes: names of their own, artefacts, and which have no say. GUI thread only.

Names and artefacts hold for all videos of the case, exclusions for one video. Numbers without the excluded ones
are made by `engine.detectors.prototype_exclusion`, in the ResultsModel; here it is decided when.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Signal

from engine.case.reviewed import Excluded, PrototypeReview, Reviews
from engine.errors import TellframeError
from engine.results import DetectorInfo, Prototype, excluded_words
from gui.edits import ExcludePrototypes
from gui.videos import OpenVideo

if TYPE_CHECKING:
    from gui.case_store import CaseStore
    from gui.session_state import SessionState

NOTHING = PrototypeReview()


class PrototypeReviewing(QObject):
    """For the current video and the chosen detector, where nothing else is said.

    Signals:
        changed: what is excluded, a name or an artefact; or another video or detector is on the screen.
    """

    changed = Signal()

    def __init__(self, session: SessionState, case: Callable[[], CaseStore]) -> None:
        super().__init__(session)
        self._session, self._case = session, case
        self._reviews: dict[tuple[str, str], PrototypeReview] = {}
        self._kept: MutableMapping[OpenVideo, dict[str, frozenset[str]]] = WeakKeyDictionary()
        for signal in (session.current_changed, session.detectors_changed, session.choice_changed):
            signal.connect(self.changed)

    # What has no say

    @property
    def excluded(self) -> frozenset[str]:
        """Names of the prototypes that have no say."""
        video, detector = self._session.current, self._session.detector
        return self._excluded_in(video, detector) if video is not None and detector is not None else frozenset()

    @property
    def excluded_indices(self) -> frozenset[int]:
        """The same as columns of SIMILARITY."""
        excluded, detector = self.excluded, self._session.detector
        prototypes = detector.prototypes if detector is not None else ()
        return frozenset(at for at, each in enumerate(prototypes) if each.name in excluded)

    @property
    def words(self) -> str:
        """ "2 prototypes excluded"; empty if none is."""
        return excluded_words(len(self.excluded)) if self.excluded else ""

    def exclude(self, names: Collection[str]) -> None:
        """Let just these prototypes have no say, which can be undone; all that is shown follows at once."""
        video, detector = self._session.current, self._session.detector
        before, after = self.excluded, frozenset(names)
        if video is not None and detector is not None and before != after:
            video.edits.do(ExcludePrototypes(detector.weights_sha256, before, after))

    def toggle(self, name: str) -> None:
        """Exclude a prototype, or bring it back."""
        self.exclude(self.excluded ^ {name})

    def apply(self, video: OpenVideo, detector: DetectorInfo) -> bool:
        """Show the results of a detector without what is excluded; whether that changed anything.

        Results of others stay as they are; what does not fit is told, and nothing is excluded then.
        """
        results, excluded = video.results.get(detector.id), self._excluded_in(video, detector)
        if results is None or results.excluded == excluded:
            return False
        try:
            results.exclude(detector.prototypes, excluded)
        except TellframeError as error:
            self._session.notify("error", str(error))
            return False
        return True

    def keep(self, video: OpenVideo) -> None:
        """Write what is excluded in a video into the case, if it is new and the video is known."""
        identity, kept = video.identity, self._kept.setdefault(video, {})
        for detector in self._session.detectors:
            key = detector.weights_sha256
            excluded = video.excluded.get(key, frozenset())
            if identity is not None and detector.prototypes and kept.get(key, frozenset()) != excluded:
                kept[key] = excluded
                self._case().save_exclusions(identity, detector, excluded)

    def take_exclusions(self, video: OpenVideo, excluded: Excluded) -> None:
        """What the case says of a video; what was changed before that was known stays."""
        self._kept[video] = dict(excluded)
        video.excluded = {**excluded, **video.excluded}

    def _excluded_in(self, video: OpenVideo, detector: DetectorInfo) -> frozenset[str]:
        return video.excluded.get(detector.weights_sha256, frozenset()) if detector.prototypes else frozenset()

    # Names and artefacts

    def review(self, prototype: Prototype) -> PrototypeReview:
        """What is said of a prototype of the chosen detector."""
        return self._reviews.get(self._key(prototype.name), NOTHING)

    def name_of(self, name: str) -> str:
        """How to call a prototype, by its name in the weights: that is told beside the reviewer's own."""
        own = self._reviews.get(self._key(name), NOTHING).name
        return f"{own} ({name})" if own else name

    def rename(self, prototype: Prototype, name: str) -> None:
        """Give a prototype a name of one's own; empty, or its own, for none. Kept in the case."""
        name = " ".join(name.split())
        self._set(prototype, replace(self.review(prototype), name="" if name == prototype.name else name))

    def label(self, prototype: Prototype, artefact: str) -> None:
        """Say which of ARTEFACTS a prototype shows, empty for none. Kept in the case."""
        self._set(prototype, replace(self.review(prototype), artefact=artefact))

    def take_reviews(self, reviews: Reviews) -> None:
        """What the case says; what was said before that was known stays."""
        self._reviews = {**reviews, **self._reviews}
        self.changed.emit()

    def forget(self) -> None:
        """Another case begins."""
        self._reviews, self._kept = {}, WeakKeyDictionary()
        self.changed.emit()

    def _key(self, name: str) -> tuple[str, str]:
        detector = self._session.detector
        return (detector.weights_sha256 if detector is not None else "", name)

    def _set(self, prototype: Prototype, review: PrototypeReview) -> None:
        detector = self._session.detector
        if detector is not None and review != self.review(prototype):
            self._reviews[self._key(prototype.name)] = review
            self._case().save_review(detector, prototype.name, review)
            self.changed.emit()
