"""Preparing packs of faces: what has to be done, by several processes, with progress, to be stopped at any time.

A pack is made by one process from beginning to end and hangs on its task alone; so a preparation that was
cancelled or killed goes on with the packs still to be made, and ends with the same bytes as one that was not.
"""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from engine.errors import DataError
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.training.faces.landmarks import LandmarkFinder
from engine.training.faces.pack_making import Task, make_pack
from engine.training.faces.packs import Pack, pack_path, read_pack

_PATIENCE = 0.4  # seconds in which processes may end by themselves
_WORTH_WORKERS = 64
"""Packs to be made from which more processes are started: each takes seconds to load the face detector."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """What came of a task: a pack and its place, or the reason why there is none."""

    place: Path | None
    pack: Pack | None
    reason: str = ""


def prepare(
    tasks: Sequence[Task],
    *,
    before: int = 0,
    total: int | None = None,
    workers: int | None = None,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> list[Prepared]:
    """Make the packs that are not there yet.

    Args:
        before, total: videos done before and to be done in all, for the progress.
        workers: processes; by default as many as there are CPUs if there is much to do, else none but this one.

    Returns:
        per task its pack, which may hold no face, or why the file cannot be read.

    Raises:
        DataError: packs cannot be written, or a process was ended from outside.
        CancelledError: cancelled; what is made stays.
    """
    if not tasks:
        return []
    token = cancel or CancelToken()
    results = []
    for task in tasks:
        token.check()
        results.append(_look_up(task))
    todo = [number for number, result in enumerate(results) if result.pack is None and not result.reason]
    meter = ProgressMeter("Preparing faces", len(tasks) if total is None else total, "videos", progress)
    done = before + len(tasks) - len(todo)
    meter.update(done)
    for number, reason in _make_all([(n, tasks[n]) for n in todo], workers, token):
        made = _look_up(tasks[number])
        results[number] = Prepared(None, None, reason or "its pack cannot be read") if made.pack is None else made
        done += 1
        meter.update(done)
    return results


def _look_up(task: Task) -> Prepared:
    try:
        place = pack_path(task.path, task.kind, task.sampling, task.given)
    except OSError as error:
        return Prepared(None, None, f"it cannot be read ({error.strerror})")
    return Prepared(place, read_pack(place))


def _make_all(
    tasks: list[tuple[int, Task]], workers: int | None, cancel: CancelToken
) -> Iterator[tuple[int, str]]:
    """Make packs; gives each task's number and why it failed, if it did, in the order in which they end."""
    if workers is None:
        workers = _cpus() if len(tasks) >= _WORTH_WORKERS else 1
    if workers < 2 or len(tasks) < 2:
        finder = LandmarkFinder()
        for number, task in tasks:
            cancel.check()
            yield number, make_pack(task, finder, cancel)
        return
    yield from _make_in_processes(tasks, min(workers, len(tasks)), cancel)


def _cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _make_in_processes(
    tasks: list[tuple[int, Task]], workers: int, cancel: CancelToken
) -> Iterator[tuple[int, str]]:
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(workers, context, _begin_worker, (stop,)) as pool:
        running: dict[Future[_Ended], int] = {}
        waiting = iter(tasks)
        try:
            while True:
                for number, task in waiting:
                    running[pool.submit(_work, task)] = number
                    if len(running) >= 2 * workers:  # no more in the queue than is needed to keep all busy
                        break
                if not running:
                    return
                for future in wait(running, timeout=0.2, return_when=FIRST_COMPLETED).done:
                    ended = future.result()
                    if ended.failure is not None:
                        message, advice, file = ended.failure
                        raise DataError(message, advice=advice, file=file)
                    yield running.pop(future), ended.reason
                cancel.check()
        except BrokenProcessPool as error:
            raise DataError(
                "A process that prepares faces was ended from outside, perhaps for want of memory",
                advice="Start again to go on where it stopped, with fewer workers if it happens again",
            ) from error
        finally:
            stop.set()
            if running:  # cancelled or failed; a process that is busy loading the detector does not look up
                wait(running, timeout=_PATIENCE)
                for process in set(multiprocessing.active_children()) - others:
                    process.kill()
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _Ended:
    """What a process says of a task: why there is no pack, and the parts of the error that stops everything."""

    reason: str = ""
    failure: tuple[str, str, Path | None] | None = None


class _SharedToken(CancelToken):
    """A cancel token that another process raises."""

    def __init__(self, event: Any) -> None:
        super().__init__()
        self._event = event


_worker: tuple[LandmarkFinder, CancelToken] | None = None


def _begin_worker(stop: Any) -> None:
    """Set up a process: it ends with its parent, whatever that dies of, and leaves Ctrl-C to it."""
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    _worker = (LandmarkFinder(), _SharedToken(stop))


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _work(task: Task) -> _Ended:
    if _worker is None:
        raise RuntimeError("the pool has not called _begin_worker")
    try:
        return _Ended(make_pack(task, *_worker))
    except DataError as error:  # typed errors do not travel between processes
        return _Ended(failure=(error.message, error.advice, error.file))
