"""A session without an engine and without files: results, marks and pictures made by hand for views to show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.results import (
    Cost,
    DetectorInfo,
    Explanation,
    FaceTrack,
    Mark,
    Provenance,
    Scores,
    VideoIdentity,
    frozen,
)
from engine.runtime.protocol import (
    AnalysisDone,
    DetectorsListed,
    Event,
    ExplanationGrew,
    ExplanationMade,
    Finished,
    Progressed,
    Request,
    SegmentAnalyzed,
)
from engine.video.facts import AudioFacts, MediaFacts, VideoFacts
from engine.video.frame import Frame
from engine.video.index import FrameIndex, make_index
from gui.session import Session
from gui.settings import Settings

NAME = "interview_2024-03-01.mp4"
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def make_frame_index(frames: int, rate: int = 25, keys: int = 50) -> FrameIndex:
    numbers = np.arange(frames)
    return make_index(
        pts=numbers, stamp=numbers, key=numbers % keys == 0, rank=numbers, time_base=Fraction(1, rate)
    )


class StillReader:
    """Each frame is a gradient whose brightness follows its number."""

    def __init__(self, media: FakeMedia) -> None:
        self._media = media

    def read(self, index: int) -> Frame:
        media = self._media
        y, x = np.mgrid[0 : media.height, 0 : media.width]
        shade = 40 + index * 7 % 80
        pixels = np.stack((x * 120 // media.width + shade, y * 90 // media.height + 50, x * 0 + 90), axis=2)
        return Frame(
            index, int(media.index.pts[index]), media.index.seconds(index), frozen(pixels.astype(np.uint8))
        )

    def close(self) -> None: ...


class FakeMedia:
    def __init__(
        self, path: Path, frames: int = 500, warnings: tuple[str, ...] = (), index: FrameIndex | None = None
    ) -> None:
        self.path = path
        self.index = index or make_frame_index(frames)
        self.width, self.height = 640, 360
        self.damaged: tuple[int, ...] = ()
        self._warnings = warnings
        stream = VideoFacts(
            number=0, codec="H.264 / AVC / MPEG-4 AVC / MPEG-4 part 10", profile="High", level="40",
            pixel_format="yuv420p", bit_depth=8, width=640, height=360, rotation=0, mirrored=False,
            colour_range="limited", colour_matrix="BT.709", colour_primaries="BT709", colour_transfer="BT709",
            colour_assumed="", time_base=self.index.time_base, average_rate=Fraction(25),
            field_order="progressive",
            interlaced=False, pixel_aspect=Fraction(1), bit_rate=2_400_000, language="und", metadata={},
        )  # fmt: skip
        audio = AudioFacts(1, "AAC (Advanced Audio Coding)", 48000, 2, "stereo", "und")
        self.facts = MediaFacts(
            "QuickTime / MOV (mov,mp4,m4a,3gp,3g2,mj2)", 6_123_456, self.index.duration, 2_500_000,
            "2024-03-01T10:22:31.000000Z", "Lavf58.76.100", {}, (stream,), (audio,), (), 0,
        )  # fmt: skip

    def warnings(self) -> tuple[str, ...]:
        return self._warnings

    def reader(self, *, stepping: bool = False) -> StillReader:
        return StillReader(self)

    def identity(self, cancel: Any = None, progress: Any = None) -> VideoIdentity:
        index = self.index
        digest = SHA if self.path.name == NAME else hashlib.sha256(self.path.name.encode()).hexdigest()
        return VideoIdentity(
            str(self.path), digest, 6_123_456, len(index), index.duration, index.variable_rate,
            self.width, self.height, index.time_base,
        )  # fmt: skip

    def verify_unchanged(self) -> None: ...

    def close(self) -> None: ...


class FakeServer:
    """Delivers at once, on the thread that asks."""

    def __init__(self, media: FakeMedia, deliver: Callable[[Any], None], cache_bytes: int) -> None:
        self._reader, self._deliver = media.reader(), deliver
        self.requests: list[tuple[int, bool]] = []
        self.ranges: list[tuple[int, int]] = [(0, 60)]

    def request(self, index: int, *, dragging: bool = False) -> None:
        self.requests.append((index, dragging))
        self._deliver(SimpleNamespace(requested=index, frame=self._reader.read(index), exact=True, error=None))

    def play(self, first: int, direction: int) -> None: ...

    def stop(self) -> None: ...

    def cached_ranges(self) -> list[tuple[int, int]]:
        return self.ranges

    def close(self) -> None: ...


class QuietEngine:
    """Takes requests and keeps them; the test says what comes back."""

    def __init__(self, deliver: Callable[[Event], None], device: str) -> None:
        self.deliver = deliver
        self.requests: dict[int, Request] = {}
        self.cancelled: list[int] = []

    def submit(self, request: Request, priority: Any) -> int:
        self.requests[len(self.requests) + 1] = request
        return len(self.requests)

    def cancel(self, job: int) -> None:
        self.cancelled.append(job)

    def focus(self, frame: int) -> None: ...

    def warm_up(self) -> None: ...

    def stop(self, timeout: float) -> None: ...

    def last(self, kind: type) -> int:
        """Number of the latest job of a kind."""
        return max(job for job, request in self.requests.items() if isinstance(request, kind))


CARD = {
    "id": "frame-mobile", "architecture": "MobileNetV2 1.0", "size": 224, "margin": 0.0,
    "classes": ["real", "fake"],
    "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "sha256": SHA, "date": "2026-11-20",
    "trustworthy": False, "trust_reason": "The lower end of the interval on unseen methods is under 0.7.",
    "training": {"data": ["LFW stills (research use)", "pseudo-fakes made here"], "seed": 7},
    "measures": [
        {"protocol": "dev", "data": "unseen methods", "metric": "video AUC", "value": 0.712, "low": 0.623,
         "high": 0.794, "n_real": 40, "n_fake": 50, "date": "2026-11-20"},
        {"protocol": "dev", "data": "seen tool", "metric": "video AUC", "value": 0.831, "low": 0.742,
         "high": 0.901, "n_real": 40, "n_fake": 30, "date": "2026-11-20"},
    ],
    "limits": {"faces": "Under 40 px they are not scored reliably.", "not_for": "Proof by itself."},
}  # fmt: skip


def make_detector(detector_id: str = "frame-mobile", *, trained: bool = True) -> DetectorInfo:
    names = {"frame-mobile": "MobileNetV2, compact", "frame-b4": "EfficientNet-B4"}
    return DetectorInfo(
        detector_id,
        names.get(detector_id, detector_id),
        "Paper 002",
        trained,
        SHA if trained else "",
        CARD if trained else {},
        "" if trained else "No weights were found in weights/frame-b4",
        ("gradcam",),
        f"weights/{detector_id}",
    )


def provenance(component: str = "frame-mobile") -> Provenance:
    return Provenance(component, SHA, {"layer": "last"}, "cpu", "float32", {"torch": "2.14.1"})


def make_track(track_id: int, frames: np.ndarray, x: float = 200.0) -> FaceTrack:
    box = np.array([x, 90, x + 110, 220], np.float32)
    count = len(frames)
    boxes = frozen(np.repeat(box[None], count, 0))
    return FaceTrack(
        track_id,
        frozen(frames.astype(np.int64)),
        boxes,
        frozen(np.zeros((count, 5, 2), np.float32)),
        frozen(np.full(count, 0.99, np.float32)),
        frozen(np.ones(count, np.bool_)),
        boxes,
    )


def make_scores(track_id: int, frames: np.ndarray, values: np.ndarray) -> Scores:
    frames, values = frames.astype(np.int64), values.astype(np.float32)
    logits = np.log(np.clip(values, 1e-6, 1 - 1e-6) / np.clip(1 - values, 1e-6, 1)).astype(np.float32)
    spans = frozen(np.column_stack((frames, frames)))
    return Scores("frame-mobile", track_id, spans, frozen(values), frozen(logits), provenance())


def suspicious_curve(frames: int, centre: float, seed: int) -> np.ndarray:
    """A low and noisy curve with one high stretch around `centre` (a share of the length)."""
    rng = np.random.default_rng(seed)
    at = np.linspace(0, 1, frames)
    curve = 0.18 + 0.66 * np.exp(-(((at - centre) / 0.07) ** 2)) + 0.05 * np.sin(at * 40)
    return np.clip(curve + rng.normal(0, 0.05, frames), 0.01, 0.99).astype(np.float32)


class Scene:
    """A session with one opened video, and the other ends of its wires."""

    def __init__(self, folder: Path, frames: int = 500, **media: Any) -> None:
        self.engine: QuietEngine
        self.frames = frames
        self.media_arguments = media
        self.settings = Settings(folder / "settings.ini")
        self.settings.change(play_on_open=False, analyse_on_open=False)
        self.session = Session(
            self.settings, make_engine=self._make_engine, open_media=self._open, make_server=FakeServer
        )
        self.session.start()
        self.folder = folder

    def _make_engine(self, deliver: Callable[[Event], None], device: str) -> Any:
        self.engine = QuietEngine(deliver, device)
        return self.engine

    def _open(self, path: Path, cancel: Any, progress: Any) -> Any:
        return FakeMedia(path, self.frames, **self.media_arguments)

    def send(self, event: Event) -> None:
        """As if the engine had sent it, but at once."""
        self.session._on_event(event)

    def list_detectors(self, *detectors: DetectorInfo) -> None:
        job = next(job for job, r in self.engine.requests.items() if type(r).__name__ == "DetectorsRequest")
        self.send(DetectorsListed(job, detectors or (make_detector(), make_detector("frame-b4", trained=False))))

    def open(self, qtbot: Any, name: str = NAME) -> None:
        path = self.folder / name
        self.session.open([path])
        qtbot.waitUntil(lambda: self.session.media is not None and self.session.identity is not None)

    @property
    def identity(self) -> VideoIdentity:
        assert self.session.identity is not None
        return self.session.identity

    def analyse(self) -> int:
        """Start an analysis; its job."""
        self.session.start_analysis()
        assert self.session.current is not None
        assert self.session.current.analysis.job is not None
        return self.session.current.analysis.job

    def segment(self, job: int, first: int, last: int, *people: tuple[FaceTrack, Scores]) -> None:
        tracks = tuple(track for track, _ in people)
        scores = tuple(score for _, score in people)
        self.send(SegmentAnalyzed(job, self.identity, "frame-mobile", first, last, tracks, scores))

    def finish(self, job: int, *people: tuple[FaceTrack, Scores], warnings: tuple[str, ...] = ()) -> None:
        self.segment(job, 0, self.frames - 1, *people)
        scores = tuple(score for _, score in people)
        top = max((score.track_probability for score in scores), default=None)
        tracks = tuple(track for track, _ in people)
        self.send(AnalysisDone(job, self.identity, "frame-mobile", tracks, scores, top, warnings))
        self.send(Finished(job))

    def two_people(self) -> tuple[tuple[FaceTrack, Scores], ...]:
        """Face 1 everywhere but in a gap, Face 2 in the second half."""
        n = self.frames
        first = np.concatenate((np.arange(0, int(n * 0.3)), np.arange(int(n * 0.4), n)))
        second = np.arange(n // 2, int(n * 0.9))
        return (
            (make_track(0, first), make_scores(0, first, suspicious_curve(n, 0.7, 1)[first])),
            (make_track(1, second, 400), make_scores(1, second, suspicious_curve(n, 0.05, 2)[second])),
        )

    def explain(self, frame: int, track_id: int = 0, **changes: Any) -> None:
        """Answer the explanation that the session asked for last."""
        job = self.session._explanations._job
        assert job is not None
        self.explain_job(job, (frame,), track_id, **changes)

    def explain_job(self, job: int, frames: tuple[int, ...], track_id: int = 0, **changes: Any) -> None:
        """Answer a request for explanations; `changes` of the fields of what is told."""
        self.send(ExplanationMade(job, self.identity, replace(self.explanation(frames, track_id), **changes)))
        self.send(Finished(job))

    def grow_job(self, job: int, frames: tuple[int, ...], samples: int, most: int, **changes: Any) -> None:
        """Tell how a map of a request grows."""
        self.send(ExplanationGrew(job, replace(self.explanation(frames), **changes), samples, most))

    def explanation(self, frames: tuple[int, ...], track_id: int = 0) -> Explanation:
        """One blob for fake, one for real."""
        y, x = np.mgrid[-1:1:7j, -1:1:7j]
        blobs = np.exp(-3 * ((x - 0.2) ** 2 + y**2)) - 0.6 * np.exp(-4 * ((x + 0.6) ** 2 + (y - 0.5) ** 2))
        values = np.repeat(blobs[None], len(frames), axis=0)
        affine = np.array([[130 / 7, 0, 190], [0, 130 / 7, 90]], np.float32)
        numbers = frozen(np.array(frames, np.int64))
        return Explanation(
            "gradcam", "frame-mobile", track_id, numbers, numbers, frozen(values.astype(np.float32)),
            frozen(np.repeat(affine[None], len(frames), axis=0)), frozen(np.full(len(frames), 1.7, np.float32)),
            True, provenance("gradcam"),
            Cost(frozen(np.ones(len(frames), np.int64)), frozen(np.full(len(frames), 0.0212, np.float32))),
        )  # fmt: skip

    def mark(self, first: int, last: int, note: str) -> Mark:
        self.session.add_mark(first, last, note)
        return next(m for m in self.session.marks if (m.first, m.last, m.note) == (first, last, note))

    def progress(self, job: int, progress: Any) -> None:
        self.send(Progressed(job, progress))


def make_scenes(folder: Path) -> Iterator[Callable[..., Scene]]:
    """For a fixture: makes scenes and closes their sessions."""
    made: list[Scene] = []

    def make(frames: int = 500, **media: Any) -> Scene:
        made.append(Scene(folder, frames, **media))
        return made[-1]

    yield make
    for scene in made:
        scene.session.close()
