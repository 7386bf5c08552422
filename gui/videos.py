"""What the window knows of one opened video. GUI thread only; plain data, no signals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import TellframeError
from engine.evaluation.calibration.answer import Abstention, Ratio, ratio_of
from engine.evaluation.calibration.conditions import evidence_of
from engine.evaluation.intervals import hidden_stretches
from engine.progress import Progress
from engine.results import DetectorInfo, Mark, VideoIdentity, excluded_words
from gui.edits import EditStack
from gui.results_model import ResultsModel

if TYPE_CHECKING:
    from engine.video.media import FirstLook, Media


class VideoStatus(StrEnum):
    OPENING = "opening"
    READY = "ready"
    FAILED = "failed"


class AnalysisState(StrEnum):
    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    DONE = "done"
    FAILED = "failed"

    @property
    def active(self) -> bool:
        """Whether a job of the engine stands behind it."""
        return self in (AnalysisState.QUEUED, AnalysisState.RUNNING, AnalysisState.CANCELLING)


@dataclass
class Analysis:
    """The latest analysis of one video.

    Attributes:
        state: where it stands.
        progress: how far it has come; None before the first report.
        error: why it failed.
        job: id of the engine's job while active.
        detector_id: what scores.
        first, last: the asked range, inclusive; last None for the end.
        people: the asked faces, None for all.
        every: each n-th frame is scored.
    """

    state: AnalysisState = AnalysisState.IDLE
    progress: Progress | None = None
    error: TellframeError | None = None
    job: int | None = None
    detector_id: str = ""
    first: int = 0
    last: int | None = None
    people: tuple[int, ...] | None = None
    every: int = 1


@dataclass(frozen=True)
class Verdict:
    """The chip of a video in the case list. `level` is none, busy, low, high or error; the text says it too."""

    text: str
    level: str
    detail: str


@dataclass(eq=False)
class OpenVideo:
    """One video of the case.

    Attributes:
        path, name: of the file; the name is what lists show.
        status: whether it can be looked at.
        opening: progress of opening, None when that is over.
        hashing: progress of hashing, None when that is over.
        error: why it could not be opened.
        look: its first frame, while it is opened and until a frame of the opened video is on the screen.
        media: the opened video, None unless READY.
        identity: with the SHA-256; None until hashed.
        frame: the playhead.
        in_point, out_point: the chosen range, inclusive; None for the start and the end.
        marks: of the reviewer, by first frame.
        excluded: names of the prototypes that have no say, by the SHA-256 of their weights.
        edits: undo stack of the marks and of what is excluded.
        results: by detector id.
        hidden: ids of the faces that the user does not want to see.
        analysis: the latest one.
    """

    path: Path
    changed: Callable[[OpenVideo], None]
    """Called after an edit."""
    status: VideoStatus = VideoStatus.OPENING
    opening: Progress | None = None
    hashing: Progress | None = None
    error: TellframeError | None = None
    look: FirstLook | None = None
    media: Media | None = None
    identity: VideoIdentity | None = None
    frame: int = 0
    in_point: int | None = None
    out_point: int | None = None
    marks: tuple[Mark, ...] = ()
    excluded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    results: dict[str, ResultsModel] = field(default_factory=dict)
    hidden: frozenset[int] = frozenset()
    analysis: Analysis = field(default_factory=Analysis)
    edits: EditStack = field(init=False)

    def __post_init__(self) -> None:
        self.edits = EditStack(self, lambda: self.changed(self))

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def frames(self) -> int:
        """Number of frames, 0 until opened."""
        return len(self.media.index) if self.media else 0

    def wholly_analysed(self, detector_id: str) -> bool:
        """Whether all frames and all faces went through a detector."""
        results = self.results.get(detector_id)
        if results is None or results.final is None:
            return False
        return self.analysis.people is None and results.share_analysed == 1

    def likelihood(self, detector: DetectorInfo, *, stored: bool = False) -> Ratio | Abstention | None:
        """The likelihood ratio under a detector, or why there is none; None before the end or without a face.

        Args:
            stored: of the scores as the detector gave them, whatever prototypes are excluded.
        """
        results = self.results.get(detector.id)
        if results is None or results.final is None or results.stored is None or self.media is None:
            return None
        if not self.wholly_analysed(detector.id):
            return Abstention(
                "only a part of the video was analysed, and the calibration is of whole videos",
                "only a part was analysed",
            )
        seconds, final = self.media.index.seconds, results.stored if stored else results.final
        hidden = hidden_stretches(final.scores, seconds) if stored else results.hidden_stretches(seconds)
        return ratio_of(detector.card, final.tracks, final.scores, hidden, evidence_of(self.media))

    def verdict(self, detector_id: str, threshold: float) -> Verdict:
        """What the case list says of the video in a word or two. A score is not a finding."""
        if self.status is VideoStatus.FAILED:
            return Verdict("Cannot be opened", "error", str(self.error))
        if self.status is VideoStatus.OPENING:
            return Verdict("Opening…", "busy", "The video is being opened")
        analysis, results = self.analysis, self.results.get(detector_id)
        if analysis.state is AnalysisState.FAILED:
            return Verdict("Analysis failed", "error", str(analysis.error))
        probability = results.running_probability if results else None
        if probability is None or math.isnan(probability):
            if analysis.state is AnalysisState.QUEUED:
                return Verdict("Waiting…", "busy", "The analysis waits for its turn")
            if analysis.state.active:
                return Verdict("Analysing…", "busy", "No face has been scored yet")
            if results is not None and results.done:  # a model without a face is empty, and so false
                return Verdict("No face", "none", " ".join(results.warnings) or "No face was found")
            return Verdict("Not analysed", "none", "No detector has run on this video")
        high = probability >= threshold
        without = excluded_words(len(results.excluded)) if results and results.excluded else ""
        short = "*" if without else ""
        hidden = results.hidden_stretches(self.media.index.seconds) if results and self.media else ()
        if hidden and not high:
            told = " ".join(found.words() + "." for found in hidden) + (f" {without}." if without else "")
            return Verdict(f"{probability:.2f} partly high{short}", "high", told)
        so_far = " so far" if results and not results.done else ""
        return Verdict(
            f"{probability:.2f} {'suspicious' if high else 'low'}{short}",
            "high" if high else "low",
            f"Fake probability {probability:.3f}{so_far} by {detector_id}{f', {without}' if without else ''}, "
            f"threshold {threshold:.2f}. A score is not a finding.",
        )
