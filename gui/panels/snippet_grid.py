"""The grid of P003's figure 5: the faces of the snippets around the playhead, each frame with its U-T value.

GUI thread only; the faces are decoded on a worker thread.
"""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QHideEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QShowEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget
from shiboken6 import isValid

from gui import theme
from gui.bridge import Task
from gui.pictures import Wish, small_pictures
from gui.results_model import TrackSeries
from gui.session import Session
from gui.timeline.attention import NEUTRAL, SERIES

ROWS, BEFORE = 5, 1
"""Rows that are shown, and how many of them come before the one with the playhead: low windows show few."""
HEAD = 64
"""Pixels left of the faces, for the span and its probability."""
FOOT = 22
"""Pixels below each face, for its bar and its number."""
GAP = 4
FACE = QSize(96, 96)
REST_MS = 120
KEPT = 300
STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class SnippetGrid(QWidget):
    """A row per snippet, in the order of the video. The arrow keys and a click move the playhead.

    The shown rows stay where they are while the playhead is in one of them.

    Signals:
        moved: the user wants to see a frame.
    """

    moved = Signal(int)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.track: TrackSeries | None = None
        self._first_row = 0
        self._images: dict[tuple[int, int], QImage] = {}
        self._task: Task | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._load)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName("Attention to the frames of the snippets around the playhead")

    def forget(self) -> None:
        """The pictures are those of another video or of other faces."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._images.clear()

    def set_track(self, track: TrackSeries | None) -> None:
        """The face to show; it must have a U-T map."""
        self.track = track
        self._follow()
        self.updateGeometry()

    def follow_playhead(self) -> None:
        """The playhead has moved."""
        if self.isVisible():
            self._follow()

    @property
    def rows(self) -> range:
        """The rows of the face's spans that are shown."""
        count = len(self.track.spans) if self.track is not None else 0
        return range(self._first_row, min(self._first_row + ROWS, count))

    @property
    def columns(self) -> int:
        return self.track.activations[SERIES].shape[1] if self.track is not None else 4

    def nearest_row(self, frame: int) -> int:
        """The span that stands for a frame, else the last one that begins before it."""
        if self.track is None:
            return 0
        return max(0, int(np.searchsorted(self.track.spans[:, 0], frame, side="right")) - 1)

    def frame_of(self, row: int, column: int) -> int | None:
        """The frame in a cell, None where the span is shorter."""
        if self.track is None or not 0 <= row < len(self.track.spans):
            return None
        first, last = self.track.spans[row].tolist()
        return first + column if first + column <= last else None

    def describe(self, row: int, column: int) -> str:
        """What there is to say of a cell."""
        frame = self.frame_of(row, column)
        if self.track is None or frame is None:
            return ""
        first, last = self.track.spans[row].tolist()
        value, score = float(self.track.activations[SERIES][row, column]), float(self.track.scores[row])
        known = f"attention {value:.2f}" if not math.isnan(value) else "no U-T map"
        return f"Frame {frame}: {known}. Frames {first} to {last}: fake probability {score:.2f}"

    def cell_at(self, position: QPointF) -> tuple[int, int] | None:
        """Row and column under a place of the widget, None where there is no frame."""
        side, step = self._side(), self._row_height()
        column, row = (position.x() - HEAD) // (side + GAP), self._first_row + position.y() // step
        if not 0 <= column < self.columns or row not in self.rows:
            return None
        cell = int(row), int(column)
        return cell if self.frame_of(*cell) is not None else None

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Where a cell is drawn, its foot included."""
        side = self._side()
        top = (row - self._first_row) * self._row_height()
        return QRectF(HEAD + column * (side + GAP), top, side, side + FOOT)

    # Following

    def _follow(self) -> None:
        frame, track = self._session.frame, self.track
        count = len(track.spans) if track is not None else 0
        row = self.nearest_row(frame)
        if row not in self.rows or len(self.rows) < min(ROWS, count):
            self._first_row = max(0, min(row - BEFORE, count - ROWS))
        if track is not None and count:
            column = min(max(0, frame - int(track.spans[row, 0])), self.columns - 1)
            self.setAccessibleDescription(self.describe(row, column))
        self._rest.start()
        self.update()

    def _load(self) -> None:
        """Decode what is in view when the playhead has come to rest."""
        session, track = self._session, self.track
        media = session.media
        if media is None or track is None or self._task is not None or session.playing or not self.isVisible():
            return
        wishes = []
        for row in self.rows:
            for column in range(self.columns):
                frame = self.frame_of(row, column)
                if frame is None or (track.id, frame) in self._images:
                    continue
                box = track.box_at(frame)
                if box is not None:
                    wishes.append(Wish(frame, FACE, box))
        if not wishes:
            return
        task = session.background.start(lambda cancel, _progress: small_pictures(media, wishes, cancel), slow=True)
        self._task = task
        task.succeeded.connect(lambda made: self._on_made(task, track.id, wishes, made))
        task.failed.connect(lambda _error: self._on_made(task, track.id, wishes, []))

    def _on_made(self, task: Task, track_id: int, wishes: list[Wish], made: list[tuple[Wish, QImage]]) -> None:
        if task is not self._task or not isValid(self):
            return
        self._task = None
        if len(self._images) > KEPT:
            self._images.clear()
        for wish in wishes:  # what cannot be decoded stays empty and is not asked for again
            self._images[track_id, wish.frame] = QImage()
        for wish, image in made:
            self._images[track_id, wish.frame] = image
        self.update()
        self._load()

    # Mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position())
        frame = self.frame_of(*cell) if cell is not None else None
        if frame is not None and event.button() == Qt.MouseButton.LeftButton:
            self.moved.emit(frame)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position())
        shape = Qt.CursorShape.PointingHandCursor if cell is not None else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)
        self.setToolTip(f"{self.describe(*cell)}\nClick to go there; arrow keys move" if cell is not None else "")
        if cell is None:
            QToolTip.hideText()

    def event(self, event: QEvent) -> bool:
        """The arrow keys, which are shortcuts of the player, are its own while it has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_step(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the frame beside, or to the same place of the snippet before or after."""
        track = self.track
        if track is None or not len(track.spans) or not _is_step(event):
            super().keyPressEvent(event)
            return
        down, right = STEPS[Qt.Key(event.key())]
        row = self.nearest_row(self._session.frame)
        first, last = track.spans[row].tolist()
        column = min(max(0, self._session.frame - first), last - first) + right
        if column < 0 or column > last - first:
            row, column = row + right, 0
            if right < 0 and row >= 0:
                column = int(track.spans[row, 1] - track.spans[row, 0])
        row += down
        if 0 <= row < len(track.spans):
            self.moved.emit(int(min(track.spans[row, 0] + column, track.spans[row, 1])))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._rest.stop()

    # Drawing

    def sizeHint(self) -> QSize:
        return QSize(290, self.heightForWidth(290))

    def heightForWidth(self, width: int) -> int:
        side = self._side(width)
        return int(max(1, min(ROWS, len(self.rows) or 1)) * (side + FOOT + GAP))

    def _side(self, width: int | None = None) -> int:
        room = (self.width() if width is None else width) - HEAD - 2
        return max(16, min(FACE.width(), (room - GAP * (self.columns - 1)) // self.columns))

    def _row_height(self) -> int:
        return self._side() + FOOT + GAP

    def paintEvent(self, event: QPaintEvent) -> None:
        track = self.track
        if track is None:
            return
        painter = QPainter(self)
        painter.setFont(theme.small_font(self))
        for row in self.rows:
            self._draw_head(painter, track, row)
            for column in range(self.columns):
                if self.frame_of(row, column) is not None:
                    self._draw_cell(painter, track, row, column)
        painter.end()

    def _draw_head(self, painter: QPainter, track: TrackSeries, row: int) -> None:
        """The span, its probability, and whether that reaches the threshold."""
        first, last = track.spans[row].tolist()
        score = float(track.scores[row])
        high = np.float32(score) >= np.float32(self._session.threshold)
        place = QRectF(0, (row - self._first_row) * self._row_height(), HEAD - 8, self._side())
        span = f"{first}–{last}" if last > first else f"{first}"
        line = QRectF(place.left(), place.top(), place.width(), 16)
        painter.setPen(theme.color("muted"))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, span)
        painter.setPen(theme.color("text"))
        sign = "▲" if high else "▽"
        line.translate(0, 17)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, f"{sign} {score:.2f}")

    def _draw_cell(self, painter: QPainter, track: TrackSeries, row: int, column: int) -> None:
        frame, cell, side = self.frame_of(row, column), self.cell_rect(row, column), self._side()
        place = QRectF(cell.left(), cell.top(), side, side)
        painter.fillRect(place, theme.color("picture"))
        image = self._images.get((track.id, frame if frame is not None else -1))
        if image is not None and not image.isNull():
            size = QSize(image.size()).scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio)
            fitted = QRectF(0, 0, size.width(), size.height())
            fitted.moveCenter(place.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(fitted, image)
        value = float(track.activations[SERIES][row, column])
        self._draw_value(painter, QRectF(cell.left(), place.bottom() + 2, side, FOOT - 3), value)
        if frame == self._session.frame:
            painter.setPen(QPen(theme.color("focus" if self.hasFocus() else "cursor"), 2))
            painter.drawRect(place.adjusted(1, 1, -1, -1))

    def _draw_value(self, painter: QPainter, place: QRectF, value: float) -> None:
        """The attention as a bar from 0 to 1, with a tick where nothing was learnt, and as a number."""
        bar = QRectF(place.left(), place.top(), place.width(), 5)
        painter.fillRect(bar, theme.color("inset"))
        if not math.isnan(value):
            share = min(1.0, max(0.0, value))
            painter.fillRect(
                QRectF(bar.left(), bar.top(), bar.width() * share, bar.height()), theme.color("muted")
            )
        x = int(bar.left() + NEUTRAL * bar.width()) + 0.5
        painter.setPen(QPen(theme.color("text"), 1))
        painter.drawLine(QPointF(x, bar.top() - 1), QPointF(x, bar.bottom() + 1))
        text = "–" if math.isnan(value) else f"{value:.2f}"
        number = QRectF(place.left(), bar.bottom() + 1, place.width(), place.height() - 6)
        painter.drawText(number, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, text)


def _is_step(event: QKeyEvent) -> bool:
    plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    return plain and Qt.Key(event.key()) in STEPS
