"""The engine thread with a worker that has no torch: order, interruption, cancelling, faults, stopping."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import fake_worker
import pytest
from inbox import Inbox

from engine.errors import CancelledError, InternalError, VideoError, WeightsError
from engine.runtime.engine import Engine
from engine.runtime.priority import stand_back
from engine.runtime.protocol import (
    AnalysisDone,
    AnalyzeRequest,
    DetectorsListed,
    DetectorsRequest,
    DeviceStatus,
    Event,
    ExplainRequest,
    ExplanationMade,
    Failed,
    Finished,
    Priority,
    SegmentAnalyzed,
)

VIDEO = Path("clip.mp4")
ANALYZE = AnalyzeRequest(VIDEO, "frame-mobile")
EXPLAIN = ExplainRequest(VIDEO, "frame-mobile", "gradcam", (3,))


@pytest.fixture
def settings() -> Iterator[fake_worker.Settings]:
    yield fake_worker.reset()
    fake_worker.reset()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def engine(settings: fake_worker.Settings, inbox: Inbox) -> Iterator[Engine]:
    engine = Engine(inbox, "cpu", worker="fake_worker")
    yield engine
    if settings.gate is not None:
        settings.gate.set()
    assert engine.stop(10)


def test_every_event_carries_the_id_of_its_request_and_comes_on_the_engine_thread(
    engine: Engine, inbox: Inbox
) -> None:
    first = engine.submit(ANALYZE)
    second = engine.submit(DetectorsRequest())
    assert first != second
    assert isinstance(inbox.last(first), Finished)
    assert isinstance(inbox.last(second), Finished)
    assert sum(isinstance(e, SegmentAnalyzed) for e in inbox.of(first)) == 5
    assert isinstance(inbox.of(first)[-2], AnalysisDone)
    assert [type(e) for e in inbox.of(second)] == [DetectorsListed, Finished]
    assert inbox.threads == {"engine"}


def test_a_visible_job_interrupts_a_running_analysis_between_two_steps(
    engine: Engine, inbox: Inbox, settings: fake_worker.Settings
) -> None:
    settings.gate = threading.Event()
    analysis = engine.submit(ANALYZE, Priority.ANALYSIS)
    settings.gate.set()
    settings.step_seconds = 0.05
    inbox.wait(lambda e: isinstance(e, SegmentAnalyzed))
    visible = engine.submit(EXPLAIN, Priority.VISIBLE)
    inbox.last(visible)
    made = next(i for i, e in enumerate(inbox.events) if isinstance(e, ExplanationMade))
    segments = [i for i, e in enumerate(inbox.events) if isinstance(e, SegmentAnalyzed)]
    assert segments[0] < made
    inbox.last(analysis)
    segments = [i for i, e in enumerate(inbox.events) if isinstance(e, SegmentAnalyzed)]
    assert len(segments) == 5
    assert made < segments[-2]
    assert isinstance(inbox.of(analysis)[-1], Finished)


def test_waiting_jobs_run_by_priority_and_then_in_the_order_of_submission(
    engine: Engine, inbox: Inbox, settings: fake_worker.Settings
) -> None:
    settings.gate = threading.Event()
    holder = engine.submit(ANALYZE, Priority.VISIBLE)
    jobs = {
        "background": engine.submit(EXPLAIN, Priority.BACKGROUND),
        "user 1": engine.submit(EXPLAIN, Priority.USER),
        "analysis": engine.submit(EXPLAIN, Priority.ANALYSIS),
        "user 2": engine.submit(EXPLAIN, Priority.USER),
    }
    settings.gate.set()
    inbox.last(jobs["background"])
    ended = [e.job for e in inbox.events if isinstance(e, Finished)]
    assert ended == [holder, jobs["user 1"], jobs["user 2"], jobs["analysis"], jobs["background"]]


def test_cancel_ends_the_running_job_and_closes_it(
    engine: Engine, inbox: Inbox, settings: fake_worker.Settings
) -> None:
    settings.gate = threading.Event()
    job = engine.submit(ANALYZE)
    started = time.monotonic()
    engine.cancel(job)
    last = inbox.last(job)
    assert time.monotonic() - started < 1.0
    assert isinstance(last, Failed)
    assert isinstance(last.error, CancelledError)
    assert last.error.exit_status == 130
    assert last.details == ""


def test_cancel_of_an_interrupted_job_runs_its_cleaning_up_at_once(
    engine: Engine, inbox: Inbox, settings: fake_worker.Settings
) -> None:
    settings.step_seconds = 0.05
    low = engine.submit(ANALYZE, Priority.ANALYSIS)
    inbox.wait(lambda e: isinstance(e, SegmentAnalyzed) and e.job == low)
    high = engine.submit(ANALYZE, Priority.USER)
    inbox.wait(lambda e: isinstance(e, SegmentAnalyzed) and e.job == high)
    engine.cancel(low)
    inbox.last(low)
    assert f"job {low} closed" in settings.log
    assert not any(isinstance(e, Finished) and e.job == high for e in inbox.events)
    assert isinstance(inbox.last(high), Finished)


def test_cancel_of_an_unknown_or_finished_job_does_nothing(engine: Engine, inbox: Inbox) -> None:
    job = engine.submit(DetectorsRequest())
    inbox.last(job)
    engine.cancel(job)
    engine.cancel(12345)
    again = engine.submit(DetectorsRequest())
    assert isinstance(inbox.last(again), Finished)
    assert [type(e) for e in inbox.of(job)] == [DetectorsListed, Finished]


def test_errors_are_data_and_the_thread_goes_on(
    engine: Engine, inbox: Inbox, settings: fake_worker.Settings
) -> None:
    settings.fail_after = 2
    foreseen = engine.submit(ANALYZE)
    last = inbox.last(foreseen)
    assert isinstance(last, Failed)
    assert isinstance(last.error, VideoError)
    assert last.details == ""
    settings.error = ZeroDivisionError("by nothing\nsecond line")
    ours = engine.submit(ANALYZE)
    last = inbox.last(ours)
    assert isinstance(last, Failed)
    assert isinstance(last.error, InternalError)
    assert last.error.exit_status == 1
    assert "ZeroDivisionError: by nothing" in last.error.message
    assert "\n" not in str(last.error)
    assert "_analyze" in last.details
    settings.fail_after = None
    assert isinstance(inbox.last(engine.submit(ANALYZE)), Finished)


def test_a_worker_that_cannot_be_loaded_fails_every_job_with_its_error(
    engine: Engine, inbox: Inbox, settings: fake_worker.Settings
) -> None:
    settings.refuse_to_load = WeightsError("no torch here", advice="Install it")
    engine.warm_up()
    for _ in range(2):
        last = inbox.last(engine.submit(ANALYZE))
        assert isinstance(last, Failed)
        assert isinstance(last.error, WeightsError)
    assert len(settings.log) == 1


def test_warm_up_loads_the_worker_in_the_thread_once(
    engine: Engine, inbox: Inbox, settings: fake_worker.Settings
) -> None:
    engine.warm_up()
    inbox.last(engine.submit(DetectorsRequest()))
    engine.warm_up()
    inbox.last(engine.submit(DetectorsRequest()))
    assert settings.log == ["load on engine for cpu"]


def test_the_focus_is_told_to_the_running_job(
    engine: Engine, inbox: Inbox, settings: fake_worker.Settings
) -> None:
    settings.gate = threading.Event()
    engine.focus(70)
    job = engine.submit(ANALYZE)
    settings.gate.set()
    inbox.last(job)
    firsts = [e.first for e in inbox.of(job) if isinstance(e, SegmentAnalyzed)]
    assert firsts[0] == 60
    assert sorted(firsts) == [0, 20, 40, 60, 80]


def test_stop_cancels_closes_joins_and_refuses(settings: fake_worker.Settings, inbox: Inbox) -> None:
    settings.gate = threading.Event()
    engine = Engine(inbox, worker="fake_worker")
    running = engine.submit(ANALYZE)
    waiting = engine.submit(EXPLAIN)
    started = time.monotonic()
    assert engine.stop(5)
    assert time.monotonic() - started < 1.0
    for job in (running, waiting):
        last = inbox.of(job)[-1]
        assert isinstance(last, Failed)
        assert isinstance(last.error, CancelledError)
    with pytest.raises(RuntimeError, match="stopped"):
        engine.submit(EXPLAIN)
    assert engine.stop(1)


def test_the_device_is_told_while_a_job_runs(engine: Engine, inbox: Inbox) -> None:
    job = engine.submit(ANALYZE)
    inbox.last(job)
    assert any(isinstance(e, DeviceStatus) and e.job == job for e in inbox.events)


def test_importing_the_engine_imports_neither_torch_nor_qt() -> None:
    code = (
        "import sys, engine.runtime.engine, engine.runtime.protocol;"
        "print([m for m in ('torch', 'timm', 'PySide6') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux only")
def test_an_engine_behind_a_window_gives_way_and_hands_that_on(settings: fake_worker.Settings) -> None:
    seen: set[int] = set()

    def deliver(event: Event) -> None:
        child = threading.Thread(target=lambda: seen.add(niceness()))
        child.start()
        child.join()
        seen.add(niceness())
        if isinstance(event, Finished):
            ended.set()

    ended = threading.Event()
    engine = Engine(deliver, "cpu", worker="fake_worker", stands_back=True)
    engine.submit(DetectorsRequest())
    assert ended.wait(60)
    assert engine.stop(60)
    assert seen == {max(10, niceness())}, "also where the tests themselves give way"


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux only")
def test_a_thread_that_gives_way_already_takes_nothing_back() -> None:
    seen: list[int] = []

    def work() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        stand_back()
        seen.append(niceness())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [19]


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
