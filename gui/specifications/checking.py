"""The model of the Specifications tab and of the verdict lane: what is chosen, and what it says. GUI thread only.

Texts are parsed and faces are checked on worker threads; answers to what is no longer asked are dropped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from engine.errors import TellframeError
from engine.progress import Progress
from gui.bridge import Task
from gui.session import Session
from gui.specifications import evaluating, shelf, wording
from gui.specifications.answers import Answers, Entry, Face, FaceAnswer, Parsed
from gui.specifications.wording import times_of

if TYPE_CHECKING:
    from engine.temporal_logic.specification import Specification

TYPING_MS = 200
"""A text is parsed when it has not changed for so long."""
REST_MS = 400
"""New scores are checked at most so often, and never for more than a fifth of the time."""
CLASSES = ("predicted", "fake", "real")


class Checking(QObject):
    """One specification over the faces of the current video under the chosen detector.

    Attributes:
        entries: what can be chosen, empty until listed.
        text: of the chosen one, as the user left it.
        parsed: what the text is; None while that is not known (yet).
        specification: the text as it was when it was last right, None if it never was.
        answers: None while there are none.
        progress: of the check that runs, None if none does.

    Signals:
        shelf_changed: entries.
        loaded: another text is to be edited, or the same anew.
        parsed_changed: `parsed`, or the parameters.
        changed: answers, progress, the shown face, what is chosen.
    """

    shelf_changed = Signal()
    loaded = Signal()
    parsed_changed = Signal()
    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.entries: tuple[Entry, ...] = ()
        self.text = ""
        self.parsed: Parsed | None = None
        self.specification: Specification | None = None
        self.answers: Answers | None = None
        self.progress: Progress | None = None
        preferences = session.settings.preferences
        self._chosen = preferences.specification
        self._drafts: dict[str, str] = {
            key: text for key, text in _read_lines(preferences.specification_drafts) if isinstance(text, str)
        }
        self._values = {
            key: {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
            for key, values in _read_lines(preferences.specification_parameters)
            if isinstance(values, dict)
        }
        self._face: int | None = None
        self._listing: Task | None = None
        self._list_again = False
        self._parsing: Task | None = None
        self._checking: Task | None = None
        self._key: tuple[Any, ...] | None = None
        self._typing = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._typing.timeout.connect(self._parse)
        self._pause = REST_MS
        self._rest = QTimer(self, singleShot=True)
        self._rest.timeout.connect(self._check)
        for signal in (session.results_changed, session.tracks_changed, session.analysis_changed):
            signal.connect(self._on_results)
        for signal in (session.current_changed, session.detectors_changed):
            signal.connect(self._on_results)

    def close(self) -> None:
        """Keep what was edited, and begin nothing any more; before the session is closed."""
        self._typing.stop()
        self._keep_drafts()
        self._stop()

    # What is chosen

    @property
    def chosen(self) -> str:
        """Id of the chosen specification, empty for none."""
        return self._chosen

    @property
    def entry(self) -> Entry | None:
        """The chosen one as it lies on the disk; None for none, and for a text that was never saved."""
        return next((entry for entry in self.entries if entry.id == self._chosen), None)

    @property
    def name(self) -> str:
        """Of the chosen one; empty if it was never saved."""
        return self.entry.name if self.entry is not None else ""

    @property
    def edited(self) -> bool:
        """Whether the text differs from that on the disk."""
        return bool(self._chosen) and (self.entry is None or self.text != self.entry.text)

    def is_draft(self, entry_id: str) -> bool:
        return entry_id in self._drafts

    @property
    def can_save(self) -> bool:
        """Whether the text can be written over its own file."""
        return self.edited and self.entry is not None and self.entry.own

    def list_entries(self) -> None:
        """Read the folders anew; the first time the chosen text is then loaded."""
        if self._listing is not None:
            self._list_again = True  # the running one may have missed what was just written
            return
        self._list_again = False
        self._listing = task = self._session.background.start(lambda _cancel, _progress: shelf.listing())
        task.succeeded.connect(self._on_listed)
        task.failed.connect(self._on_failed)

    def choose(self, entry_id: str) -> None:
        """Take another one, empty for none; what was edited before is kept as a draft."""
        if entry_id != self._chosen:
            self._chosen = entry_id
            self._session.settings.change(specification=entry_id)
            self._load()
            if not self.entries:
                self.list_entries()

    def start_new(self) -> None:
        """Write a specification of one's own; a draft that was begun is gone on with."""
        self._drafts.setdefault(shelf.NEW, shelf.NEW_TEXT)
        if self._chosen == shelf.NEW:
            self.loaded.emit()
        self.choose(shelf.NEW)
        self.shelf_changed.emit()

    def set_text(self, text: str) -> None:
        """The user has edited the text; it is parsed when the typing rests."""
        if text == self.text:
            return
        was_edited = self.edited
        self.text, self.parsed = text, None
        if self.edited:
            self._drafts[self._chosen] = text
        else:
            self._drafts.pop(self._chosen, None)
        self._typing.start()
        if self.edited != was_edited:
            self.shelf_changed.emit()
        self.parsed_changed.emit()

    def revert(self) -> None:
        """Go back to what is on the disk; a text that was never saved is dropped."""
        self._drafts.pop(self._chosen, None)
        if self.entry is None:
            self.choose("")
        else:
            self._load()
        self._keep_drafts()
        self.shelf_changed.emit()

    def save(self, name: str = "") -> None:
        """Write the text as a file of the user, over its own or under another name; then that one is chosen."""
        name, text, before = name or self.name, self.text, self._chosen
        task = self._session.background.store(lambda _cancel, _progress: shelf.save(name, text))
        task.succeeded.connect(lambda path: self._on_saved(before, f"own/{name}", text, str(path)))
        task.failed.connect(self._on_failed)

    # Parameters

    @property
    def own_class(self) -> str:
        """For which class a specification that has one for each is checked: one of CLASSES."""
        chosen = self._session.settings.preferences.specification_class
        return chosen if chosen in CLASSES else CLASSES[0]

    def set_own_class(self, name: str) -> None:
        self._session.settings.change(specification_class=name)
        self._check()

    @property
    def values(self) -> dict[str, float]:
        """The value of every parameter: the one set, where it is in range, or the default."""
        found: dict[str, float] = {}
        if self.specification is None:
            return found
        kept = self._values.get(self._chosen, {})
        for parameter in self.specification.parameters:
            value = kept.get(parameter.name, parameter.default)
            try:
                parameter.check(value)
            except TellframeError:
                value = parameter.default
            found[parameter.name] = value
        return found

    def set_value(self, name: str, value: float | None) -> None:
        """Set a parameter; None for its default. It must be in range."""
        kept = {key: old for key, old in self._values.get(self._chosen, {}).items() if key != name}
        if value is not None:
            kept[name] = value
        self._values[self._chosen] = kept
        self._session.settings.change(specification_parameters=_lines(self._values))
        self.parsed_changed.emit()
        self._check()

    # The shown face

    @property
    def answer(self) -> FaceAnswer | None:
        """Of the shown face."""
        return self.answers.of(self._face) if self.answers is not None else None

    def show_face(self, track_id: int) -> None:
        """Show another face here and in the timeline."""
        if self.answer is None or track_id != self.answer.track_id:
            self._face = track_id
            self.changed.emit()

    def show_next_face(self) -> None:
        """Go round the faces that were checked."""
        faces = [face.track_id for face in self.answers.faces] if self.answers else []
        if self.answer is not None and len(faces) > 1:
            self.show_face(faces[(faces.index(self.answer.track_id) + 1) % len(faces)])

    @property
    def witness_frame(self) -> int | None:
        """The frame that decides the verdict on the shown face."""
        found = self.answer.verification if self.answer is not None else None
        return found.witness.frame if found is not None and found.witness is not None else None

    def go_to_witness(self) -> None:
        """Pause at the frame that decides the verdict, or say that there is none."""
        if self.witness_frame is None:
            self._session.notify(
                "info", "No frame decides this verdict" if self.answer else "Nothing is checked yet"
            )
        else:
            self.go_to(self.witness_frame)

    def go_to(self, frame: int) -> None:
        self._session.pause()
        self._session.go_to(frame)

    @property
    def marked_frames(self) -> tuple[tuple[int, str], ...]:
        """Frames of the witness of the shown face with the names of their times, the one that decides first."""
        found = self.answer.verification if self.answer is not None else None
        if found is None:
            return ()
        by = found.witness.prototype if found.witness is not None else None
        last = (self.prototype_name(by),) if by is not None else ()
        return tuple(
            (point.frame, ", ".join((*point.names, *(() if number else last))))
            for number, point in enumerate(times_of(found))
            if point.frame is not None
        )

    @property
    def witness_prototype(self) -> str | None:
        """Name of the prototype that decides the verdict on the shown face; None where none does."""
        found = self.answer.verification if self.answer is not None else None
        return found.witness.prototype if found is not None and found.witness is not None else None

    def prototype_name(self, name: str) -> str:
        """How to call a prototype: the reviewer's name for it stands before its own."""
        return self._session.reviewing.name_of(name)

    @property
    def lacks_prototypes(self) -> bool:
        """Whether the specification speaks of prototypes and the detector has none: then nothing is checked."""
        specification, detector = self.specification, self._session.detector
        needed = specification is not None and specification.needs_prototypes
        return needed and detector is not None and not detector.prototypes

    @property
    def standing(self) -> str:
        """What limits the answers, or why there are none; empty when nothing does."""
        session, parsed = self._session, self.parsed
        if self._chosen and self.lacks_prototypes and session.detector is not None:
            return wording.without_prototypes(session.detector.name)
        if self.answers is not None:
            without = session.reviewing.words
            limits = wording.standing_text(self.answers, running=session.analysis.state.active)
            return f"{without}. {limits}".strip() if without else limits
        if not self._chosen:
            return ""
        if parsed is not None and parsed.fault is not None:
            return "Nothing is checked until the text is right."
        if session.media is None:
            return "Open a video to check it."
        if session.results is None:
            return "Analyse the video: a specification is checked on its scores."
        if not any(track.parts for track in session.visible_tracks):
            waits = session.analysis.state.active
            return "◌ Waiting for the first scores…" if waits else "No face was scored: there is nothing to check."
        return "◌ Checking…" if parsed is not None else "◌ Reading the specification…"

    # Loading and parsing

    def _on_listed(self, entries: tuple[Entry, ...]) -> None:
        first, self._listing = not self.entries, None
        if self._list_again:
            self.list_entries()
            return
        self.entries = entries
        known = self._chosen in {entry.id for entry in entries} or self._chosen in self._drafts
        if self._chosen and not known:
            self._session.notify("info", f"The specification {self._chosen.partition('/')[2]} is no longer there")
            self.choose("")
        elif first or (
            self.entry is not None and not self.is_draft(self._chosen) and self.entry.text != self.text
        ):
            self._load()
        self.shelf_changed.emit()

    def _load(self) -> None:
        text = self.entry.text if self.entry is not None else ""
        self.text = self._drafts.get(self._chosen, text)
        self.parsed, self.specification, self.answers, self._face = None, None, None, None
        self._stop()
        self.loaded.emit()
        self.parsed_changed.emit()
        self.changed.emit()
        self._parse()

    def _parse(self) -> None:
        self._typing.stop()
        self._keep_drafts()
        if not self._chosen or (self.entry is None and not self.is_draft(self._chosen)):  # none, or not listed yet
            self._parsing = None
            return
        text, name = self.text, self.name or "unsaved"
        self._parsing = task = self._session.background.start(
            lambda _cancel, _progress: evaluating.parsed(text, name)
        )
        task.succeeded.connect(lambda parsed: self._on_parsed(task, parsed))
        task.failed.connect(self._on_failed)

    def _on_parsed(self, task: Task, parsed: Parsed) -> None:
        if task is not self._parsing or parsed.text != self.text:
            return
        self._parsing, self.parsed = None, parsed
        self.specification = parsed.specification or self.specification
        self.parsed_changed.emit()
        self._check()

    def _keep_drafts(self) -> None:
        self._session.settings.change(specification_drafts=_lines(self._drafts))

    def _on_saved(self, before: str, entry_id: str, text: str, path: str) -> None:
        self._drafts.pop(before, None)
        self._values.setdefault(entry_id, dict(self._values.get(before, {})))
        if self._chosen == before:
            if self.text != text:  # edited while it was written
                self._drafts[entry_id] = self.text
            self._chosen = entry_id
            self._session.settings.change(specification=entry_id, specification_parameters=_lines(self._values))
        self._keep_drafts()
        self._session.notify("info", f"Saved as {path}")
        self.list_entries()

    def _on_failed(self, error: Exception) -> None:
        self._listing = None
        self._session.notify("error", str(error))

    # Checking

    def _on_results(self) -> None:
        """Scores, faces, video or detector may be new: what was said of others goes away at once."""
        if self._chosen and not self.entries and self._session.results is not None:
            self.list_entries()
        reading = bool(self._chosen) and self.parsed is None
        if reading and self._key is not None and self._key[0] is self._session.results:
            return  # what it turns out to be decides
        asked = self._asked()
        if asked is None or self._key is None or asked[0] is not self._key[0]:
            self._forget()
        if asked is None or asked == self._key:
            self.changed.emit()
        elif self._session.results is not None and self._session.results.done:
            self._check()
        elif not self._rest.isActive():
            self._rest.start(self._pause)

    def _asked(self) -> tuple[Any, ...] | None:
        """What an answer would hang on, the results of a detector first; None if there is nothing to ask."""
        results = self._session.results
        specification = self.parsed.specification if self.parsed else None
        faces = tuple((track.id, len(track.parts)) for track in self._session.visible_tracks if track.parts)
        if results is None or specification is None or not faces or self.lacks_prototypes:
            return None
        own = self.own_class if specification.has_classes else ""
        return results, faces, results.done, specification, own, tuple(self.values.items()), results.excluded

    def _check(self) -> None:
        """Begin a check, unless it is done, or one runs and only newer scores have come since it began."""
        asked = self._asked()
        if asked is None:
            self._forget()
            self.changed.emit()
            return
        if asked == self._key:
            return
        if self._checking is not None:
            if self._key is not None and not asked[2] and _without_scores(asked) == _without_scores(self._key):
                return  # when it ends the newer ones are looked at
            self._checking.cancel()
        self._rest.stop()
        self._key = asked
        results, _, done, specification, own, values, _ = asked
        detector = self._session.detector
        prototypes = detector.prototypes if detector is not None else ()
        faces = [Face(t.id, t.name, t.parts, prototypes) for t in self._session.visible_tracks if t.parts]
        partial = results.share_analysed < 1
        self._checking = task = self._session.background.start(
            lambda cancel, report: evaluating.check_faces(
                specification,
                faces,
                own=None if own in ("", CLASSES[0]) else own,
                settings=dict(values),
                provisional=not done,
                partial=partial,
                cancel=cancel,
                report=report,
            ),
            slow=True,
        )
        self.progress = Progress("Checking", 0, len(faces), "faces")
        task.progressed.connect(lambda progress: self._on_progress(task, progress))
        task.succeeded.connect(lambda answers: self._on_checked(task, answers))
        task.failed.connect(lambda error: self._on_check_failed(task, error))
        self.changed.emit()

    def _on_progress(self, task: Task, progress: Progress) -> None:
        if task is self._checking:
            self.progress = progress
            self.changed.emit()

    def _on_checked(self, task: Task, answers: Answers) -> None:
        if task is not self._checking:
            return
        self._checking = self.progress = None
        self.answers = answers
        self._pause = max(REST_MS, round(4000 * answers.seconds))
        self.changed.emit()
        if self._asked() != self._key:
            self._rest.start(self._pause)

    def _on_check_failed(self, task: Task, error: Exception) -> None:
        if task is self._checking:
            self._checking = self.progress = None
            self._session.notify("error", str(error))
            self.changed.emit()

    def _stop(self) -> None:
        self._rest.stop()
        self._key = None
        if self._checking is not None:
            self._checking.cancel()
        self._checking = self.progress = None

    def _forget(self) -> None:
        self._stop()
        self.answers = None


def _without_scores(asked: tuple[Any, ...]) -> tuple[Any, ...]:
    return asked[0], *asked[3:]


def _read_lines(lines: tuple[str, ...]) -> list[tuple[str, Any]]:
    """What `_lines` wrote; a line that a hand has broken is left out."""
    found = []
    for line in lines:
        try:
            name, value = json.loads(line)
        except (TypeError, ValueError):
            continue
        found.append((str(name), value))
    return found


def _lines(table: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(json.dumps([name, value]) for name, value in table.items() if value)
