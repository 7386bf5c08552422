"""A worker without torch, for tests of the engine and of the window: `Engine(deliver, worker="fake_worker")`.

Set `SETTINGS` before a job starts; `reset()` puts it back.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from engine.errors import VideoError
from engine.progress import Progress
from engine.results import (
    DetectorInfo,
    Explanation,
    FaceTrack,
    Provenance,
    Scores,
    VideoIdentity,
    frozen,
)
from engine.runtime.jobs import JobContext, Steps
from engine.runtime.protocol import (
    AnalysisDone,
    AnalyzeRequest,
    DetectorsListed,
    DetectorsRequest,
    DeviceStatus,
    Event,
    ExplainRequest,
    ExplanationMade,
    ImportWeightsRequest,
    Progressed,
    Request,
    SegmentAnalyzed,
)


@dataclass
class Settings:
    step_seconds: float = 0.0
    frames: int = 100
    segment: int = 20
    fail_after: int | None = None
    """Number of segments after which an analysis raises `error`."""
    error: Exception = field(default_factory=lambda: VideoError("it broke", advice="Mend it"))
    refuse_to_load: Exception | None = None
    log: list[str] = field(default_factory=list)
    gate: threading.Event | None = None
    """When set, an analysis waits for it (looking at its token) before every segment."""


SETTINGS = Settings()


def reset() -> Settings:
    global SETTINGS
    SETTINGS = Settings()
    return SETTINGS


def create_worker(device: str) -> "FakeWorker":
    SETTINGS.log.append(f"load on {threading.current_thread().name} for {device}")
    if SETTINGS.refuse_to_load is not None:
        raise SETTINGS.refuse_to_load
    return FakeWorker()


def fake_track(first: int, last: int, number: int = 0) -> FaceTrack:
    frames = np.arange(first, last + 1, dtype=np.int64)
    n = len(frames)
    boxes = np.tile(np.array([40, 30, 140, 150], np.float32), (n, 1)) + np.float32(number * 160)
    landmarks = np.tile(
        np.array([[65, 75], [115, 75], [90, 100], [70, 120], [110, 120]], np.float32), (n, 1, 1)
    ) + np.float32(number * 160)
    return FaceTrack(
        number, frozen(frames), frozen(boxes), frozen(landmarks), frozen(np.full(n, 0.99, np.float32)),
        frozen(np.ones(n, bool)), frozen(boxes.copy()),
    )  # fmt: skip


def fake_scores(detector: str, first: int, last: int, number: int = 0) -> Scores:
    frames = np.arange(first, last + 1, dtype=np.int64)
    logits = (2 * np.sin(frames / 9)).astype(np.float32)
    return Scores(
        detector, number, frozen(np.stack([frames, frames], 1)), frozen(1 / (1 + np.exp(-logits))),
        frozen(logits), provenance(detector),
    )  # fmt: skip


def provenance(component: str) -> Provenance:
    return Provenance(component, "0" * 64, {}, "cpu", "float32", {})


class FakeWorker:
    def run(self, request: Request, job: JobContext) -> Steps:
        match request:
            case AnalyzeRequest():
                return self._analyze(request, job)
            case ExplainRequest():
                return self._explain(request, job)
            case DetectorsRequest() | ImportWeightsRequest():
                return self._list(job)

    def _analyze(self, request: AnalyzeRequest, job: JobContext) -> Iterator[Event | None]:
        settings = SETTINGS
        identity = _identity(request.video)
        firsts = list(range(0, settings.frames, settings.segment))
        done = 0
        try:
            while firsts:
                if settings.gate is not None:
                    while not settings.gate.wait(0.01):
                        job.token.check()
                if done == settings.fail_after:
                    raise settings.error
                first = min(firsts, key=lambda f: abs(f + settings.segment // 2 - job.focus()))
                firsts.remove(first)
                last = min(first + settings.segment, settings.frames) - 1
                time.sleep(settings.step_seconds)
                done += 1
                settings.log.append(f"job {job.id} segment {first}")
                yield Progressed(job.id, Progress("Analysing", done * settings.segment, settings.frames, "frames"))
                yield SegmentAnalyzed(
                    job.id, identity, request.detector_id, first, last,
                    (fake_track(first, last),), (fake_scores(request.detector_id, first, last),),
                )  # fmt: skip
            end = settings.frames - 1
            scores = fake_scores(request.detector_id, 0, end)
            yield AnalysisDone(
                job.id, identity, request.detector_id, (fake_track(0, end),), (scores,),
                scores.track_probability, (),
            )  # fmt: skip
        finally:
            settings.log.append(f"job {job.id} closed")

    def _explain(self, request: ExplainRequest, job: JobContext) -> Iterator[Event | None]:
        time.sleep(SETTINGS.step_seconds)
        SETTINGS.log.append(f"job {job.id} explain {request.frames}")
        n = len(request.frames)
        frames = np.array(request.frames, np.int64)
        ramp = np.linspace(-1, 1, 49, dtype=np.float32).reshape(1, 7, 7).repeat(n, 0)
        affine = np.tile(np.array([[100 / 7, 0, 40], [0, 120 / 7, 30]], np.float32), (n, 1, 1))
        explanation = Explanation(
            explainer_id=request.explainer_id,
            detector_id=request.detector_id,
            track_id=request.track_id or 0,
            frames=frozen(frames),
            pts=frozen(frames * 40),
            values=frozen(ramp),
            affine=frozen(affine),
            logits=frozen(np.zeros(n, np.float32)),
            signed=True,
            provenance=replace(provenance(request.explainer_id), settings=dict(request.settings)),
        )
        yield ExplanationMade(job.id, _identity(request.video), explanation)

    def _list(self, job: JobContext) -> Iterator[Event | None]:
        yield DetectorsListed(
            job.id,
            (
                DetectorInfo(
                    "frame-mobile", "MobileNetV2", "P002", True, "0" * 64, {}, "", ("gradcam",), "weights"
                ),
                DetectorInfo(
                    "frame-b4", "EfficientNet-B4", "P002", False, "", {}, "not trained", ("gradcam",), ""
                ),
            ),
        )

    def device_status(self, job: int) -> DeviceStatus:
        return DeviceStatus(job, "fake", 1, 2)

    def close(self) -> None:
        SETTINGS.log.append("close")


def _identity(path: object) -> VideoIdentity:
    return VideoIdentity(str(path), "a" * 64, 1000, SETTINGS.frames, SETTINGS.frames / 25, False, 640, 360,
                         Fraction(1, 1000))  # fmt: skip
