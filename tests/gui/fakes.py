"""Stand-ins that need no torch and no file: a worker for the real engine thread, a medium, and a frame server.

The worker is found by its dotted name: `Engine(deliver, worker="fakes")`. Two faces in every video: face 0 on the
left over the whole length, suspicious in the middle third; face 1 on the right, in the first half only, never
suspicious. Ids are provisional (10 and 11) until the analysis is done.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from engine.errors import FrameUnavailableError, TellframeError, VideoError, WeightsError
from engine.progress import CancelToken, Progress, ProgressCallback
from engine.results import (
    Cost,
    DetectorInfo,
    ExplainerInfo,
    Explanation,
    FaceTrack,
    Provenance,
    Scores,
    SettingInfo,
    VideoIdentity,
    canonical,
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
from engine.video.facts import MediaFacts, VideoFacts
from engine.video.frame import Frame
from engine.video.index import make_index

PROVENANCE = Provenance("frame-mobile", "ab" * 32, {}, "CPU", "float32", {})
EXPLAINERS = (
    ExplainerInfo("gradcam", signed=True, slow=False),
    ExplainerInfo("attention", signed=True, slow=False),
    ExplainerInfo(
        "kernel-shap",
        signed=True,
        slow=True,
        settings={"frame-mobile": (SettingInfo("samples", 2000, "coalitions at most", "whole", 2, 1_000_000),)},
    ),
)
SEGMENT = 25
WIDTH, HEIGHT = 320, 180


@dataclass
class Switches:
    """How the fake worker behaves; `reset` before each test.

    Attributes:
        delay: seconds per step.
        fail: raised by every analysis after its first stretch.
        fail_explaining: raised by every explanation.
        frames: length of every video.
        asked: every request that reached the worker.
        kept: (explainer, settings, frame) of the maps that were made, as a case keeps them.
    """

    delay: float = 0.0
    fail: TellframeError | None = None
    fail_explaining: TellframeError | None = None
    frames: int = 100
    trained: bool = True
    asked: list[Request] = field(default_factory=list)
    kept: set[tuple[str, str, int]] = field(default_factory=set)

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]


SWITCHES = Switches()


def detectors() -> tuple[DetectorInfo, ...]:
    problem = "" if SWITCHES.trained else "no weights were found"
    return (
        DetectorInfo(
            "frame-mobile",
            "MobileNetV2 per frame",
            "P002",
            SWITCHES.trained,
            "ab" * 32 if SWITCHES.trained else "",
            {},
            problem,
            ("gradcam", "attention", "kernel-shap"),
            "weights/frame-mobile",
        ),
        DetectorInfo(
            "frame-b4",
            "EfficientNet-B4 per frame",
            "P002",
            False,
            "",
            {},
            "no weights were found",
            ("gradcam",),
            "",
        ),
    )


def identity(path: Path) -> VideoIdentity:
    n = SWITCHES.frames
    return VideoIdentity(str(path), "cd" * 32, 1234, n, n / 25, False, WIDTH, HEIGHT, Fraction(1, 12800))


def probability(frame: int, track: int) -> float:
    middle = SWITCHES.frames // 3 <= frame < 2 * SWITCHES.frames // 3
    return 0.9 if track == 0 and middle else 0.2 - 0.1 * track


def box(track: int) -> tuple[float, float, float, float]:
    return (40.0, 40.0, 120.0, 140.0) if track == 0 else (200.0, 50.0, 280.0, 150.0)


def part(track: int, first: int, last: int, as_id: int) -> FaceTrack:
    frames = np.arange(first, last + 1)
    n = len(frames)
    boxes = np.tile(np.array(box(track), np.float32), (n, 1))
    return FaceTrack(
        as_id,
        frozen(frames),
        frozen(boxes),
        frozen(np.zeros((n, 5, 2), np.float32)),
        frozen(np.ones(n, np.float32)),
        frozen(np.ones(n, np.bool_)),
        frozen(boxes),
    )


def scores(track: int, first: int, last: int, as_id: int, detector_id: str, every: int = 1) -> Scores:
    frames = np.array([f for f in range(first, last + 1) if f % every == 0], np.int64)
    values = np.array([probability(int(f), track) for f in frames], np.float32)
    spans = np.stack([frames, frames], axis=1)
    return Scores(detector_id, as_id, frozen(spans), frozen(values), frozen(values), PROVENANCE)


class FakeWorker:
    """See engine.runtime.jobs.Worker."""

    def run(self, request: Request, job: JobContext) -> Steps:
        SWITCHES.asked.append(request)
        match request:
            case DetectorsRequest():
                yield DetectorsListed(job.id, detectors(), EXPLAINERS)
            case ImportWeightsRequest():
                raise WeightsError(
                    "The weights have the wrong shape", advice="Train them again", file=request.folder
                )
            case AnalyzeRequest():
                yield from self._analyze(request, job)
            case ExplainRequest():
                yield from self._explain(request, job)

    def device_status(self, job: int) -> DeviceStatus:
        return DeviceStatus(job, "CPU, 2 threads", 512 << 20, 8 << 30)

    def close(self) -> None:
        """Nothing to let go of."""

    def _analyze(self, request: AnalyzeRequest, job: JobContext) -> Iterator[Event | None]:
        name = identity(request.video)
        end = name.frames - 1 if request.last is None else request.last
        for first in range(request.first, end + 1, SEGMENT):
            yield from _wait(job)
            last = min(first + SEGMENT - 1, end)
            tracks, made = self._stretch(request, first, last, provisional=True)
            yield SegmentAnalyzed(job.id, name, request.detector_id, first, last, tracks, made)
            yield Progressed(job.id, Progress("Scoring", last + 1, end + 1, "frames", 1.0))
            if SWITCHES.fail is not None:
                raise SWITCHES.fail
        tracks, made = self._stretch(request, request.first, end, provisional=False)
        best = max((float(s.fake_probability.mean()) for s in made), default=None)
        yield AnalysisDone(job.id, name, request.detector_id, tracks, made, best, ())

    def _stretch(
        self, request: AnalyzeRequest, first: int, last: int, *, provisional: bool
    ) -> tuple[tuple[FaceTrack, ...], tuple[Scores, ...]]:
        tracks, made = [], []
        for track, until in ((0, SWITCHES.frames - 1), (1, SWITCHES.frames // 2 - 1)):
            if first > until or (request.people is not None and track not in request.people):
                continue
            number = track + 10 if provisional else track
            tracks.append(part(track, first, min(last, until), number))
            made.append(scores(track, first, min(last, until), number, request.detector_id, request.every))
        return tuple(tracks), tuple(made)

    def _explain(self, request: ExplainRequest, job: JobContext) -> Iterator[Event | None]:
        yield from _wait(job)
        if SWITCHES.fail_explaining is not None:
            raise SWITCHES.fail_explaining
        settings = canonical(request.settings)
        for part in [(frame,) for frame in request.frames] if request.at_once else [request.frames]:
            keys = {(request.explainer_id, settings, frame) for frame in part}
            if request.stored:
                part = tuple(frame for _, _, frame in sorted(keys & SWITCHES.kept))
                if not part:
                    continue
            elif request.explainer_id == "kernel-shap":
                yield Progressed(
                    job.id, Progress("Explaining", 1, 4, "samples", 12.0, "standard error up to 0.100")
                )
                yield from _wait(job)
            SWITCHES.kept |= keys
            yield from (self._made(request, job, track, part) for track in (0, 1))

    def _made(
        self, request: ExplainRequest, job: JobContext, track: int, frames: tuple[int, ...]
    ) -> ExplanationMade:
        x0, y0, x1, y1 = box(track)
        values = fake_map(request.explainer_id)
        affine = np.array([[(x1 - x0) / 7, 0, x0], [0, (y1 - y0) / 7, y0]], np.float32)
        n, slow = len(frames), request.explainer_id == "kernel-shap"
        explanation = Explanation(
            request.explainer_id,
            request.detector_id,
            track,
            frozen(np.array(frames, np.int64)),
            frozen(np.array(frames, np.int64) * 512),
            frozen(np.repeat(values[None], n, axis=0)),
            frozen(np.repeat(affine[None], n, axis=0)),
            frozen(np.full(n, 1.5, np.float32)),
            True,
            PROVENANCE,
            Cost(frozen(np.full(n, 2002)), frozen(np.full(n, 41.5, np.float32))) if slow else None,
            frozen(np.full((n, 7, 7), 0.1, np.float32)) if slow else None,
        )
        return ExplanationMade(job.id, identity(request.video), explanation)


def fake_map(explainer_id: str) -> np.ndarray:
    """(7, 7) float32; that of kernel-shap is the others' turned around."""
    values = np.linspace(-1, 1, 49, dtype=np.float32).reshape(7, 7)
    return values[::-1, ::-1] * 2 if explainer_id == "kernel-shap" else values


