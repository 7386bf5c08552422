"""What the pages of a study share: their frame, wrapped text, big options, the line that names the keys."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QRadioButton, QVBoxLayout, QWidget

from gui import theme
from gui.panels.parts import muted

TEXT_WIDTH = 720


class Page(QWidget):
    """One page: `body` above a line with the keys and the button that goes on.

    Signals:
        leaving: the participant wants to stop here.
    """

    leaving = Signal()

    def __init__(self, button: str, keys: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 14, 24, 16)
        whole.setSpacing(12)
        self.body = QVBoxLayout()
        self.body.setSpacing(10)
        whole.addLayout(self.body, 1)
        self.keys = muted(keys, wrap=False)
        self.button = QPushButton(button)
        self.button.setMinimumSize(QSize(200, 36))
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.setToolTip("Enter")
        theme.set_role(self.button, "primary")
        self.button.clicked.connect(self.confirm)
        line = QHBoxLayout()
        line.addWidget(self.keys, 1)
        line.addWidget(self.button)
        whole.addLayout(line)

    def confirm(self) -> None:
        """Go on, if what is asked was answered."""

    def press(self, text: str) -> bool:
        """A key that writes something, in upper case; whether it means something here."""
        return False

    def open(self) -> None:
        """The page is shown."""

    def end_clips(self) -> None:
        """The page is left: nothing plays any more."""

    def close_clips(self) -> None:
        """The window closes: nothing is at work any more."""


def title(text: str = "") -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    theme.set_role(label, "title")
    return label


def paragraph(text: str = "") -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def centred(inside: QWidget) -> QHBoxLayout:
    """A column of readable width in the middle of the page."""
    inside.setMaximumWidth(TEXT_WIDTH)
    line = QHBoxLayout()
    line.addStretch(1)
    line.addWidget(inside, 100)
    line.addStretch(1)
    return line


def card() -> tuple[QFrame, QVBoxLayout]:
    """A quiet frame around what belongs together."""
    frame = QFrame()
    frame.setObjectName("notice")
    inside = QVBoxLayout(frame)
    inside.setContentsMargins(18, 14, 18, 16)
    inside.setSpacing(8)
    return frame, inside


def option(key: str, text: str) -> QRadioButton:
    """One answer of several, with its key."""
    made = QRadioButton(f"{key}   {text}")
    made.setAccessibleName(text)
    made.setMinimumHeight(28)
    made.setToolTip(f"Key {key}")
    return made
