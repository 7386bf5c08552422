"""The row below the picture: playing, stepping, frame, time, and how exact the picture is. GUI thread only."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QIntValidator, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QSizePolicy, QToolButton, QWidget

from gui import theme
from gui.player.times import parse_time, timecode
from gui.session import Session

TIME_TIP = "Type a time such as 1:02.500 and press Enter"


def tool_button(action: QAction) -> QToolButton:
    """A flat button of an action; Tab reaches it, a click leaves the keys with the picture."""
    button = QToolButton()
    button.setDefaultAction(action)
    button.setAccessibleName(action.text().replace("&", ""))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    theme.set_role(button, "flat")
    return button


class OptionalLabel(QLabel):
    """Words that give way: the longest of several wordings that fits is shown, whole, or none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wordings: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def set_wordings(self, *wordings: str) -> None:
        """Give the wordings, the longest first."""
        self._wordings = wordings
        self._choose()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._choose()

    def _choose(self) -> None:
        metrics, room = self.fontMetrics(), self.contentsRect().width()
        fitting = (words for words in self._wordings if metrics.horizontalAdvance(words) <= room)
        self.setText(next(fitting, ""))


class Transport(QWidget):
    """Buttons, number fields and badges.

    Args:
        actions: of the commands "first", "ten_back", "step_back", "play", "step_forward", "ten_forward", "last",
            "peak_back" and "peak_forward", by id.
    """

    def __init__(self, session: Session, actions: dict[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transport")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._session = session
        self._play = actions["play"]
        self.frame_field = self._field("Frame number", "Type a frame number and press Enter (Ctrl+G)")
        self.time_field = self._field("Time", TIME_TIP)
        self.frame_field.setValidator(QIntValidator(0, 0, self))
        self.frame_field.returnPressed.connect(self._go_to_frame)
        self.time_field.returnPressed.connect(self._go_to_time)
        self._of_frames, self._of_time = QLabel(), OptionalLabel()
        self._exact, self._speed, self._dropped = QLabel(), QLabel(), QLabel()
        for label in (self._of_frames, self._of_time):
            theme.set_role(label, "muted")
            label.setFont(theme.numbers_font(label))
        for label in (self._exact, self._speed, self._dropped):
            theme.set_role(label, "badge")
            label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._lay_out(actions)
        session.media_changed.connect(self._on_media)
        session.frame_changed.connect(self._on_frame)
        session.shown_changed.connect(self._show_state)
        session.playing_changed.connect(self._on_playing)
        session.dropped_changed.connect(self._show_state)
        self._on_media()
        self._on_playing()

    def _lay_out(self, actions: dict[str, QAction]) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 5, 6, 5)
        row.setSpacing(2)
        names = ("first", "ten_back", "step_back", "play", "step_forward", "ten_forward", "last")
        for name in names:
            row.addWidget(tool_button(actions[name]))
        row.addSpacing(4)
        row.addWidget(tool_button(actions["peak_back"]))
        row.addWidget(tool_button(actions["peak_forward"]))
        row.addSpacing(4)
        for widget in (self.frame_field, self._of_frames, None, self.time_field, self._of_time):
            if widget is None:
                row.addSpacing(6)
            else:
                row.addWidget(widget)
        row.setStretchFactor(self._of_time, 1)
        for badge in (self._speed, self._dropped, self._exact):
            row.addSpacing(4)
            row.addWidget(badge)

    def _field(self, name: str, tip: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(name)
        field.setToolTip(tip)
        field.setAlignment(Qt.AlignmentFlag.AlignRight)
        field.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        return field

    def _fit_field(self, field: QLineEdit, widest: str) -> None:
        field.ensurePolished()
        field.setFixedWidth(field.fontMetrics().horizontalAdvance(widest) + 22)

    def _on_media(self) -> None:
        media = self._session.media
        self.setEnabled(media is not None)
        last = max(0, self._session.frames - 1)
        self.frame_field.setValidator(QIntValidator(0, last, self))
        self._of_frames.setText(f"/ {last:,}" if media else "")
        self._fit_field(self.frame_field, "0" * max(4, len(str(last))))
        self._fit_field(self.time_field, timecode(media.index.duration if media else 0))
        self._on_frame(self._session.frame)
        self._show_state()

    def _on_frame(self, frame: int) -> None:
        media = self._session.media
        if media is None:
            self.frame_field.clear()
            self.time_field.clear()
            self._of_time.set_wordings()
            return
        if not self.frame_field.hasFocus() or not self.frame_field.isModified():
            self.frame_field.setText(str(frame))
        if not self.time_field.hasFocus() or not self.time_field.isModified():
            self.time_field.setText(timecode(media.index.seconds(frame)))
        pts = f"pts {int(media.index.pts[frame])}"
        whole = f"/ {timecode(media.index.duration)}"
        self._of_time.set_wordings(f"{whole}   {pts}", whole)
        self.time_field.setToolTip(f"{pts}, time base {media.index.time_base} s. {TIME_TIP}")
        self._show_exactness()

    def _go_to_frame(self) -> None:
        self.frame_field.setModified(False)
        self._session.go_to(int(self.frame_field.text()))
        self._on_frame(self._session.frame)
        self.frame_field.clearFocus()

    def _go_to_time(self) -> None:
        seconds = parse_time(self.time_field.text())
        self.time_field.setModified(False)
        if seconds is None:
            self._session.notify("info", f"“{self.time_field.text()}” is no time: write it as 1:02.500")
        else:
            self._session.go_to_seconds(seconds)
        self._on_frame(self._session.frame)
        self.time_field.clearFocus()

    def _on_playing(self) -> None:
        playing = self._session.playing
        self._play.setIcon(theme.icon("pause" if playing else "play"))
        self._play.setText("Pause" if playing else "Play")
        self._show_state()

    def _show_state(self) -> None:
        session = self._session
        self._speed.setText(f"{session.speed}×")
        self._speed.setVisible(session.speed not in (0, 1))
        self._speed.setToolTip("Playing speed; negative is backwards (J K L)")
        self._dropped.setText(f"{session.dropped_frames} dropped")
        self._dropped.setVisible(session.dropped_frames > 0)
        self._dropped.setToolTip("Frames that were due since playing began and were not shown")
        theme.set_role(self._dropped, "badge", "warning")
        self._show_exactness()

    def _show_exactness(self) -> None:
        session = self._session
        if session.shown_error is not None:
            text, level, tip = (
                "✕ not available",
                "error",
                "This frame cannot be shown exactly; no neighbour takes its place",
            )
        elif session.playing:
            text, level, tip = "▶ playing", "", "Frames are dropped rather than delayed"
        elif session.shown is None:
            text, level, tip = "", "", ""
        elif session.shown_exact:
            text, level, tip = "✓ exact", "good", "The picture is exactly this frame: its time stamp was verified"
        else:
            text, level, tip = (
                f"≈ frame {session.shown.index}",
                "warning",
                "A nearby frame, until the exact one is there",
            )
        self._exact.setText(text)
        self._exact.setToolTip(tip)
        self._exact.setVisible(bool(text))
        if self._exact.property("level") != level:
            theme.set_role(self._exact, "badge", level)
