"""Keeps a stream of calls at the rate of the screen. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer

Value = TypeVar("Value")


class Throttle(QObject, Generic[Value]):
    """Passes the first value on at once and then at most one per interval; the last one is never lost."""

    def __init__(self, do: Callable[[Value], None], interval_ms: int, parent: QObject) -> None:
        super().__init__(parent)
        self._do = do
        self._waiting: list[Value] = []
        self._timer = QTimer(self, singleShot=True, interval=interval_ms, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_beat)

    def __call__(self, value: Value) -> None:
        """Pass a value on, now or at the next beat unless a newer one comes before it."""
        if self._timer.isActive():
            self._waiting = [value]
        else:
            self._timer.start()
            self._do(value)

    def drop(self) -> None:
        """Forget a value that still waits."""
        self._waiting.clear()

    def _on_beat(self) -> None:
        if self._waiting:
            self._timer.start()
            self._do(self._waiting.pop())
