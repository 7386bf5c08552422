"""Scores of single crops of a segment: which are asked and were never made, and how they are made."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.detectors.base import Detector, Notify
from engine.faces.crops import crop_affines
from engine.faces.segments import FaceSegment
from engine.results import FloatArray, IntArray, Provenance, Scores
from engine.runtime.jobs import JobContext
from engine.runtime.pictures import PictureThread, Window, wait_for
from engine.runtime.tally import only, scores_of

Row = tuple[int, int, FloatArray, FloatArray]
"""A crop to be: frame, tracklet, box (4,), landmarks (5, 2)."""


@dataclass(frozen=True, slots=True)
class CropScoring:
    """See engine.runtime.analysis.Scoring. For the engine thread.

    Attributes:
        made_by: of all scores.
        asked: first and last frame of a segment -> the asked frames (N,) in it.
    """

    detector: Detector
    made_by: Provenance
    asked: Callable[[int, int], IntArray]
    notify: Notify
    reach: int = 0

    def plan(
        self,
        segment: FaceSegment,
        after: Sequence[FaceSegment],  # noqa: ARG002 - of the protocol: a crop needs no other segment
        chosen: Callable[[int], bool],
    ) -> "CropPlan":
        return CropPlan(self, segment, self.asked(segment.first, segment.last), chosen)

    def remarks(self) -> Sequence[str]:
        return ()


@dataclass(frozen=True, slots=True)
class CropPlan:
    """See engine.runtime.analysis.Plan."""

    scoring: CropScoring
    segment: FaceSegment
    frames: IntArray
    chosen: Callable[[int], bool]

    def wanted(self, scores: Scores) -> Scores:
        return only(scores, np.isin(scores.spans[:, 0], self.frames))

    def lacking(self, known: Mapping[int, Scores]) -> Sequence[Row]:
        """By frame."""
        rows: list[Row] = []
        for part in self.segment.parts():
            if self.chosen(part.id):
                have = known[part.id].spans[:, 0] if part.id in known else np.empty(0, np.int64)
                lacking = np.flatnonzero(np.isin(part.frames, self.frames) & ~np.isin(part.frames, have))
                rows += [(int(part.frames[at]), part.id, part.boxes[at], part.landmarks[at]) for at in lacking]
        return sorted(rows, key=lambda row: row[:2])

    def score(
        self, lacking: Sequence[Row], window: Window, pictures: PictureThread, job: JobContext
    ) -> Generator[None, None, list[Scores]]:
        detector = self.scoring.detector
        rows = [row for row in lacking if row[0] in window.frames]
        spec, batch = detector.crop_spec, detector.batch
        cut = []
        for at in range(0, len(rows), batch):
            part = rows[at : at + batch]
            affines = crop_affines([row[2] for row in part], [row[3] for row in part], spec)
            cut.append(pictures.crops(window, [row[0] for row in part], affines, spec.size))
        made = [np.empty(0, np.float32)]
        for future in cut:
            crops = yield from wait_for(future, job)
            made.append(detector.score_crops(crops, cancel=job.token, notify=self.scoring.notify))
            yield None
        logits = np.concatenate(made)
        frames, owners = np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.int64)
        return [
            scores_of(detector.id, int(n), frames[owners == n], logits[owners == n], self.scoring.made_by)
            for n in np.unique(owners)
        ]
