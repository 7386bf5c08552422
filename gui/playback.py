"""The clock of the player: which frame is due now, by the file's own times. GUI thread only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal

if TYPE_CHECKING:
    from engine.video.index import FrameIndex

SPEEDS = (1, 2, 4, 8)
TICK_MS = 5


class Playback(QObject):
    """Emits the frame that is due at each tick; frames whose time passes between two ticks are never emitted.

    Signals:
        due: frame number, each frame at most once.
        ended: the first or the last frame was reached.
        changed: playing, direction or speed changed.
    """

    due = Signal(int)
    ended = Signal()
    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.velocity = 0
        """0 when paused, else the direction times one of SPEEDS."""
        self._index: FrameIndex | None = None
        self._from_seconds = 0.0
        self._frame = 0
        self._clock = QElapsedTimer()
        self._timer = QTimer(self, interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    @property
    def playing(self) -> bool:
        return self.velocity != 0

    def start(self, index: FrameIndex, frame: int, velocity: int) -> None:
        """Play from a frame; a new velocity takes effect from there."""
        self._index, self._frame = index, frame
        self._from_seconds = index.seconds(frame)
        self._clock.start()
        self._timer.start()
        if velocity != self.velocity:
            self.velocity = velocity
            self.changed.emit()

    def stop(self) -> None:
        self._timer.stop()
        if self.velocity:
            self.velocity = 0
            self.changed.emit()

    def _tick(self) -> None:
        index = self._index
        if index is None:
            return
        seconds = self._from_seconds + self._clock.elapsed() / 1000 * self.velocity
        last = len(index) - 1
        frame = 0 if seconds <= index.seconds(0) else min(last, index.at_seconds(seconds))
        if frame != self._frame:
            self._frame = frame
            self.due.emit(frame)
        if frame == (last if self.velocity > 0 else 0):
            self.stop()
            self.ended.emit()
