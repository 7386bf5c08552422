"""The engine thread: takes requests from any thread, runs them by priority in steps, answers with events.

One plain thread alone owns the models and the device. It is not a daemon: `stop` cancels what runs and joins it.
torch is not imported here but inside the thread, by the worker, so that the window appears without it.
"""

import contextlib
import itertools
import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import InternalError, TellframeError
from engine.progress import CancelToken
from engine.runtime.jobs import JobContext, Steps, Worker
from engine.runtime.loading import load
from engine.runtime.priority import stand_back
from engine.runtime.protocol import Event, Failed, Finished, Priority, Request

log = logging.getLogger(__name__)

WORKER = "engine.runtime.worker"
STATUS_SECONDS = 1.0


@dataclass(slots=True)
class _Job:
    request: Request
    context: JobContext
    steps: Steps | None = None  # None until its first turn

    @property
    def order(self) -> tuple[int, int]:
        return (self.context.priority, self.context.id)


class Engine:
    """The one engine thread with its queue.

    Args:
        deliver: gets every event, on the engine thread; it must be quick, must not raise and must not call `stop`.
        device: auto, cpu or cuda, for requests that say auto.
        worker: dotted name of the module whose `create_worker(device)` does the work; imported in the thread.
        stands_back: whether the thread and its helpers give way to others, a window's above all.

    All methods may be called from any thread, `deliver` included (but for `stop`).
    """

    def __init__(
        self,
        deliver: Callable[[Event], None],
        device: str = "auto",
        *,
        worker: str = WORKER,
        stands_back: bool = False,
    ) -> None:
        self._deliver, self._device, self._worker_name = deliver, device, worker
        self._stands_back = stands_back
        self._ids = itertools.count(1)
        self._changed = threading.Condition()
        self._jobs: dict[int, _Job] = {}  # guarded by _changed
        self._stopping = self._wanted = False  # guarded by _changed
        self._focus = 0
        self._worker: Worker | None = None  # engine thread only, like all below
        self._failure: Exception | None = None
        self._status_at = 0.0
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=False)
        self._thread.start()

    def submit(self, request: Request, priority: Priority = Priority.USER) -> int:
        """Queue a request and return its id at once; its last event is Finished or Failed.

        Raises:
            RuntimeError: after `stop`.
        """
        with self._changed:
            if self._stopping:
                raise RuntimeError("the engine has been stopped")
            number = next(self._ids)
            context = JobContext(number, priority, CancelToken(), self._deliver, lambda: self._focus)
            self._jobs[number] = _Job(request, context)
            self._changed.notify()
        return number

    def cancel(self, job: int) -> None:
        """End a job within a second with Failed(CancelledError), if it runs or waits; what it stored stays."""
        with self._changed:
            if job in self._jobs:
                self._jobs[job].context.token.cancel()
                self._changed.notify()

    def focus(self, frame: int) -> None:
        """Say which frame the user looks at: the nearest stretch without scores is analysed next."""
        self._focus = frame

    def warm_up(self) -> None:
        """Import torch and the worker now, in the thread, so that the first job does not wait for it."""
        with self._changed:
            self._wanted = True
            self._changed.notify()

    def stop(self, timeout: float | None = None) -> bool:
        """Refuse new jobs, cancel all, and join the thread; True if it ended within `timeout` seconds."""
        with self._changed:
            self._stopping = True
            for job in self._jobs.values():
                job.context.token.cancel()
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _loop(self) -> None:
        if self._stands_back:
            stand_back()
        while True:
            with self._changed:
                while not (self._jobs or self._stopping or self._wanted):
                    self._changed.wait()
                if self._stopping and not self._jobs:
                    break
                wanted, self._wanted = self._wanted, False
                # A cancelled job is ended before anything else runs: it only has to be closed.
                jobs = sorted(self._jobs.values(), key=lambda j: (not j.context.token.cancelled, j.order))
            if wanted:
                with contextlib.suppress(Exception):  # the first job tells
                    self._loaded()
            elif jobs:
                self._step(jobs[0])
        if self._worker is not None:
            self._worker.close()

    def _loaded(self) -> Worker:
        """The worker, imported on the first call; a failure is kept and raised to every job."""
        if self._failure is not None:
            raise self._failure
        if self._worker is None:
            try:
                self._worker = load(self._worker_name).create_worker(self._device)
            except Exception as error:
                self._failure = error
                raise
        return self._worker

    def _step(self, job: _Job) -> None:
        """One step of one job; nothing that it raises may end the thread."""
        number = job.context.id
        try:
            job.context.token.check()
            worker = self._loaded()
            if job.steps is None:
                job.steps = worker.run(job.request, job.context)
            event = next(job.steps)
        except StopIteration:
            self._end(job, Finished(number))
        except Exception as error:  # noqa: BLE001 - the border of the thread: any fault becomes data
            self._end(job, Failed(number, *_as_data(error)))
        else:
            if event is not None:
                self._deliver(event)
            now = time.monotonic()
            if now - self._status_at >= STATUS_SECONDS:
                self._status_at = now
                self._deliver(worker.device_status(number))

    def _end(self, job: _Job, last: Event) -> None:
        steps, job.steps = job.steps, None
        close = getattr(steps, "close", None)  # a generator: runs its `finally`, ends its helper threads
        if close is not None:
            try:
                close()
            except Exception:
                log.exception("job %d did not close cleanly", job.context.id)
        with self._changed:
            del self._jobs[job.context.id]
        self._deliver(last)


def _as_data(error: Exception) -> tuple[TellframeError, str]:
    """An exception as (one clear line, traceback where the fault is ours)."""
    if isinstance(error, TellframeError):
        return error, ""
    text = str(error).strip().splitlines()
    wrapped = InternalError(f"Tellframe failed with {type(error).__name__}{': ' + text[0] if text else ''}")
    return wrapped, "".join(traceback.format_exception(error))
