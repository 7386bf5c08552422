"""The two questions of a section, with their clips. GUI thread only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout

from engine.errors import TellframeError
from engine.evaluation.study.study_file import LONGEST_TEXT
from gui import theme
from gui.panels.parts import muted
from gui.study.clip_view import ClipView
from gui.study.parts import Page, paragraph, title
from gui.study.playing import Reel, Shown
from gui.study.run import Place

LETTERS = "ABCDEFGHI"


class ClipPage(Page):
    """A page whose clips play in step while it is shown.

    Signals:
        failed: a clip cannot be shown any more.
    """

    failed = Signal(object)

    def __init__(self, button: str, keys: str) -> None:
        super().__init__(button, keys)
        self.views: list[ClipView] = []
        self._reel: Reel | None = None
        self._ending: list[Reel] = []

    def play(self, views: Sequence[ClipView], paths: Sequence[Path]) -> None:
        self.end_clips()
        self.views = list(views)
        self._reel = Reel(paths, self)
        self._reel.shown.connect(self._show)
        self._reel.failed.connect(self._fail)
        self._reel.set_widths([view.wide for view in self.views])
        self._reel.start()

    def end_clips(self) -> None:
        """Stop playing at once; what decodes may end a moment later."""
        if self._reel is not None:
            self._reel.end()
            self._ending.append(self._reel)
            self._reel = None
        for reel in [reel for reel in self._ending if reel.ended]:
            self._ending.remove(reel)
            reel.deleteLater()

    def close_clips(self) -> None:
        """Stop playing, and wait until nothing decodes any more."""
        self.end_clips()
        for reel in self._ending:
            reel.close()
            reel.deleteLater()
        self._ending.clear()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._reel is not None:
            self._reel.set_widths([view.wide for view in self.views])

    def _show(self, shown: tuple[Shown, ...]) -> None:
        for view, each in zip(self.views, shown, strict=True):
            view.show_picture(each)

    def _fail(self, error: TellframeError) -> None:
        self.failed.emit(error)


class PairPage(ClipPage):
    """Which of the two is fake?

    Signals:
        told: whether the first one was named.
    """

    told = Signal(bool)

    def __init__(self) -> None:
        super().__init__("This one is fake", "1 2 pick     Enter confirms     Esc pauses")
        self.body.addWidget(title("Which of the two videos is fake?"))
        self.body.addWidget(muted("They play over and over. Look as long as you like: there is no sound."))
        self.clips = QHBoxLayout()
        self.clips.setSpacing(14)
        self.body.addLayout(self.clips, 1)
        self._group: QButtonGroup | None = None

    def ask(self, place: Place, folder: Path) -> None:
        """Show the two videos of a section."""
        section, first = place.section, place.step.fake_first
        clips = (section.fake, section.real) if first else (section.real, section.fake)
        _clear(self.clips)
        self._group = QButtonGroup(self)
        views = [ClipView(str(n), f"Video {n}") for n in (1, 2)]
        for view in views:
            self._group.addButton(view)
            self.clips.addWidget(view, 1)
            view.toggled.connect(self._update)
        self._update()
        self.play(views, [folder / clip.file for clip in clips])

    def press(self, text: str) -> bool:
        if text not in ("1", "2"):
            return False
        self.views[int(text) - 1].setChecked(True)
        return True

    def confirm(self) -> None:
        if any(view.isChecked() for view in self.views):
            self.told.emit(self.views[0].isChecked())

    def _update(self) -> None:
        picked = next((n for n, view in enumerate(self.views, 1) if view.isChecked()), 0)
        self.button.setEnabled(bool(picked))
        self.button.setText(f"Video {picked} is fake" if picked else "Pick one of the two")


class ChoicePage(ClipPage):
    """The answer to the first question, and which explanations convince.

    Signals:
        chosen: the explainers, and what else was written.
    """

    chosen = Signal(tuple, str)

    def __init__(self) -> None:
        super().__init__("Go on", "")
        self.verdict = QLabel()
        self.verdict.setTextFormat(Qt.TextFormat.PlainText)
        self.body.addWidget(self.verdict)
        self.body.addWidget(title("Which explanations of the fake one convince you?"))
        self.body.addWidget(
            paragraph(
                "Each of them shows what spoke for a fake, to one program: the redder a place, the more. Pick "
                "none, one or several."
            )
        )
        self.clips = QGridLayout()
        self.clips.setSpacing(10)
        self.body.addLayout(self.clips, 1)
        self.other = QCheckBox()
        self.words = QLineEdit()
        self.words.setMaxLength(LONGEST_TEXT)
        self.words.setPlaceholderText("what convinces you instead, in your own words")
        self.words.setAccessibleName("Another reason, in your own words")
        self.words.textEdited.connect(lambda text: self.other.setChecked(bool(text.strip())))
        self.other.toggled.connect(self._update)
        self.words.textChanged.connect(self._update)
        self.other.clicked.connect(lambda on: self.words.setFocus() if on else None)
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self.other)
        line.addWidget(self.words, 1)
        self.body.addLayout(line)
        self._order: tuple[str, ...] = ()

    @property
    def other_key(self) -> str:
        return LETTERS[len(self._order)]

    def ask(self, place: Place, folder: Path) -> None:
        """Tell the answer and show the explanations of a section."""
        number = 1 if place.step.fake_first else 2
        said = "Right" if place.right else "Not this time"
        self.verdict.setText(f"{said}: video {number} was the fake one.")
        theme.set_role(self.verdict, "heading", "good" if place.right else "warning")
        self._order = place.step.explanations
        self.other.setText(f"{self.other_key}   Other:")
        self.other.setAccessibleName("Other")
        self.other.setChecked(False)
        self.words.clear()
        letters = " ".join(LETTERS[: len(self._order)])
        self.keys.setText(f"{letters} pick     {self.other_key} other     Enter goes on     Esc pauses")
        shown = ClipView("", "The fake video", pickable=False)
        picks = [ClipView(key, f"Explanation {key}") for key in LETTERS[: len(self._order)]]
        self._place(shown, picks)
        for view in picks:
            view.toggled.connect(self._update)
        section = place.section
        clips = (section.shown, *(section.explanations[name] for name in self._order))
        self.play([shown, *picks], [folder / clip.file for clip in clips])
        self._update()

    def press(self, text: str) -> bool:
        if text == self.other_key:
            self.other.setChecked(not self.other.isChecked())
            if self.other.isChecked():
                self.words.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return True
        at = LETTERS.find(text) if text else -1
        if not 0 <= at < len(self._order):
            return False
        self._picks[at].toggle()
        return True

    def confirm(self) -> None:
        words = self.words.text().strip() if self.other.isChecked() else ""
        if self.other.isChecked() and not words:
            self.words.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        picked = zip(self._order, self._picks, strict=True)
        self.chosen.emit(tuple(name for name, view in picked if view.isChecked()), words)

    @property
    def _picks(self) -> list[ClipView]:
        return self.views[1:]

    def _place(self, shown: ClipView, picks: Sequence[ClipView]) -> None:
        """The forged one on the left, the explanations in two rows, or in one if they are few."""
        _clear(self.clips)
        rows = 1 if len(picks) < 3 else 2
        columns = math.ceil(len(picks) / rows)
        left = QVBoxLayout()
        left.addWidget(shown, 1)
        caption = muted("The fake video, without an explanation", wrap=False)
        caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        left.addWidget(caption)
        self.clips.addLayout(left, 0, 0, rows, 1)
        for number, view in enumerate(picks):
            self.clips.addWidget(view, number // columns, 1 + number % columns)
        for column in range(self.clips.columnCount()):
            used = column <= columns
            self.clips.setColumnStretch(column, (rows if column == 0 else 1) * int(used))
        for row in range(self.clips.rowCount()):
            self.clips.setRowStretch(row, int(row < rows))

    def _update(self) -> None:
        picked = sum(view.isChecked() for view in self._picks)
        unsaid = self.other.isChecked() and not self.words.text().strip()
        self.button.setEnabled(not unsaid)
        if unsaid:
            self.button.setText("Say what, or untick Other")
        elif picked or self.other.isChecked():
            self.button.setText("Go on")
        else:
            self.button.setText("None convinces me")


def _clear(layout: QHBoxLayout | QGridLayout | QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        widget, inside = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif isinstance(inside, QVBoxLayout):
            _clear(inside)
            inside.deleteLater()
