"""An engine thread for the time of a command: asks it, shows its progress, turns its failures into exceptions."""

import queue
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from tqdm import tqdm

from engine.cli.crash import EngineCrash
from engine.detectors.foreign.description import is_model_file
from engine.errors import InternalError
from engine.progress import CancelToken, Progress
from engine.runtime import engine as runtime
from engine.runtime.protocol import (
    DetectorsListed,
    DetectorsRequest,
    DeviceStatus,
    Event,
    Failed,
    Finished,
    Notice,
    Progressed,
    Request,
)


@contextmanager
def signals_cancel(token: CancelToken, *signals: signal.Signals) -> Iterator[None]:
    """Let signals cancel the token instead of ending the program: what is done is kept. Main thread only."""
    before = [(each, signal.signal(each, lambda *_: token.cancel())) for each in signals]
    try:
        yield
    finally:
        for each, handler in before:
            signal.signal(each, handler)


def say(line: str) -> None:
    """A line of a command's answer, at once."""
    print(line, flush=True)  # noqa: T201 - this is the command line


class ProgressBar:
    """Progress on standard error, on a terminal only. Its `show` is a ProgressCallback."""

    def __init__(self) -> None:
        self._bar: tqdm[None] | None = None
        self._label = ""

    def show(self, progress: Progress) -> None:
        if not sys.stderr.isatty():
            return
        if self._bar is None or self._label != progress.label:
            self.close()
            scale = progress.unit == "bytes"
            self._bar = tqdm(
                desc=progress.label, unit=f" {progress.unit}", unit_scale=scale, file=sys.stderr, leave=False
            )
            self._label = progress.label
        self._bar.total = progress.total or None
        self._bar.n = progress.done
        self._bar.set_postfix_str(progress.note, refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class EngineSession:
    """A context manager around an Engine; leaving it stops the thread. For the main thread."""

    def __init__(self, device: str = "auto") -> None:
        self._device = device
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.progress = ProgressBar()
        self.device = ""
        """Where the work ran, as the engine words it; empty before the first job."""

    def __enter__(self) -> Self:
        self._engine = runtime.Engine(self._events.put, self._device, worker=runtime.WORKER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.close()
        self._engine.stop()  # cancels what still runs

    def ask(self, request: Request) -> list[Event]:
        """All that the engine had to say to a request, progress and notices aside.

        Raises:
            TellframeError: as the engine gave it.
            EngineCrash: the engine failed in a way nobody foresaw.
        """
        job = self._engine.submit(request)
        answers: list[Event] = []
        while True:
            event = self._next()
            if event.job != job:
                continue
            match event:
                case Progressed():
                    self.progress.show(event.progress)
                case Notice():
                    self.say(event.text)
                case DeviceStatus():
                    self.device = event.device
                case Finished():
                    self.progress.close()
                    return answers
                case Failed():
                    if isinstance(event.error, InternalError):
                        raise EngineCrash(event.error, event.details)
                    raise event.error
                case _:
                    answers.append(event)

    def _next(self) -> Event:
        while True:
            try:
                return self._events.get(timeout=0.5)  # without a timeout Windows would not hear Ctrl+C
            except queue.Empty:
                continue

    def detectors(self) -> DetectorsListed:
        """What is known of all detectors."""
        return next(event for event in self.ask(DetectorsRequest()) if isinstance(event, DetectorsListed))

    def named(self, words: Sequence[str]) -> list[str]:
        """Ids of detectors for what the command line names them by: a FILE.onnx is brought along and tried.

        Raises:
            TellframeError: a foreign model cannot be used.
        """
        files = tuple(word for word in words if is_model_file(word))
        if not files:
            return list(words)
        answers = self.ask(DetectorsRequest(files))
        listed = next(event for event in answers if isinstance(event, DetectorsListed))
        brought = dict(zip(files, listed.brought, strict=True))
        return list(dict.fromkeys(brought.get(word, word) for word in words))

    def say(self, line: str) -> None:
        """A line for the user, beside the results."""
        self.progress.close()
        print(line, file=sys.stderr)  # noqa: T201 - this is the command line
