"""What crosses the border of the engine thread: requests go in, events come out. All frozen, no tensors.

The window and the command line use the same requests. An `Engine` (engine.runtime.engine) gives every request an
id; every event carries the id of its request, so that stale answers can be dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType

from engine.detectors.foreign.description import Description
from engine.detectors.foreign.settings import ModelSettings
from engine.errors import TellframeError
from engine.progress import Progress
from engine.results import DetectorInfo, ExplainerInfo, Explanation, FaceTrack, Scores, VideoIdentity, empty


class Priority(IntEnum):
    """Lower goes first. A job of higher priority interrupts a lower one between two of its steps."""

    VISIBLE = 0
    USER = 1
    ANALYSIS = 2
    BACKGROUND = 3


@dataclass(frozen=True, slots=True)
class AnalyzeRequest:
    """Find faces and score them.

    Attributes:
        video: the evidence (a video, a still, or a folder or pattern of stills).
        detector_id: one detector; several are several requests, which share the stored faces.
        case: the case file that keeps the results, None to keep them in memory only.
        every: score each n-th frame, counted from frame 0.
        first, last: inclusive range of frames, last None for the end.
        people: score only these faces, by their ids as an analysis of all that is known of the video gives them;
            None for all. The others are told without scores.
        device: auto, cpu or cuda.
        precision: auto (bf16 where the device is faster with it), float32 or bf16.
        engine: torch or onnxruntime, which computes the scores of our detectors; the latter on a CPU, in float32.
    """

    video: Path
    detector_id: str
    case: Path | None = None
    every: int = 1
    first: int = 0
    last: int | None = None
    people: tuple[int, ...] | None = None
    device: str = "auto"
    precision: str = "auto"
    engine: str = "torch"


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """Explain the score of one track (None: of every track) on some frames; an ExplanationMade per track.

    Attributes:
        engine: as of an AnalyzeRequest; an explainer that looks into the network has torch's whatever it says.
        settings: of the explainer, as values or as text; what is left out is as its explainer has it by default.
        stored: tell what is kept from before and make nothing.
        at_once: tell of each frame when its maps are there, an ExplanationMade per frame and track; those of an
            explainer that takes all crops of a face together are told at the end all the same.
        growing: tell of maps that are estimated from samples on the way, too: ExplanationGrew.
    """

    video: Path
    detector_id: str
    explainer_id: str
    frames: tuple[int, ...]
    track_id: int | None = None
    case: Path | None = None
    device: str = "auto"
    precision: str = "auto"
    engine: str = "torch"
    settings: Mapping[str, object] = field(default_factory=empty)
    stored: bool = False
    at_once: bool = False
    growing: bool = False


@dataclass(frozen=True, slots=True)
class DetectorsRequest:
    """List the detectors; answered with DetectorsListed.

    Attributes:
        models: paths of foreign models to be tried and then known by their ids, though they were not imported.
    """

    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportWeightsRequest:
    """Check a folder with model.safetensors and card.toml and copy it to the user's weights; DetectorsListed."""

    folder: Path


@dataclass(frozen=True, slots=True)
class DescribeModelRequest:
    """Look at a foreign model without running it; answered with ModelDescribed."""

    path: Path


@dataclass(frozen=True, slots=True)
class ImportModelRequest:
    """Try a foreign model with these settings and copy it to the user's weights; DetectorsListed."""

    path: Path
    settings: ModelSettings


Request = (
    AnalyzeRequest
    | ExplainRequest
    | DetectorsRequest
    | ImportWeightsRequest
    | DescribeModelRequest
    | ImportModelRequest
)


@dataclass(frozen=True, slots=True)
class Progressed:
    job: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know although the work goes on (fallback to the CPU, smaller batches)."""

    job: int
    text: str


@dataclass(frozen=True, slots=True)
class SegmentAnalyzed:
    """Faces and scores of one stretch of frames [first, last].

    Attributes:
        video: identity of the evidence as hashed.
        tracks: the parts of all tracks inside the stretch, under ids that are provisional until AnalysisDone.
        joined: provisional ids that turned out to be the same person: {old id: id that stays}.
        scores: one per track that was scored, its spans inside the stretch.
        resumed: whether it came from the case file instead of being computed now.
    """

    job: int
    video: VideoIdentity
    detector_id: str
    first: int
    last: int
    tracks: tuple[FaceTrack, ...]
    scores: tuple[Scores, ...]
    joined: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class AnalysisDone:
    """All asked frames are scored; ids are final and replace every provisional one.

    Attributes:
        fake_probability: maximum over tracks of the track's mean; None without a scored face.
        warnings: what limits the result (no face, faces under 40 px, damaged frames, ...).
    """

    job: int
    video: VideoIdentity
    detector_id: str
    tracks: tuple[FaceTrack, ...]
    scores: tuple[Scores, ...]
    fake_probability: float | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExplanationMade:
    job: int
    video: VideoIdentity
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class ExplanationGrew:
    """What the samples so far say, about twice a second; ExplanationMade replaces it.

    These samples are stored already: whenever the job ends, the next one like it goes on from them.

    Attributes:
        explanation: of the frames that grow, with standard errors and the cost in all runs.
        samples, most: how many were asked for so far, and how many there will be at most.
    """

    job: int
    explanation: Explanation
    samples: int
    most: int


@dataclass(frozen=True, slots=True)
class DetectorsListed:
    """`brought` are the ids of the models of the request."""

    job: int
    detectors: tuple[DetectorInfo, ...]
    explainers: tuple[ExplainerInfo, ...] = ()
    brought: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelDescribed:
    """What a foreign model says of itself, and how it is fed and read if that stands beside it or inside it."""

    job: int
    description: Description
    settings: ModelSettings | None


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """Where the work runs. Sent when it changes and about once a second while a job runs.

    Attributes:
        device: as the user reads it ("CPU, 2 threads, bf16", "NVIDIA H200").
        memory_used, memory_total: bytes, of the GPU, or of this process and the machine on a CPU.
    """

    job: int
    device: str
    memory_used: int
    memory_total: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The job is over and has said all it had to say."""

    job: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The job is over; `error` is one clear line, `details` a traceback when the fault is ours."""

    job: int
    error: TellframeError
    details: str = ""


Event = (
    Progressed
    | Notice
    | SegmentAnalyzed
    | AnalysisDone
    | ExplanationMade
    | ExplanationGrew
    | DetectorsListed
    | ModelDescribed
    | DeviceStatus
    | Finished
    | Failed
)
