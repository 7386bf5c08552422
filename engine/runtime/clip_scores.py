"""Scores of the clips that begin in a segment, whose frames reach into the segments behind it."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from engine.detectors.base import Clip, ClipDetector, ClipScores, Notify
from engine.detectors.probability import sigmoid
from engine.detectors.stretches import stretches
from engine.faces.linking import TrackLinker
from engine.faces.segments import FaceSegment
from engine.results import FaceTrack, FloatArray, IntArray, Provenance, Scores, frozen
from engine.runtime.jobs import JobContext
from engine.runtime.pictures import PictureThread, Window, wait_for
from engine.runtime.tally import only


@dataclass(frozen=True, slots=True)
class PlannedClip:
    """A clip of one face.

    Attributes:
        owner: the segment's tracklet that is seen in its first frame.
        boxes, landmarks: (F, 4) and (F, 5, 2) of its frames.
        told: (n,) int64, ascending: the frames that it sees and of whose spans its own began last.
    """

    clip: Clip
    owner: int
    boxes: FloatArray
    landmarks: FloatArray
    told: IntArray


@dataclass(eq=False, slots=True)
class ClipScoring:
    """See engine.runtime.analysis.Scoring. For the engine thread.

    Attributes:
        first, last: asked frames; clips with a span among them are scored.
        every: see ClipDetector.plan.
        frame_count: of the video.
    """

    detector: ClipDetector
    made_by: Provenance
    first: int
    last: int
    every: int
    frame_count: int
    notify: Notify
    _repeats: int = field(default=0, init=False)
    _damaged: int = field(default=0, init=False)

    @property
    def reach(self) -> int:
        return self.detector.length

    def plan(
        self, segment: FaceSegment, after: Sequence[FaceSegment], chosen: Callable[[int], bool]
    ) -> "ClipPlan":
        planned = [
            clip
            for clip in planned_clips(self.detector, segment, after, self.frame_count, self.every)
            if chosen(clip.owner) and clip.clip.spans[-1, 1] >= self.first and clip.clip.spans[0, 0] <= self.last
        ]
        self.count(repeats=sum(each.clip.repeats for each in planned))
        return ClipPlan(self, tuple(planned))

    def remarks(self) -> Sequence[str]:
        found = []
        if self._repeats:
            found.append(
                f"{_times(self._repeats)} a face is not seen for {self.detector.length} frames in a row, and "
                f"{self.detector.id} had to repeat frames: what it says of movement there means little"
            )
        if self._damaged:
            found.append(f"{_times(self._damaged)} {self.detector.id} gave no score, for a frame is damaged")
        return found

    def count(self, *, repeats: int = 0, damaged: int = 0) -> None:
        """Keep what is to be remarked."""
        self._repeats += repeats
        self._damaged += damaged


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """See engine.runtime.analysis.Plan."""

    scoring: ClipScoring
    clips: tuple[PlannedClip, ...]

    def wanted(self, scores: Scores) -> Scores:
        asked = [each.clip.spans for each in self.clips if each.owner == scores.track_id]
        planned = _among(scores.spans, np.concatenate([np.empty((0, 2), np.int64), *asked]))
        inside = (scores.spans[:, 1] >= self.scoring.first) & (scores.spans[:, 0] <= self.scoring.last)
        return only(scores, planned & inside)

    def lacking(self, known: Mapping[int, Scores]) -> Sequence[PlannedClip]:
        return [
            each
            for each in self.clips
            if each.owner not in known or not _among(each.clip.spans, known[each.owner].spans).all()
        ]

    def score(
        self, lacking: Sequence[PlannedClip], window: Window, pictures: PictureThread, job: JobContext
    ) -> Generator[None, None, list[Scores]]:
        detector = self.scoring.detector
        whole = [each for each in lacking if all(frame in window.frames for frame in each.clip.frames.tolist())]
        self.scoring.count(damaged=len(lacking) - len(whole))
        made: dict[int, list[tuple[Clip, ClipScores]]] = {}
        for each in whole:  # one at a time: the crops of a clip may take much memory
            affines = detector.affines(each.boxes, each.landmarks)
            cut = pictures.crops(window, each.clip.frames.tolist(), affines, detector.crop_spec.size)
            crops = yield from wait_for(cut, job)
            made.setdefault(each.owner, []).append((each.clip, detector.score_clip(each.clip, crops)))
            yield None
        return [_scores(detector.id, owner, parts, self.scoring.made_by) for owner, parts in made.items()]


def planned_clips(
    detector: ClipDetector, segment: FaceSegment, after: Sequence[FaceSegment], frame_count: int, every: int = 1
) -> list[PlannedClip]:
    """The clips that begin in a segment, ascending.

    Args:
        after: the segments behind it, as far as the detector's `length` reaches.
        frame_count: of the video.
        every: see ClipDetector.plan.
    """
    linker = TrackLinker()
    provisional = [track.id for track in linker.add(segment).tracks]
    for each in after:
        linker.add(each)
    final, tracks = linker.final_ids(), {track.id: track for track in linker.tracks()}
    parts = segment.parts()
    own: dict[int, list[int]] = {}
    for at, number in enumerate(provisional):
        own.setdefault(final[number], []).append(at)
    known_end = after[-1].last if after else segment.last
    clips = []
    for number, places in own.items():
        track = tracks[number]
        for run in stretches(track.frames):
            holder = next((at for at in places if parts[at].row(int(run[0])) is not None), None)
            if holder is None:  # it begins behind the segment
                continue
            goes_back = run[0] == segment.first and segment.tracklets[holder].frames[0] < segment.first
            goes_on = run[-1] == known_end < frame_count - 1
            # Where the stretch begins or ends beyond what is known here, no clip of this segment hangs on it.
            ends = int(run[0]) - goes_back * detector.length, int(run[-1]) + goes_on * detector.length
            behind: set[int] = set()
            for clip in reversed(detector.plan(*ends, every)):
                held = {frame for low, high in clip.spans.tolist() for frame in range(low, high + 1)}
                if segment.first <= clip.first <= segment.last:
                    owner = next(at for at in places if parts[at].row(clip.first) is not None)
                    told = sorted((held - behind).intersection(clip.frames.tolist()))
                    clips.append(_planned(clip, parts[owner].id, track, told))
                behind |= held
    return sorted(clips, key=lambda each: (each.clip.first, each.owner))


def _planned(clip: Clip, owner: int, track: FaceTrack, told: Sequence[int]) -> PlannedClip:
    rows = np.searchsorted(track.frames, clip.frames)
    boxes, landmarks = frozen(track.boxes[rows]), frozen(track.landmarks[rows])
    return PlannedClip(clip, owner, boxes, landmarks, frozen(np.array(told, np.int64)))


def _among(spans: IntArray, others: IntArray) -> np.ndarray:
    """(N,) bool, which of the spans (N, 2) are among others (M, 2)."""
    known = set(map(tuple, others.tolist()))
    return np.array([tuple(span) in known for span in spans.tolist()], np.bool_)


def _scores(detector_id: str, owner: int, parts: Sequence[tuple[Clip, ClipScores]], made_by: Provenance) -> Scores:
    spans = np.concatenate([clip.spans for clip, _ in parts])
    logits = np.concatenate([scores.logits for _, scores in parts])
    order = np.lexsort((spans[:, 1], spans[:, 0]))
    return Scores(
        detector_id=detector_id,
        track_id=owner,
        spans=frozen(spans[order]),
        fake_probability=frozen(sigmoid(logits[order])),
        logits=frozen(logits[order]),
        provenance=made_by,
        activations=MappingProxyType(
            {
                name: frozen(np.concatenate([scores.activations[name] for _, scores in parts])[order])
                for name in parts[0][1].activations
            }
        ),
    )


def _times(count: int) -> str:
    return "Once" if count == 1 else f"{count} times"
