"""Collects the events of an engine and lets a test wait for one."""

import threading
from collections.abc import Callable
from typing import TypeVar

from engine.runtime.protocol import DeviceStatus, Event, Failed, Finished, Progressed

E = TypeVar("E")


class Inbox:
    """Its call is an engine's `deliver`."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.threads: set[str] = set()
        self._news = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._news:
            self.events.append(event)
            self.threads.add(threading.current_thread().name)
            self._news.notify_all()

    def wait(self, wanted: Callable[[Event], bool], seconds: float = 300.0) -> Event:
        with self._news:
            assert self._news.wait_for(lambda: any(wanted(e) for e in self.events), seconds), self.events
            return next(e for e in self.events if wanted(e))

    def last(self, job: int) -> Event:
        """The last event of a job, once it has come."""
        return self.wait(lambda e: isinstance(e, Finished | Failed) and e.job == job)

    def of(self, job: int) -> list[Event]:
        """What a job said, but for progress and the device."""
        return [e for e in self.events if e.job == job and not isinstance(e, DeviceStatus | Progressed)]

    def kind(self, job: int, kind: type[E]) -> list[E]:
        return [e for e in self.events if isinstance(e, kind) and e.job == job]