def _wait(job: JobContext) -> Iterator[None]:
    """Take `delay` seconds, in short steps that can be cancelled."""
    end = time.monotonic() + SWITCHES.delay
    while time.monotonic() < end:
        job.token.check()
        time.sleep(0.005)
        yield None
    job.token.check()


def create_worker(device: str) -> FakeWorker:
    return FakeWorker()


def pixels(index: int) -> np.ndarray:
    """A picture that tells its number: the mean of its red is `index` modulo 256."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[..., 0] = index % 256
    picture[..., 1] = np.arange(WIDTH) % 256
    picture[..., 2] = (np.arange(HEIGHT) % 256)[:, None]
    return frozen(picture)


class FakeMedia:
    """A medium of SWITCHES.frames frames at 25 per second; frame 13 is damaged."""

    def __init__(self, path: Path) -> None:
        n = SWITCHES.frames
        self.path = path
        key = np.arange(n) % 10 == 0
        numbers = np.arange(n)
        self.index = make_index(
            numbers * 512, Fraction(1, 12800), stamp=numbers * 512, key=key, rank=numbers, last_duration=512
        )
        self.width, self.height = WIDTH, HEIGHT
        self.damaged = (13,)
        self.closed = False
        stream = VideoFacts(
            0, "h264", "High", "3.1", "yuv420p", 8, WIDTH, HEIGHT, 0, False, "limited", "BT.709", "BT.709",
            "BT.709", "", Fraction(1, 12800), Fraction(25), "progressive", False, Fraction(1), 0, "", {},
        )  # fmt: skip
        self.facts = MediaFacts("mov,mp4", 1234, n / 25, 0, "", "", {}, (stream,), (), (), 0)

    def warnings(self) -> tuple[str, ...]:
        return ()

    def frame(self, index: int) -> Frame:
        if index in self.damaged:
            raise FrameUnavailableError(
                "This frame is damaged", advice="Go to another frame", file=self.path, frame=index
            )
        return Frame(index, index * 512, index / 25, pixels(index))

    def identity(
        self, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
    ) -> VideoIdentity:
        return identity(self.path)

    def reader(self, *, stepping: bool = False) -> "FakeReader":
        return FakeReader(self)

    def close(self) -> None:
        self.closed = True


class FakeReader:
    def __init__(self, media: FakeMedia) -> None:
        self._media = media

    def read(self, index: int) -> Frame:
        return self._media.frame(index)

    def close(self) -> None:
        """Nothing to close."""


@dataclass(frozen=True)
class FakeDelivery:
    requested: int
    frame: Frame | None
    exact: bool
    error: TellframeError | None


class FakeServer:
    """Answers at once, or only when `answer` is called if `held`."""

    def __init__(self, media: FakeMedia, deliver: Callable[[FakeDelivery], None], cache_bytes: int) -> None:
        self.media, self._deliver = media, deliver
        self.held = False
        self.requests: list[tuple[int, bool]] = []
        self.directions: list[int] = []
        self.closed = False

    def request(self, index: int, *, dragging: bool = False) -> None:
        self.requests.append((index, dragging))
        if not self.held:
            self.answer(index)

    def answer(self, index: int, *, key_frame: bool = False) -> None:
        shown = index // 10 * 10 if key_frame else index
        try:
            self._deliver(FakeDelivery(index, self.media.frame(shown), not key_frame, None))
        except FrameUnavailableError as error:
            self._deliver(FakeDelivery(index, None, False, error))

    def play(self, first: int, direction: int) -> None:
        self.directions.append(direction)

    def stop(self) -> None:
        self.directions.append(0)

    def cached_ranges(self) -> list[tuple[int, int]]:
        return [(0, 9)]

    def close(self) -> None:
        self.closed = True


def open_fake(path: Path, cancel: CancelToken, progress: ProgressCallback) -> FakeMedia:
    """As open_media: names that begin with "bad" cannot be opened."""
    if path.name.startswith("bad"):
        raise VideoError("The file holds no video", advice="Choose a video file", file=path)
    return FakeMedia(path)
