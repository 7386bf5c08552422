"""A prototype's motion and that of the patch in question, in step: play, pause, step. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QImage, QKeyEvent, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui import theme
from gui.panels.parts import Elided, row
from gui.prototypes.questioned import Answer
from gui.timeline.timeline import HIGH_WINDOW

BEAT_MS = 160
"""A field a beat: at 25 frames a second four times slower than it was."""
GAP, CAPTION = 6, 16
LARGEST, LARGEST_LOW = 176, 92
"""Side of a pane, pixels: in high windows, and in low ones, which have more to show than room."""
TITLES = ("Prototype", "Here: motion", "Here: picture")


class MotionPanes(QWidget):
    """Three moving pictures side by side. Space plays and pauses, the arrow keys step while it has the focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.answer: Answer | None = None
        self.at = 0
        self.note = ""
        """What stands in the place of pictures that are not there."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Motion of the prototype and of the patch in question")
        self.setToolTip(
            "How the prototype moved where it was learnt, how the patch moves here, and its picture. Arrows and "
            "colours tell where to, their strength how far, on one scale. The face behind the prototype is "
            "nobody's (Space: play or pause, ← →: step)"
        )
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def count(self) -> int:
        """Fields that there are."""
        return len(self.answer.prototype) if self.answer is not None else 0

    def panes(self) -> tuple[QImage, ...]:
        """What is shown now."""
        answer = self.answer
        if answer is None or not self.count:
            return ()
        at = self.at % self.count
        return (
            answer.prototype[at],
            answer.motion[at % len(answer.motion)],
            answer.pictures[at % len(answer.pictures)],
        )

    def side(self, width: int) -> int:
        """Of a pane, pixels."""
        largest = LARGEST if self.window().height() >= HIGH_WINDOW else LARGEST_LOW
        return max(48, min(largest, (width - 2 * GAP) // 3))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self.side(width) + CAPTION

    def sizeHint(self) -> QSize:
        return QSize(280, self.heightForWidth(max(self.width(), 280)))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.small_font(self))
        side, pictures = self.side(self.width()), self.panes()
        for number, title in enumerate(TITLES):
            left = number * (side + GAP)
            painter.setPen(theme.color("muted"))
            line = QRectF(left, 0, side, CAPTION)
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
            place = QRectF(left, CAPTION, side, side)
            if pictures:
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
                painter.drawImage(place, pictures[number])
            else:
                painter.fillRect(place, theme.color("inset"))
        if not pictures:
            area = QRectF(8, CAPTION, 3 * side + 2 * GAP - 16, side)
            painter.setPen(theme.color("muted"))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.note)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("focus"), 1))
            painter.drawRect(QRectF(0.5, CAPTION + 0.5, 3 * side + 2 * GAP - 1, side - 1))
        painter.end()


class MotionView(QWidget):
    """The panes, their controls, the wheel of directions and where on a face the prototype was seen.

    Attributes:
        running: whether it plays while it is seen.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.running = True
        self.panes = MotionPanes()
        self.panes.installEventFilter(self)
        self.play = self._button("pause", "Play or pause the motion (Space)", self.toggle)
        self.back = self._button("step-back", "One field back (←)", lambda: self.step(-1))
        self.forward = self._button("step-forward", "One field on (→)", lambda: self.step(1))
        self.where = Elided()
        theme.set_role(self.where, "muted")
        self._pictures = _Pictures()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.panes)
        layout.addLayout(row(self.back, self.play, self.forward, self.where, self._pictures, stretch=3))
        self._timer = QTimer(self, interval=BEAT_MS)
        self._timer.timeout.connect(self._beat)

    @property
    def at(self) -> int:
        """Number of the field that is shown."""
        return self.panes.at

    def show_answer(self, answer: Answer | None, note: str = "") -> None:
        """Show other motions, or a word on why there are none."""
        self.panes.answer, self.panes.note = answer, note
        if answer is not None and self.panes.count:
            self.panes.at %= self.panes.count
        self._pictures.show_pictures(answer)
        for button in (self.play, self.back, self.forward):
            button.setEnabled(self.panes.count > 0)
        self._tell()

    def toggle(self) -> None:
        """Play or pause."""
        self.running = not self.running
        self.play.setIcon(theme.icon("pause" if self.running else "play"))
        self._run()

    def step(self, fields: int) -> None:
        """Pause and show a field before or behind; after the last one comes the first."""
        if self.running:
            self.toggle()
        self._move(fields)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The keys of the panes, which are shortcuts of the player elsewhere."""
        if watched is self.panes and isinstance(event, QKeyEvent):
            plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            keys = {
                Qt.Key.Key_Space: self.toggle,
                Qt.Key.Key_Left: self.back.click,
                Qt.Key.Key_Right: self.forward.click,
            }
            do = keys.get(Qt.Key(event.key())) if plain else None
            if do is not None and event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if do is not None and event.type() == QEvent.Type.KeyPress:
                do()
                return True
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._run()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _run(self) -> None:
        if self.running and self.isVisible():
            self._timer.start()
        else:
            self._timer.stop()

    def _beat(self) -> None:
        if self.panes.count:
            self._move(1)

    def _move(self, fields: int) -> None:
        if self.panes.count:
            self.panes.at = (self.panes.at + fields) % self.panes.count
            self.panes.update()
            self._tell()

    def _tell(self) -> None:
        answer = self.panes.answer
        if answer is None:
            self.where.set_text("")
            return
        what = "patch" if answer.question.box is not None else "whole face"
        text = f"{self.at + 1}/{self.panes.count} · frame {answer.frames[self.at]} · {what}"
        scale = f"Strongest colour: {answer.full:.2g} pixels of the network's input per frame, in both"
        self.where.set_text(text, f"Field {self.at + 1} of {self.panes.count}\n{scale}")

    def _button(self, icon: str, tip: str, do: Callable[[], None]) -> QToolButton:
        button = QToolButton()
        button.setIcon(theme.icon(icon))
        button.setToolTip(tip)
        button.setAccessibleName(tip.split(" (")[0])
        button.clicked.connect(lambda: do())
        theme.set_role(button, "flat")
        return button


class _Pictures(QWidget):
    """The wheel of directions, and the place on a face."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._answer: Answer | None = None
        self.setFixedSize(2 * 34 + 6, 34)
        self.setAccessibleName("Colours of directions, and where on a face the prototype was seen")
        self.setToolTip(
            "Left: the colour of each direction of motion. Right: the part of the face in which it was seen"
        )

    def show_pictures(self, answer: Answer | None) -> None:
        self._answer = answer
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._answer is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(0, 0, 34, 34), self._answer.wheel)
        painter.drawImage(QRectF(40, 0, 34, 34), self._answer.place)
        painter.end()
