"""The window of a study: its pages one after the other, every key, and how far it has come. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QMainWindow,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.errors import TellframeError
from engine.evaluation.study.study_file import StudyFile
from gui import theme
from gui.bridge import Background
from gui.notices import NoticeStack
from gui.panels.parts import Elided, muted
from gui.session_state import Message
from gui.study.parts import Page
from gui.study.question_pages import ChoicePage, PairPage
from gui.study.run import Stage, StudyRun
from gui.study.words_pages import AboutPage, ThanksPage, WelcomePage


class StudyWindow(QMainWindow):
    """Asks one participant after the other until it is closed. Closing it loses only what was not confirmed."""

    def __init__(self, file: StudyFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.file = file
        self._background = Background(self)
        self.run = StudyRun(file, self._background, self)
        self.welcome = WelcomePage(file.definition, file.path.name)
        self.about, self.pair, self.choice, self.thanks = AboutPage(), PairPage(), ChoicePage(), ThanksPage()
        self._pages: dict[Stage, Page] = {
            Stage.WELCOME: self.welcome,
            Stage.ABOUT: self.about,
            Stage.PAIR: self.pair,
            Stage.CHOICE: self.choice,
            Stage.THANKS: self.thanks,
        }
        self.setWindowTitle(f"{file.definition.title} — Tellframe")
        self._lay_out()
        self._connect()
        self._show()

    def _lay_out(self) -> None:
        self.name = Elided(self.file.definition.title)
        theme.set_role(self.name, "heading")
        self.progress_text = muted(wrap=False)
        self.pause = QPushButton("Pause")
        self.pause.setToolTip("Stop here and go on later with your code (Esc)")
        self.pause.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.pause.clicked.connect(self._leave)
        top = QHBoxLayout()
        top.setContentsMargins(24, 12, 24, 10)
        top.setSpacing(16)
        top.addWidget(self.name, 1)
        top.addWidget(self.progress_text)
        top.addWidget(self.pause)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(4)
        self.bar.setStyleSheet("min-height: 4px; max-height: 4px; border: none; border-radius: 0;")
        self.notices = NoticeStack()
        self._stack = QStackedWidget()
        for page in self._pages.values():
            self._stack.addWidget(page)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self.bar)
        column.addWidget(self.notices)
        column.addWidget(self._stack, 1)
        self.setCentralWidget(whole)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.resize(1280, 800)

    def _connect(self) -> None:
        run = self.run
        run.changed.connect(self._show)
        run.failed.connect(self._tell)
        self.pair.failed.connect(self._tell)
        self.choice.failed.connect(self._tell)
        self.welcome.begun.connect(run.begin)
        self.welcome.resumed.connect(run.go_on)
        run.unknown.connect(
            lambda code: self.welcome.show_note(f"Nobody has the code {code} in this study.", "warning")
        )
        self.about.answered.connect(run.enrol)
        self.pair.told.connect(self._told)
        self.choice.chosen.connect(run.choose)
        self.thanks.next_one.connect(self._leave)

    @property
    def page(self) -> Page:
        return self._pages[self.run.stage]

    def sizeHint(self) -> QSize:
        return QSize(1280, 800)

    def _told(self, first: bool) -> None:
        if self.run.place is not None:
            self.run.tell(right=first == self.run.place.step.fake_first)

    def _show(self) -> None:
        """The page of the stage, filled anew."""
        run, place = self.run, self.run.place
        for page in self._pages.values():
            if page is not self.page:
                page.end_clips()
        if run.stage is Stage.ABOUT:
            self.about.reset(run.code)
        elif run.stage is Stage.PAIR and place is not None:
            self.pair.ask(place, self.file.clips)
        elif run.stage is Stage.CHOICE and place is not None:
            self.choice.ask(place, self.file.clips)
        elif run.stage is Stage.THANKS and run.person is not None:
            self.thanks.say(len(run.person.plan), run.code)
        self._stack.setCurrentWidget(self.page)
        self._show_progress()
        self.setFocus()  # on no control: all keys are the page's

    def _show_progress(self) -> None:
        place, asking = self.run.place, self.run.stage in (Stage.PAIR, Stage.CHOICE)
        self.pause.setVisible(asking)
        self.name.set_text("" if self.run.stage is Stage.WELCOME else self.file.definition.title)
        self.progress_text.setVisible(asking)
        total = place.total if place is not None else 1
        done = 2 * (place.number - 1) + (self.run.stage is Stage.CHOICE) if place is not None else 0
        self.bar.setRange(0, 2 * total)
        self.bar.setValue(2 * total if self.run.stage is Stage.THANKS else done if asking else 0)
        if place is not None and asking:
            self.progress_text.setText(f"{place.number} of {place.total}")

    def _leave(self) -> None:
        """Back to the beginning; whoever was in the middle is told their code."""
        if self.run.busy:
            return
        paused = self.run.code if self.run.stage in (Stage.PAIR, Stage.CHOICE) else ""
        self.welcome.code.setText(paused)
        self.run.leave()
        words = f"Paused. All your answers are kept. Go on with Enter now, or later with your code {paused}."
        self.welcome.show_note(words if paused else "", "good" if paused else "")

    def _tell(self, error: object) -> None:
        text = str(error) if isinstance(error, TellframeError) else f"This is a fault of Tellframe: {error!r}"
        self.notices.show_message(Message("error", text))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """All keys that no control has used."""
        keys = Qt.Key
        if event.modifiers() & ~(Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier):
            super().keyPressEvent(event)
        elif event.key() == keys.Key_Escape:
            self._escape()
        elif event.key() == keys.Key_F11:
            self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        elif event.key() in (keys.Key_Return, keys.Key_Enter):
            if not event.isAutoRepeat() and not self.run.busy:
                self.page.confirm()
        elif self.run.busy or not self.page.press(event.text().upper()):
            super().keyPressEvent(event)

    def _escape(self) -> None:
        if isinstance(QApplication.focusWidget(), QLineEdit):
            self.setFocus()
        elif self.run.stage is not Stage.WELCOME:
            self._leave()

    def closeEvent(self, event: QCloseEvent) -> None:
        for page in self._pages.values():
            page.close_clips()
        self._background.close()  # what was confirmed is written to its end
        super().closeEvent(event)
