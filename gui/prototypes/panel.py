"""The tab Prototypes: what a clip is compared with, what that says for fake and for real, and how both move.

A view of the session; P000, figure 3. GUI thread only.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QHideEvent, QShowEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QPushButton, QToolButton, QVBoxLayout, QWidget

from engine.results import SIMILARITY, Prototype
from gui import theme
from gui.panels.parts import Elided, Scrolling, column, muted, row
from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.evidence import Evidence, evidence_of, weights_of
from gui.prototypes.matching import MotionAsker, PatchFinder
from gui.prototypes.motion_view import MotionView
from gui.prototypes.questioned import Box
from gui.prototypes.rows import SIGNS, ColumnsHead, EvidenceList, SumsView, number, source_text
from gui.results_model import TrackSeries
from gui.session import Session

REFRESH_MS = 60


class PrototypesPanel(QWidget):
    """Follows the playhead, or tells of the whole video.

    Signals:
        patch_changed: where the chosen prototype finds itself in the shown frame: a Box, or None.
    """

    patch_changed = Signal(object)

    def __init__(self, session: Session, choice: PrototypeChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAccessibleName("Prototypes")
        self._session, self._choice = session, choice
        self._finder = PatchFinder(session, choice, self)
        self._patch: Box | None = None
        self._make()
        self._motions = MotionAsker(session, choice, self._finder, self.motion)
        self._place()
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        for signal in (
            session.frame_changed, session.playing_changed, session.results_changed, choice.changed,
            session.choice_changed, session.analysis_changed, self._finder.changed,
        ):  # fmt: skip
            signal.connect(self._later)
        for signal in (session.media_changed, session.tracks_changed):
            signal.connect(self._on_new)
        session.shown_changed.connect(self._show_patch)

    def _make(self) -> None:
        self.moment = self._switch("Moment", "What the prototypes say of the clip at the playhead")
        self.whole = self._switch("Whole video", "The mean of all clips of this face")
        self.moment.setChecked(True)
        group = QButtonGroup(self)
        for button in (self.moment, self.whole):
            group.addButton(button)
        group.buttonToggled.connect(lambda *_: self.refresh())
        self.faces = QComboBox()
        self.faces.setAccessibleName("Face that is compared")
        self.faces.setToolTip("Face that is compared with prototypes")
        self.faces.activated.connect(lambda at: self._choice.choose_face(int(self.faces.itemData(at))))
        self.what = Elided()
        theme.set_role(self.what, "muted")
        self.list = EvidenceList(self._session.reviewing.name_of)
        self.list.setToolTip("Choose a prototype to see where it matches and how it moves")
        self.list.chosen.connect(self._choice.choose)
        self.head, self.sums = ColumnsHead(self.list), SumsView(self.list)
        self.result = Elided()
        self.result.setFont(theme.numbers_font(self))
        self.which = muted()
        self.name, self.source = Elided(), Elided()
        theme.set_role(self.name, "heading")
        theme.set_role(self.source, "muted")
        self.go = QPushButton("Strongest")
        self.go.setToolTip("Go to the clip in which this face is most similar to the prototype")
        self.go.clicked.connect(self.go_to_strongest)
        self.mark = QPushButton("Mark")
        self.mark.setToolTip("Mark that clip, with what the prototype says of it")
        self.mark.clicked.connect(self.mark_strongest)
        self.motion = MotionView()
        self.empty = muted()

    def _place(self) -> None:
        self._chosen = QWidget()
        chosen = QVBoxLayout(self._chosen)
        chosen.setContentsMargins(0, 2, 0, 0)
        chosen.setSpacing(4)
        chosen.addWidget(self.name)
        chosen.addLayout(row(self.source, self.go, self.mark, stretch=0))
        chosen.addWidget(self.motion)
        self._all = QWidget()
        self._all.hide()  # until there is something, it takes no room
        inside = QVBoxLayout(self._all)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(5)
        inside.addLayout(row(self.moment, self.whole, self.faces))
        inside.addWidget(self.what)
        inside.addWidget(self.head)
        inside.addWidget(self.list, 1)
        inside.addWidget(self.sums)
        inside.addWidget(self.result)
        inside.addWidget(self.which)
        inside.addWidget(self._chosen)
        body = QWidget()
        layout = column(body)
        layout.addWidget(self.empty)
        layout.addWidget(self._all, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Scrolling(body))

    def _switch(self, text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(text)
        button.setCheckable(True)
        return button

    def name_keys(self, actions: Mapping[str, QAction]) -> None:
        """Tell in the tooltips which keys do the same."""
        self.whole.setToolTip(f"The mean of all clips of this face\n{actions['prototypes_whole'].toolTip()}")

    def take_focus(self) -> None:
        """Bring the keys to the list."""
        self.list.setFocus()

    def toggle_whole(self) -> None:
        """Tell of the whole video, or of this moment again."""
        (self.moment if self.whole.isChecked() else self.whole).click()

    def close_down(self) -> None:
        """With the window."""
        self._motions.close()

    # What is shown

    @property
    def span(self) -> int | None:
        """Row of the clip at the playhead, None where the face is not scored."""
        face = self._choice.face
        return face.span_at(self._session.frame) if face is not None else None

    @property
    def strongest(self) -> int | None:
        """Row of the clip that is most similar to the chosen prototype."""
        face, index = self._choice.face, self._choice.index
        if face is None or index is None:
            return None
        values = face.activations[SIMILARITY][:, index]
        return int(np.nanargmax(values)) if not np.isnan(values).all() else None

    def evidence(self) -> Evidence | None:
        """Of this moment, or of the whole video."""
        face, choice = self._choice.face, self._choice
        if face is None:
            return None
        similarities = face.activations[SIMILARITY]
        if not self.whole.isChecked():
            at = self.span
            similarities = similarities[at : at + 1] if at is not None else similarities[:0]
        return evidence_of(similarities, choice.prototypes, choice.excluded)

    def refresh(self) -> None:
        """Read everything anew; nothing while nobody looks."""
        if not self.isVisible():
            return
        choice, evidence = self._choice, self.evidence()
        self.empty.setVisible(choice.face is None)
        self._all.setVisible(choice.face is not None)
        if choice.face is None:
            self.empty.setText(self._why_empty())
            self._set_patch(None)
            return
        self._show_faces(choice.face)
        self.list.show_evidence(evidence, choice.index)
        self.sums.show_evidence(evidence)
        self.what.set_text(*self._what(choice.face))
        self.result.set_text(self._result(evidence))
        self.which.setText(
            f"The score of {choice.face.name}, {choice.face.mean:.3f}, is another mean: that of the clips' "
            "probabilities. The highest score of a face is that of the video."
        )
        self.which.setVisible(self.whole.isChecked())
        self._show_chosen(choice.prototype)
        self._finder.ask()
        self._show_patch()
        self._motions.later()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._finder.stop()
        self._set_patch(None)

    def _later(self, *_: object) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _on_new(self) -> None:
        """Another video, or the same faces under other numbers."""
        self._motions.forget()
        self._later()

    def _why_empty(self) -> str:
        if not self._choice.prototypes:
            return "This detector compares nothing with prototypes."
        results = self._session.results
        if results is not None and results.done:
            return "No face was scored."
        return "What the prototypes say appears here once the video is analysed."

    def _show_faces(self, face: TrackSeries) -> None:
        tracks = self._choice.faces
        names = [track.name for track in tracks]
        if names != [self.faces.itemText(at) for at in range(self.faces.count())]:
            self.faces.clear()
            for track in tracks:
                self.faces.addItem(track.name, track.id)
        self.faces.setCurrentIndex(tracks.index(face))
        self.faces.setVisible(len(tracks) > 1)

    def _what(self, face: TrackSeries) -> tuple[str, str]:
        """Of what the numbers are, in a line and at length."""
        words = self._session.reviewing.words
        out = f" · {words}" if words else ""
        if self.whole.isChecked():
            count = len(face.spans)
            return (
                f"{face.name}, mean of {count} clips{out}",
                f"Similarities, evidence and logits are means over the {count} clips of {face.name}{out}",
            )
        at = self.span
        if at is None:
            return f"{face.name} is not scored at frame {self._session.frame}{out}", ""
        first, last = face.spans[at].tolist()
        return (
            f"{face.name}, frames {first}–{last}{out}",
            f"The clip of {face.name} that begins at frame {first}; it stands for frames {first} to {last}{out}",
        )

    def _result(self, evidence: Evidence | None) -> str:
        if evidence is None:
            return ""
        sign = "▲" if np.float32(evidence.probability) >= np.float32(self._session.threshold) else "▽"
        logit = number(evidence.fake - evidence.real)
        return f"Fake − real = {logit}, probability {evidence.probability:.3f} {sign}"

    def _show_chosen(self, prototype: Prototype | None) -> None:
        self._chosen.setVisible(prototype is not None)
        if prototype is None:
            return
        name = self._session.reviewing.name_of(prototype.name)
        self.name.set_text(f"{SIGNS[prototype.label]}  {name}", mode=Qt.TextElideMode.ElideMiddle)
        self.source.set_text(f"From {source_text(prototype.source)}")
        for button in (self.go, self.mark):
            button.setEnabled(self.strongest is not None)

    # Its strongest moment

    def go_to_strongest(self) -> None:
        """Pause where the face is most similar to the chosen prototype."""
        face, at = self._choice.face, self.strongest
        if face is not None and at is not None:
            self._session.pause()
            self._session.go_to(int(face.spans[at, 0]))

    def mark_strongest(self) -> None:
        """Mark that clip, with what the prototype says of it; can be undone."""
        face, at, prototype = self._choice.face, self.strongest, self._choice.prototype
        if face is None or at is None or prototype is None or self._choice.index is None:
            return
        first, last = face.spans[at].tolist()
        similarity = float(face.activations[SIMILARITY][at, self._choice.index])
        real, fake = (weights_of([prototype])[:, 0] * similarity).tolist()
        self._session.add_mark(
            first,
            last,
            f"Prototype “{self._session.reviewing.name_of(prototype.name)}” ({prototype.label}): similarity "
            f"{similarity:.3f}, evidence {fake:+.3f} for fake, {real:+.3f} for real; {face.name}, "
            f"{self._session.detector_id}",
        )
        self._session.notify("info", f"Frames {first} to {last} were marked")

    # Where it matches

    def _show_patch(self) -> None:
        """Only over a frame that the clip stands for."""
        face, shown, at = self._choice.face, self._session.shown, self.span
        box = None
        if self.isVisible() and face is not None and shown is not None and face.span_at(shown.index) == at:
            box = self._finder.box()
        self._set_patch(box)

    def _set_patch(self, box: Box | None) -> None:
        if box != self._patch:
            self._patch = box
            self.patch_changed.emit(box)
