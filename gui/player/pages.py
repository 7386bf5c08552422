"""What stands in the place of the picture while there is none: an invitation, a wait, or an error in place."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from engine.errors import TellframeError
from engine.progress import Progress
from gui import theme

RECENT_SHOWN = 5
CARD_WIDTH = 480


class EmptyPage(QWidget):
    """Invites to drop a video, to choose one, or to take up a recent one.

    Signals:
        open_requested: the user wants to choose files.
        path_chosen: a recent file.
    """

    open_requested = Signal()
    path_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("empty")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._drop = QFrame(self)
        self._drop.setObjectName("drop")
        self._drop.setMinimumWidth(420)
        inside = QVBoxLayout(self._drop)
        inside.setContentsMargins(44, 34, 44, 28)
        inside.setSpacing(8)
        symbol = QLabel()
        symbol.setPixmap(theme.picture("video", 52, "muted"))
        title = QLabel("Drop a video here")
        theme.set_role(title, "title")
        hint = QLabel("A video file, a still, or a folder of stills. It is opened read-only.")
        theme.set_role(hint, "muted")
        button = QPushButton(theme.icon("open", "on_accent"), "Choose files…")
        button.setToolTip("Choose one or more videos (Ctrl+O)")
        button.setAccessibleName("Choose files")
        theme.set_role(button, "primary")
        button.clicked.connect(self.open_requested)
        for widget in (symbol, title, hint, button):
            inside.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        inside.insertSpacing(3, 6)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        inside.addSpacing(10)
        inside.addLayout(self._recent)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(self._drop, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)

    def show_recent(self, paths: Sequence[str]) -> None:
        """List the files opened lately."""
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        shown = [Path(p) for p in paths[:RECENT_SHOWN]]
        if shown:
            heading = QLabel("Opened lately")
            theme.set_role(heading, "muted")
            self._recent.addWidget(heading)
        for path in shown:
            metrics = self.fontMetrics()
            button = QPushButton(metrics.elidedText(path.name, Qt.TextElideMode.ElideMiddle, 330))
            button.setToolTip(str(path))
            button.setAccessibleName(f"Open {path.name}")
            theme.set_role(button, "link")
            button.clicked.connect(lambda _checked, chosen=path: self.path_chosen.emit(chosen))
            self._recent.addWidget(button)

    def set_hot(self, hot: bool) -> None:
        """Show that a file hovers over the window and may be dropped."""
        self._drop.setProperty("hot", hot)
        self._drop.style().unpolish(self._drop)
        self._drop.style().polish(self._drop)


class OpeningPage(QWidget):
    """Names the file that is being opened and how far that has come."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("empty")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._title = QLabel()
        theme.set_role(self._title, "heading")
        self._bar = QProgressBar()
        self._bar.setFixedWidth(300)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress of opening")
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addStretch(1)
        layout.addWidget(self._title, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self._bar, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)

    def show_progress(self, name: str, progress: Progress | None) -> None:
        """Show the file and its progress, None while there is no report yet."""
        self._title.setText(f"{progress.label if progress else 'Opening'} {name}…")
        known = progress is not None and progress.total > 0
        self._bar.setRange(0, 1000 if known else 0)
        if progress is not None and known:
            self._bar.setValue(round(1000 * progress.fraction))


class ErrorCard(QFrame):
    """One error in place: what is wrong, what to do, and buttons that do it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.setProperty("level", "error")
        self.setFixedWidth(CARD_WIDTH)
        symbol = QLabel()
        symbol.setPixmap(theme.picture("error", 32, "error"))
        symbol.setAccessibleName("Error")
        self._message, self._advice, self._place = QLabel(), QLabel(), QLabel()
        theme.set_role(self._message, "heading")
        theme.set_role(self._place, "muted")
        for label in (self._message, self._advice, self._place):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        words = QVBoxLayout()
        words.setSpacing(6)
        for label in (self._message, self._advice, self._place):
            words.addWidget(label)
        words.addLayout(self._buttons)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(18, 16, 20, 16)
        layout.setSpacing(14)
        layout.addWidget(symbol, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)

    def add_button(self, text: str, tip: str, do: Callable[[], None], *, primary: bool = False) -> None:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAccessibleName(text)
        if primary:
            theme.set_role(button, "primary")
        button.clicked.connect(lambda: do())
        self._buttons.addWidget(button)

    def finish(self) -> None:
        """Push the buttons to the left; after the last one."""
        self._buttons.addStretch(1)

    def show_error(self, error: TellframeError) -> None:
        """Show one error."""
        self._message.setText(f"{error.message}.")
        self._advice.setText(f"{error.advice}.")
        frame = "" if error.frame is None else f"frame {error.frame}"
        places = [text for text in (error.file.name if error.file else "", frame) if text]
        self._place.setText(", ".join(places))
        self._place.setVisible(bool(places))
        self.setAccessibleName(str(error))


class ErrorPage(QWidget):
    """The card of a video that cannot be opened.

    Signals:
        open_requested: the user wants to choose another file.
        remove_requested: the user wants to take the video out of the list.
    """

    open_requested = Signal()
    remove_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("empty")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.card = ErrorCard(self)
        self.card.add_button(
            "Open another…", "Choose another file (Ctrl+O)", self.open_requested.emit, primary=True
        )
        self.card.add_button(
            "Remove from the list", "Take this video out of the case list", self.remove_requested.emit
        )
        self.card.finish()
        # Not by alignment: that would take the card's preferred height and cut off wrapped lines.
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.card)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(1)
