"""A call on a thread of its own that the engine thread looks after in small steps."""

import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

from engine.progress import CancelToken, Progress, ProgressCallback
from engine.runtime.jobs import JobContext
from engine.runtime.protocol import Event, Progressed

T = TypeVar("T")

WAIT = 0.02
"""Seconds that one step waits at most: as long may a more urgent job have to wait for its turn."""


class Background(Generic[T]):
    """Starts at once. `call(cancel, progress)` must look at the token; what it raises is raised by `result`."""

    def __init__(self, name: str, call: Callable[[CancelToken, ProgressCallback], T]) -> None:
        self._call = call
        self._token = CancelToken()
        self._over = threading.Event()
        self._progress: Progress | None = None
        self._value: T
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=False)
        self._thread.start()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def result(self) -> T:
        """What the call returned; only when it is over."""
        if self._error is not None:
            raise self._error
        return self._value

    def stop(self) -> None:
        """Cancel the call and join its thread."""
        self._token.cancel()
        self._thread.join()

    def steps(self, job: JobContext) -> Generator[Event | None, None, T]:
        """Wait for the end in steps, telling the progress. A cancelled job leaves the call running."""
        shown = None
        while not self._over.wait(WAIT):
            job.token.check()
            progress = self._progress
            if progress is not None and progress is not shown:
                shown = progress
                yield Progressed(job.id, progress)
            else:
                yield None
        self._thread.join()
        return self.result()

    def _run(self) -> None:
        try:
            self._value = self._call(self._token, self._note)
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
            self._error = error
        finally:
            self._over.set()

    def _note(self, progress: Progress) -> None:
        self._progress = progress
