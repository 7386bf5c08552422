"""The suspicious intervals of the video on the screen, and what can be done with them. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from engine.evaluation.intervals import (
    IntervalRule,
    SuspiciousInterval,
    suspicious_intervals,
    usual_rule,
)
from engine.evaluation.standing_out import StandingOut, standing_out
from gui.session import Session

REFRESH_MS = 300
"""They follow a running analysis at most this often."""


class Intervals(QObject):
    """Found in what is known so far of the faces that are shown, under the chosen detector.

    Signals:
        changed: `found`, `rule`, `chosen` or `outstanding`.

    Attributes:
        found: by first frame and then by face.
        rule: by which they were found.
        chosen: the one that is chosen in the list, None if none is.
        outstanding: where a face stands out most from the rest of itself, once the analysis is done; of several
            faces the one with the largest contrast.
    """

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._own_rule: IntervalRule | None = None
        self._detector_id = session.detector_id
        self.found: tuple[SuspiciousInterval, ...] = ()
        self.rule = usual_rule([], float)
        self.chosen: SuspiciousInterval | None = None
        self.outstanding: StandingOut | None = None
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        session.results_changed.connect(self._later)
        session.tracks_changed.connect(self._later)
        session.current_changed.connect(self.refresh)
        session.choice_changed.connect(self._on_choice)

    @property
    def own_rule(self) -> bool:
        """Whether the user chose the rule."""
        return self._own_rule is not None

    @property
    def current(self) -> SuspiciousInterval | None:
        """The chosen interval, else the one under the playhead; None if there is none."""
        if self.chosen is not None:
            return self.chosen
        frame = self._session.frame
        return next((each for each in self.found if each.first <= frame <= each.last), None)

    def set_rule(self, rule: IntervalRule | None) -> None:
        """Find them by another rule; None for the usual one of the detector."""
        self._own_rule = rule
        self.refresh()

    def choose(self, interval: SuspiciousInterval | None) -> None:
        """Choose one of those found."""
        if interval != self.chosen:
            self.chosen = interval
            self.changed.emit()

    def go_to(self, interval: SuspiciousInterval | StandingOut) -> None:
        """Pause at its first frame."""
        self._session.pause()
        self._session.go_to(interval.first)

    def mark(self, interval: SuspiciousInterval) -> None:
        """Make it a mark, whose note says what found it; can be undone."""
        self._session.add_mark(interval.first, interval.last, self.note(interval))

    def mark_outstanding(self) -> None:
        """Make what stands out a mark, whose note says by how much; can be undone."""
        if (found := self.outstanding) is not None:
            self._session.add_mark(
                found.first,
                found.last,
                f"Face {found.track_id + 1}: stands out from the rest of itself, mean logit of "
                f"{self._session.detector_id} higher by {found.contrast:.2f}. {self._made_by()}",
            )

    def mark_current(self) -> None:
        """Make the current one a mark; says so if there is none."""
        if self.current is not None:
            self.mark(self.current)
        else:
            self._session.notify("info", f"No suspicious interval holds frame {self._session.frame}")

    def note(self, interval: SuspiciousInterval) -> str:
        """What a mark says of an interval: detector, weights, figures and rule."""
        return (
            f"Face {interval.track_id + 1}: score of {self._session.detector_id} mean {interval.mean:.2f}, "
            f"peak {interval.peak:.2f} at frame {interval.peak_frame}. Rule: {self.rule.words()}. "
            f"{self._made_by()}"
        )

    def _made_by(self) -> str:
        """Which weights, and what of them was left out."""
        detector = self._session.detector
        weights = detector.weights_sha256 if detector is not None else ""
        without = self._session.reviewing.words
        return f"Weights SHA-256 {weights}{f'. {without}' if without else ''}"

    def close(self) -> None:
        """Follow no more results."""
        self._session.results_changed.disconnect(self._later)
        self._session.tracks_changed.disconnect(self._later)
        self._timer.stop()

    def refresh(self) -> None:
        """Find them anew."""
        session = self._session
        media, results, detector = session.media, session.results, session.detector
        found: list[SuspiciousInterval] = []
        rule = self._own_rule
        if media is not None and results is not None:
            card = detector.card if detector is not None else None
            rule = rule or usual_rule([track.spans for track in results], media.index.seconds, card)
            for track in session.visible_tracks:
                found += suspicious_intervals(track.id, track.spans, track.scores, rule)
        new = tuple(sorted(found, key=lambda each: (each.first, each.track_id)))
        rule = rule or usual_rule([], float, detector.card if detector is not None else None)
        outstanding = self._outstanding()
        if (new, rule, outstanding) != (self.found, self.rule, self.outstanding):
            self.found, self.rule, self.outstanding = new, rule, outstanding
            self.chosen = self.chosen if self.chosen in new else None
            self.changed.emit()

    def _outstanding(self) -> StandingOut | None:
        """Of a whole curve only: half of one has steps that the whole has not."""
        results = self._session.results
        if self._session.media is None or results is None or not results.done:
            return None
        known = (standing_out(each.id, each.spans, each.scores) for each in self._session.visible_tracks)
        return max((one for one in known if one is not None), key=lambda one: one.contrast, default=None)

    def _later(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _on_choice(self) -> None:
        if self._session.detector_id != self._detector_id:  # another detector has another scale
            self._detector_id, self._own_rule = self._session.detector_id, None
            self.refresh()
