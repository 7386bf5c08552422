"""Which face and which prototype is looked at, and which prototypes have no say: what several views share."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QObject, Signal

from engine.results import SIMILARITY, Prototype
from gui.results_model import TrackSeries
from gui.session import Session


class PrototypeChoice(QObject):
    """GUI thread only.

    Attributes:
        index: number of the chosen prototype, None without one.

    Signals:
        changed: another face or prototype is chosen, or others are excluded.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.index: int | None = None
        self._face: int | None = None
        self._of: tuple[Prototype, ...] = ()
        session.choice_changed.connect(self._on_detector)
        session.detectors_changed.connect(self._on_detector)
        session.reviewing.changed.connect(self.changed)

    @property
    def prototypes(self) -> tuple[Prototype, ...]:
        """Those of the chosen detector, none for most."""
        detector = self._session.detector
        return detector.prototypes if detector is not None else ()

    @property
    def faces(self) -> tuple[TrackSeries, ...]:
        """The visible faces whose similarities to the prototypes are known, by id."""
        if not self.prototypes:
            return ()
        return tuple(track for track in self._session.visible_tracks if SIMILARITY in track.activations)

    @property
    def face(self) -> TrackSeries | None:
        """The chosen one of these, else the first."""
        faces = self.faces
        return next((track for track in faces if track.id == self._face), faces[0] if faces else None)

    @property
    def prototype(self) -> Prototype | None:
        """The chosen one."""
        return self.prototypes[self.index] if self.index is not None else None

    def name_of(self, prototype: Prototype) -> str:
        """As the reviewer calls it."""
        return self._session.reviewing.name_of(prototype.name)

    def choose(self, index: int | None) -> None:
        """Look at another prototype."""
        if index != self.index:
            self.index = index
            self.changed.emit()

    def choose_named(self, name: str) -> None:
        """Look at the prototype that has a name in the weights, if there is one."""
        self.choose(next((at for at, each in enumerate(self.prototypes) if each.name == name), self.index))

    def choose_face(self, track_id: int) -> None:
        """Look at another face."""
        if track_id != self._face:
            self._face = track_id
            self.changed.emit()

    @property
    def excluded(self) -> frozenset[int]:
        """Numbers of the prototypes that the reviewer leaves out."""
        return self._session.reviewing.excluded_indices

    def exclude(self, excluded: Collection[int]) -> None:
        """Let these prototypes, and no others, have no say; can be undone."""
        self._session.reviewing.exclude({self.prototypes[index].name for index in excluded})

    def _on_detector(self) -> None:
        """Numbers are those of one set of prototypes."""
        if self.prototypes != self._of:
            self._of = self.prototypes
            self.index = None
            self.changed.emit()
