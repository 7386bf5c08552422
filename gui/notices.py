"""Messages in place, above the picture: errors and warnings stay until dismissed, news goes by itself."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui import theme
from gui.session_state import Message

NEWS_MS = 6000
KEPT = 3
ICONS = {
    "info": ("info", "link", "News"),
    "warning": ("warning", "warning", "Warning"),
    "error": ("error", "error", "Error"),
}

SCOPE = (
    "Tellframe examines faces in video, frame by frame. It does not examine sound, and it is not made for wholly "
    "generated videos. A score is not a finding: it supports an examiner's judgement and never replaces it."
)


class NoticeRow(QFrame):
    """One message with a button that dismisses it.

    Signals:
        dismissed: the user has read it.
    """

    dismissed = Signal()

    def __init__(self, message: Message, button: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.message = message
        self.setObjectName("notice")
        self.setProperty("level", message.level)
        name, ink, spoken = ICONS[message.level]
        symbol = QLabel()
        symbol.setPixmap(theme.picture(name, 18, ink))
        symbol.setAccessibleName(spoken)
        text = QLabel(message.text)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(f"{spoken}: {message.text}")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(11, 6, 6, 6)
        layout.setSpacing(10)
        layout.addWidget(symbol, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(text, 1)
        layout.addWidget(self._make_button(button), 0, Qt.AlignmentFlag.AlignVCenter)

    def _make_button(self, text: str) -> QPushButton | QToolButton:
        button: QPushButton | QToolButton
        if text:
            button = QPushButton(text)
        else:
            button = QToolButton()
            button.setIcon(theme.icon("close"))
            theme.set_role(button, "flat")
        button.setToolTip("Dismiss this message")
        button.setAccessibleName(text or "Dismiss")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(self.dismissed)
        return button


class NoticeStack(QWidget):
    """The newest messages, one below the other; an equal message is shown once.

    Signals:
        scope_dismissed: the notice about the tool's limits was read.
    """

    scope_dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[NoticeRow] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 8, 8, 8)
        self._layout.setSpacing(6)
        self.hide()

    @property
    def texts(self) -> tuple[str, ...]:
        """What is shown, oldest first."""
        return tuple(row.message.text for row in self._rows)

    def show_scope(self) -> None:
        """Tell the limits of the tool, until the user has read them."""
        row = self._add(Message("info", SCOPE), "Understood")
        if row is not None:
            row.dismissed.connect(self.scope_dismissed)

    def show_message(self, message: Message) -> None:
        """Show one more message; the oldest beyond KEPT goes."""
        row = self._add(message, "")
        if row is not None and message.level == "info":
            QTimer.singleShot(NEWS_MS, row, lambda: self._remove(row))
        dismissable = [r for r in self._rows if r.message.text != SCOPE]
        for old in dismissable[:-KEPT]:
            self._remove(old)

    def _add(self, message: Message, button: str) -> NoticeRow | None:
        if message.text in self.texts:
            return None
        row = NoticeRow(message, button)
        row.dismissed.connect(lambda: self._remove(row))
        self._rows.append(row)
        self._layout.addWidget(row)
        self.show()
        return row

    def _remove(self, row: NoticeRow) -> None:
        if row in self._rows:
            self._rows.remove(row)
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
            self.setVisible(bool(self._rows))
