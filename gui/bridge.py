"""The only place where callbacks of other threads become Qt signals.

Every signal here is connected queued: what is emitted on the engine thread, on a reader thread or on a worker is
received on the GUI thread, in order, and never while the GUI thread is inside another handler.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from engine.errors import CancelledError, TellframeError
from engine.progress import CancelToken, Progress, ProgressCallback

log = logging.getLogger(__name__)

Work = Callable[[CancelToken, ProgressCallback], Any]


class HandOver(QObject):
    """Carries things from any thread to the GUI thread; after `close` nothing comes out any more.

    Signals:
        arrived: what was handed over, on the GUI thread, in order.
    """

    arrived = Signal(object)
    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open = True
        self._posted.connect(self._forward, Qt.ConnectionType.QueuedConnection)

    def deliver(self, thing: object) -> None:
        """Hand something over. Any thread."""
        self._posted.emit(thing)

    def close(self) -> None:
        """Drop what is still on its way: nobody wants it any more. GUI thread."""
        self._open = False

    def _forward(self, thing: object) -> None:
        if self._open:
            self.arrived.emit(thing)


class Task(QObject):
    """One piece of work on a worker thread. Lives on the GUI thread; exactly one of the three ends is emitted.

    Signals:
        progressed: Progress, now and then.
        succeeded: what the work returned.
        failed: TellframeError, or the unexpected exception.
        cancelled: the work stopped because it was asked to.
    """

    progressed = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    _reported = Signal(object)
    _ended = Signal(object, object)

    def __init__(self, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._token = CancelToken()
        self._heard = True
        self.keeps_on = False
        """Whether it is finished even when everything closes."""
        self.running = True
        self._reported.connect(self._on_report, Qt.ConnectionType.QueuedConnection)
        self._ended.connect(self._on_end, Qt.ConnectionType.QueuedConnection)

    def cancel(self) -> None:
        """Ask the work to stop; `cancelled` (or the end it reached first) follows. GUI thread."""
        self._token.cancel()

    def abandon(self) -> None:
        """Emit nothing any more: nobody is left to hear it. GUI thread."""
        self._heard = False

    @property
    def cancelling(self) -> bool:
        return self.running and self._token.cancelled

    def run(self) -> None:
        """Do the work. Worker thread only."""
        try:
            self._token.check()
            result = self._work(self._token, self._reported.emit)
        except Exception as error:  # noqa: BLE001 - the border of the thread: any fault becomes data
            self._ended.emit(None, error)
        else:
            self._ended.emit(result, None)

    def _on_report(self, progress: Progress) -> None:
        if self.running and self._heard:
            self.progressed.emit(progress)

    def _on_end(self, result: object, error: Exception | None) -> None:
        self.running = False
        if not self._heard:
            return
        if error is None:
            self.succeeded.emit(result)
        elif isinstance(error, CancelledError):
            self.cancelled.emit()
        else:
            if not isinstance(error, TellframeError):
                log.error("unexpected fault on a worker thread", exc_info=error)
            self.failed.emit(error)


class Background(QObject):
    """Worker threads for what the GUI thread must not wait for: opening, hashing, exporting, storing marks.

    Three lanes: a long hash never stands in the way of opening the next video, and what is stored is stored in
    order, to the end.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._quick = ThreadPoolExecutor(2, thread_name_prefix="tellframe-quick")
        self._slow = ThreadPoolExecutor(2, thread_name_prefix="tellframe-slow")
        self._store = ThreadPoolExecutor(1, thread_name_prefix="tellframe-store")
        self._tasks: set[Task] = set()

    def start(self, work: Work, *, slow: bool = False) -> Task:
        """Run `work(cancel, progress)` on a worker thread; connect to the task's signals at once. GUI thread."""
        task = self._make(work)
        (self._slow if slow else self._quick).submit(task.run)
        return task

    def store(self, work: Work) -> Task:
        """Run work that writes what must not be lost: one after the other, never cancelled. GUI thread."""
        task = self._make(work)
        task.keeps_on = True
        self._store.submit(task.run)
        return task

    def _make(self, work: Work) -> Task:
        task = Task(work, self)
        self._tasks.add(task)
        for end in (task.succeeded, task.failed, task.cancelled):
            end.connect(lambda *_: self._forget(task))
        return task

    def close(self) -> None:
        """Cancel everything but what is stored, and wait for the threads, up to a second. GUI thread."""
        for task in self._tasks:
            task.abandon()
            if not task.keeps_on:
                task.cancel()
        self._quick.shutdown(wait=True, cancel_futures=True)
        self._slow.shutdown(wait=True, cancel_futures=True)
        self._store.shutdown(wait=True)

    def _forget(self, task: Task) -> None:
        self._tasks.discard(task)
        task.deleteLater()
