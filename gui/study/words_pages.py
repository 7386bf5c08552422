"""The pages of a study without videos: welcome, the questions before it, thanks. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLineEdit, QRadioButton, QVBoxLayout, QWidget

from engine.evaluation.study.definition import Definition
from engine.evaluation.study.study_file import FAMILIARITY, LONGEST_CODE, SCREENS
from gui import theme
from gui.panels.parts import heading, muted
from gui.study.parts import Page, card, centred, option, paragraph, title

_SCREENS = {"large": "Large: of a computer or a television", "small": "Small: of a phone or a small tablet"}
_FAMILIARITY = {"yes": "Yes", "heard of it": "I have heard of them", "no": "No"}


class WelcomePage(Page):
    """What is asked, what happens with the answers, and the code of who comes back.

    Signals:
        begun: a new participant.
        resumed: somebody with this code.
    """

    begun = Signal()
    resumed = Signal(str)

    def __init__(self, definition: Definition, file: str) -> None:
        super().__init__("Begin", "Enter begins")
        count = max(len(definition.part(part)) for part in range(definition.parts))
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setSpacing(14)
        column.addStretch(1)
        column.addWidget(title(definition.title))
        asked, lines = card()
        lines.addWidget(heading("What you are asked"))
        lines.addWidget(
            paragraph(
                f"You see {count} pairs of short videos. In each pair one is real and one is fake: say which one "
                "is fake. Then you are told, and you see what several programs hold to be the reason. Pick the "
                "explanations that convince you: none, some, or all. There is no hurry, and no answer is wrong in "
                "the second question."
            )
        )
        column.addWidget(asked)
        kept, lines = card()
        lines.addWidget(heading("What happens with your answers"))
        lines.addWidget(
            paragraph(
                f"Each answer is kept at once in the file {file} on this computer, under a code drawn at random. "
                "No name, no time and no address is kept. Those who run the study count all answers together. You "
                "may stop at any time with Esc, and go on later with your code; what you have answered by then "
                "stays and is counted. Please write no names where you may write."
            )
        )
        column.addWidget(kept)
        column.addLayout(self._coming_back())
        self.note = muted()
        column.addWidget(self.note)
        column.addStretch(2)
        self.body.addLayout(centred(inside))

    def _coming_back(self) -> QHBoxLayout:
        self.code = QLineEdit()
        self.code.setMaxLength(LONGEST_CODE)
        self.code.setMaximumWidth(200)
        self.code.setPlaceholderText("such as K7M-2QX")
        self.code.setAccessibleName("Your code, if you have begun before")
        self.code.textEdited.connect(lambda text: self.code.setText(text.upper()))
        self.code.textChanged.connect(self._named)
        label = muted("You have begun before? Your code:", wrap=False)
        label.setBuddy(self.code)
        line = QHBoxLayout()
        line.addWidget(label)
        line.addWidget(self.code)
        line.addStretch(1)
        return line

    def _named(self) -> None:
        coming_back = bool(self.code.text().strip())
        self.button.setText("Go on" if coming_back else "Begin")
        self.keys.setText("Enter goes on with this code" if coming_back else "Enter begins")

    def show_note(self, text: str, level: str = "") -> None:
        """A line below the code: what happened to it."""
        self.note.setText(text)
        theme.set_role(self.note, "muted", level)

    def confirm(self) -> None:
        code = self.code.text().strip()
        if code:
            self.resumed.emit(code)
        else:
            self.begun.emit()

    def press(self, text: str) -> bool:
        """Whoever types means the code."""
        if not (text.isalnum() and text.isascii()):
            return False
        self.code.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.code.insert(text)
        return True


class AboutPage(Page):
    """The size of the screen and whether deepfakes are known, both asked by P002.

    Signals:
        answered: screen, familiarity.
    """

    answered = Signal(str, str)

    def __init__(self) -> None:
        super().__init__("Go on", "1 2 the screen     A B C deepfakes     Enter goes on     Esc back")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setSpacing(14)
        column.addStretch(1)
        column.addWidget(title("Two questions before we begin"))
        self._groups: list[QButtonGroup] = []
        self.familiarity: dict[str, QRadioButton] = {}
        self.screens = self._question(column, "Which screen do you use?", "12", SCREENS, _SCREENS)
        self.familiarity = self._question(
            column, "Are you familiar with deepfakes?", "ABC", FAMILIARITY, _FAMILIARITY
        )
        kept, lines = card()
        lines.addWidget(heading("Your code"))
        self.code = title()
        self.code.setFont(theme.numbers_font(self.code))
        self.code.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        lines.addWidget(self.code)
        lines.addWidget(muted("Note it down if you may want to pause: with it you go on where you stopped."))
        column.addWidget(kept)
        column.addStretch(2)
        self.body.addLayout(centred(inside))
        self._update()

    def _question(
        self, column: QVBoxLayout, question: str, keys: str, answers: tuple[str, ...], texts: dict[str, str]
    ) -> dict[str, QRadioButton]:
        frame, lines = card()
        lines.addWidget(heading(question))
        group = QButtonGroup(self)
        buttons = {answer: option(key, texts[answer]) for key, answer in zip(keys, answers, strict=True)}
        for button in buttons.values():
            group.addButton(button)
            lines.addWidget(button)
            button.toggled.connect(self._update)
        column.addWidget(frame)
        self._groups.append(group)
        return buttons

    def reset(self, code: str) -> None:
        """For the next participant."""
        self.code.setText(code)
        for group in self._groups:
            group.setExclusive(False)
            for button in group.buttons():
                button.setChecked(False)
            group.setExclusive(True)
        self._update()

    def press(self, text: str) -> bool:
        buttons = dict(zip("12", self.screens.values(), strict=True))
        buttons |= dict(zip("ABC", self.familiarity.values(), strict=True))
        if text not in buttons:
            return False
        buttons[text].setChecked(True)
        return True

    def confirm(self) -> None:
        screen, familiarity = _picked(self.screens), _picked(self.familiarity)
        if screen and familiarity:
            self.answered.emit(screen, familiarity)

    def _update(self) -> None:
        self.button.setEnabled(bool(_picked(self.screens) and _picked(self.familiarity)))


class ThanksPage(Page):
    """The end.

    Signals:
        next_one: somebody else takes the seat.
    """

    next_one = Signal()

    def __init__(self) -> None:
        super().__init__("Next participant", "Enter for the next participant     Esc back to the beginning")
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setSpacing(14)
        column.addStretch(1)
        column.addWidget(title("Thank you"))
        self.words = paragraph()
        column.addWidget(self.words)
        column.addStretch(2)
        self.body.addLayout(centred(inside))

    def say(self, answered: int, code: str) -> None:
        self.words.setText(
            f"You have answered all {answered} sections. Your answers are kept under the code {code}. Should you "
            "want them taken out, give this code to those who run the study. You may close the window now."
        )

    def confirm(self) -> None:
        self.next_one.emit()


def _picked(buttons: dict[str, QRadioButton]) -> str:
    return next((answer for answer, button in buttons.items() if button.isChecked()), "")
