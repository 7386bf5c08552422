"""What the engine thread and its worker say to each other. No torch here: the worker brings it along."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from engine.progress import CancelToken, Progress
from engine.runtime.protocol import DeviceStatus, Event, Priority, Progressed, Request

Steps = Iterator[Event | None]
"""A job. Each `next` is one step of at most about a quarter of a second; None: a step that has nothing to say."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a running job may ask of the engine.

    Attributes:
        id: the number that every event of this job carries.
        priority: as submitted.
        token: raised when the user cancels or the engine stops; to be looked at within every step.
        emit: delivers an event in the middle of a step; engine thread only.
        focus: the frame that the user looks at; any thread.
    """

    id: int
    priority: Priority
    token: CancelToken
    emit: Callable[[Event], None]
    focus: Callable[[], int]

    def report(self, progress: Progress) -> None:
        """A ProgressCallback for loops inside one step; engine thread only."""
        self.emit(Progressed(self.id, progress))


class Worker(Protocol):
    """Owns models, device and open evidence. Made and used on the engine thread alone."""

    def run(self, request: Request, job: JobContext) -> Steps:
        """The steps of a request. They may raise anything; the engine turns it into Failed."""
        ...

    def device_status(self, job: int) -> DeviceStatus:
        """Where the work runs and how much memory it takes; cheap."""
        ...

    def close(self) -> None:
        """Let go of evidence, cases, models and threads."""
        ...
