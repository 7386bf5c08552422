"""Cancelling and reporting progress: the two parameters of every loop that can last longer than 50 ms."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.errors import CancelledError


class CancelToken:
    """A flag that one thread raises and another looks at. Any thread may call any method."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise CancelledError if the work was cancelled."""
        if self._event.is_set():
            raise CancelledError


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a piece of work has come.

    Attributes:
        label: what is being done, as the user reads it ("Hashing", "Finding faces").
        done: units done, 0 to total.
        total: units in all, 0 if unknown.
        unit: the name of one unit, plural ("frames", "bytes").
        seconds_left: the estimate, None while there is none.
        note: what else is worth showing ("loss 0.61, 40 crops/s"), mostly nothing.
    """

    label: str
    done: int
    total: int
    unit: str
    seconds_left: float | None = None
    note: str = ""

    @property
    def fraction(self) -> float:
        """Share done, 0 to 1; 0 while the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else 0.0


ProgressCallback = Callable[[Progress], None]


class ProgressMeter:
    """Turns counts into Progress with an estimate, at most ten times a second. For one thread."""

    def __init__(self, label: str, total: int, unit: str, report: ProgressCallback | None) -> None:
        self._label, self._total, self._unit, self._report = label, total, unit, report
        self._started = time.monotonic()
        self._last = 0.0
        self._first_done: int | None = None

    def update(self, done: int, note: Callable[[], str] | None = None) -> None:
        """Report `done` units; calls that come within 0.1 s of the last report are dropped, the end never is.

        Args:
            note: gives the note; asked only when there is a report.
        """
        if self._report is None:
            return
        now = time.monotonic()
        if self._first_done is None:  # what an earlier run had already done says nothing about our speed
            self._first_done = done
        if now - self._last < 0.1 and done < self._total:
            return
        self._last = now
        fresh = done - self._first_done
        elapsed = now - self._started
        left = elapsed / fresh * (self._total - done) if fresh > 0 and self._total else None
        text = note() if note else ""
        self._report(Progress(self._label, done, self._total, self._unit, left, text))


def part_of(report: ProgressCallback | None, number: int, count: int) -> ProgressCallback | None:
    """For part `number`, from 0, of `count` like ones: it reports as if alone, and `report` hears of the whole.

    Call it when the part begins: its pace is taken for that of the parts to come.
    """
    if report is None or count == 1:
        return report
    tell, began = report, time.monotonic()

    def told(progress: Progress) -> None:
        left = progress.seconds_left
        if left is not None:
            left += (count - number - 1) * (time.monotonic() - began + left)
        done, total = number * progress.total + progress.done, count * progress.total
        tell(replace(progress, done=done, total=total, seconds_left=left))

    return told
