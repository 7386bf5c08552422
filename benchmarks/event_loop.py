"""How long the event loop of the window was away: a timer, and what the time between two ticks went into."""

import os
import threading
import time
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, QTimer

TICK_MS = 10
_THREADS = "/proc/self/task"


@dataclass(frozen=True, slots=True)
class Gap:
    """The time between two ticks, seconds.

    Attributes:
        at: its end on time.perf_counter.
        wall: all of it; about TICK_MS when nothing stood in the way.
        cpu: in which the thread of the loop worked itself.
        queued: in which that thread could have run, but the kernel gave the processors to others.
        other_queued: the same of that other thread of the program which waited longest.

    Where the kernel does not tell (it does on Linux), the last two are 0.
    """

    at: float
    wall: float
    cpu: float
    queued: float
    other_queued: float

    @property
    def held(self) -> float:
        """What is left when the processors' being taken is no excuse any more.

        The loop is away because its thread works, waits for a processor, or waits for a lock, the interpreter's
        above all. Whoever holds that may wait for a processor, too: the time of one such thread is taken off.
        """
        return max(self.cpu, self.wall - self.queued - self.other_queued)


class LoopWatch(QObject):
    """Ticks on the thread of its event loop from `start` to `stop`; then `gaps` tells."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.gaps: list[Gap] = []
        self._timer = QTimer(self, interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._own = threading.get_native_id()
        self._files: dict[str, int] = {}
        self._time, self._cpu = 0.0, 0.0
        self._queued: dict[str, int] = {}

    def start(self) -> None:
        """Begin anew. On the thread of the event loop, like all else."""
        self.gaps = []
        self._time, self._cpu, self._queued = time.perf_counter(), time.thread_time(), self._read_queued()
        self._timer.start()

    def stop(self) -> None:
        self._tick()  # a loop that is away to the end counts, too
        self._timer.stop()
        for file in self._files.values():
            os.close(file)
        self._files.clear()

    def longest(self) -> Gap:
        """The gap in which the loop was away longest."""
        return max(self.gaps, key=lambda gap: gap.wall)

    def longest_held(self) -> Gap:
        return max(self.gaps, key=lambda gap: gap.held)

    def _tick(self) -> None:
        now, cpu, queued = time.perf_counter(), time.thread_time(), self._read_queued()
        waits = {name: (total - self._queued.get(name, 0)) / 1e9 for name, total in queued.items()}
        own = waits.pop(str(self._own), 0.0)
        self.gaps.append(Gap(now, now - self._time, cpu - self._cpu, own, max(waits.values(), default=0.0)))
        self._time, self._cpu, self._queued = now, cpu, queued

    def _read_queued(self) -> dict[str, int]:
        """Nanoseconds that each thread has waited for a processor in its life, by its number."""
        try:
            names = os.listdir(_THREADS)  # noqa: PTH208 - of the many ways the quickest: it runs at every tick
        except OSError:
            return {}
        for gone in self._files.keys() - names:
            os.close(self._files.pop(gone))
        queued = {}
        for name in names:
            try:
                if name not in self._files:
                    self._files[name] = os.open(f"{_THREADS}/{name}/schedstat", os.O_RDONLY)
                queued[name] = int(os.pread(self._files[name], 96, 0).split()[1])
            except (OSError, IndexError):  # ended just now, or a kernel without these figures
                continue
        return queued
