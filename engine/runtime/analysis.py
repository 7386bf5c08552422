"""From a request to scores: segment by segment, near the playhead first, each stored as soon as it is done."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from engine.detectors.base import AnyDetector, ClipDetector, single_crops
from engine.errors import UsageError
from engine.faces.detector import FaceDetector, smallest_face
from engine.faces.segments import FaceSegment
from engine.progress import ProgressMeter
from engine.results import FaceTrack, IntArray, Scores, VideoIdentity
from engine.runtime.clip_scores import ClipScoring
from engine.runtime.crop_scores import CropScoring
from engine.runtime.jobs import JobContext, Steps
from engine.runtime.pictures import PictureThread, Window, wait_for
from engine.runtime.plan import Span, nearest
from engine.runtime.protocol import AnalysisDone, AnalyzeRequest, Event, Notice, SegmentAnalyzed
from engine.runtime.session import VideoSession
from engine.runtime.shelf import Shelf, face_key
from engine.runtime.store import ResultStore
from engine.runtime.tally import Name, Tally, by_track

SMALL_FACE = 80
"""Faces whose larger side is under this, pixels, are scored but warned of."""

T = TypeVar("T")
Working = Generator[Event | None, None, T]


class Plan(Protocol):
    """What is to be scored in one segment."""

    def wanted(self, scores: Scores) -> Scores:
        """Of one tracklet's scores those that were asked for."""
        ...

    def lacking(self, known: Mapping[int, Scores]) -> Sequence[Any]:
        """What was asked for and is not among the known scores, by tracklet."""
        ...

    def score(
        self, lacking: Sequence[Any], window: Window, pictures: PictureThread, job: JobContext
    ) -> Generator[None, None, list[Scores]]:
        """Scores of what is lacking and can be decoded, by tracklet, in steps; the window is decoded."""
        ...


class Scoring(Protocol):
    """How one kind of detector scores segments.

    Attributes:
        reach: how many frames behind a segment its scores may look at.
    """

    @property
    def reach(self) -> int: ...

    def plan(self, segment: FaceSegment, after: Sequence[FaceSegment], chosen: Callable[[int], bool]) -> Plan:
        """The plan for a segment, given the faces as far behind it as it reaches, of the chosen tracklets."""
        ...

    def remarks(self) -> Sequence[str]:
        """What the user must know of the scores, in sentences."""
        ...


@dataclass(frozen=True, slots=True)
class _Home:
    """Where the results of hashed evidence live."""

    identity: VideoIdentity
    shelf: Shelf


class Analysis:
    """One AnalyzeRequest at work. For the engine thread.

    Nothing is told or stored before the evidence is hashed: what is ready earlier waits.
    """

    def __init__(
        self,
        request: AnalyzeRequest,
        job: JobContext,
        session: VideoSession,
        store: ResultStore,
        detector: AnyDetector,
        faces: FaceDetector,
    ) -> None:
        """Raises UsageError if the request asks for frames that are not there."""
        self._request, self._job, self._session, self._store = request, job, session, store
        self._detector, self._faces = detector, faces
        count = len(session.media.index)
        self._first, self._last = request.first, count - 1 if request.last is None else request.last
        if request.every < 1 or not 0 <= self._first <= self._last < count:
            raise UsageError(
                f"Frames {self._first} to {self._last} in steps of {request.every} were asked of {count} frames",
                advice=f"Choose a range within 0 to {count - 1} and a step from 1",
                file=request.video,
            )
        self._made_by = detector.provenance(faces=face_key(session.length))
        self._scoring = self._how()
        self._wanted = set(session.spans_in(self._first, self._last))
        self._tally = Tally()
        self._home: _Home | None = None
        self._waiting: list[tuple[FaceSegment, tuple[Scores, ...], Plan]] = []
        self._people: set[Name] | None = None
        self._pictures: PictureThread | None = None

    def _how(self) -> Scoring:
        """What scores segments, by the kind of detector."""
        detector, made_by = self._detector, self._made_by
        if isinstance(detector, ClipDetector):
            count = len(self._session.media.index)
            return ClipScoring(detector, made_by, self._first, self._last, self._request.every, count, self._tell)
        return CropScoring(single_crops(detector, "Scoring"), made_by, self._asked, self._tell)

    def steps(self) -> Steps:
        """The job. Its last event is AnalysisDone."""
        meter = ProgressMeter("Analysing", max(1, len(self._asked())), "frames", self._job.report)
        meter.update(0)
        self._session.ids[self._detector.id] = self._tally.current_id
        left, done = set(self._wanted), 0
        try:
            if self._request.people is not None or self._may_be_stored():
                yield from self._settle()
            if self._request.people is not None:
                yield from self._choose_people()
            while left:
                if self._session.hashing.over:
                    yield from self._settle()
                span = nearest(left, self._job.focus())
                left.remove(span)
                yield from self._segment(span, nearest(left, self._job.focus()) if left else None)
                done += len(self._asked(*span))
                meter.update(done)
            home = yield from self._settle()
            self._session.media.verify_unchanged()
        finally:
            if self._pictures is not None:
                self._pictures.close()
        yield self._end(home)

    def _asked(self, first: int | None = None, last: int | None = None) -> IntArray:
        """The asked frames, of all or within first..last."""
        first = self._first if first is None else max(first, self._first)
        last = self._last if last is None else min(last, self._last)
        every = self._request.every
        return np.arange(-(-first // every) * every, last + 1, every, dtype=np.int64)

    # Where results live

    def _may_be_stored(self) -> bool:
        """Whether the store knows evidence of this path: then it is worth while to wait for the hash."""
        path = str(self._session.media.path.absolute())
        return any(video.identity.path == path for video in self._store.videos())

    def _settle(self) -> Working[_Home]:
        """Wait for the hash; the first time, link what is known of the rest and hand out what had to wait."""
        if self._home is None:
            identity = yield from self._session.hashing.steps(self._job)
            shelf = Shelf(self._store, self._store.put_video(identity), self._session.length)
            self._home = _Home(identity, shelf)
            if self._wanted != set(self._session.grid):
                # Ids are then those of the whole video, as far as it is known.
                for span in shelf.spans_with_faces() - self._wanted:
                    self._tally.link(self._session.known_faces(span, shelf) or FaceSegment(*span, (), ()))
                    yield None
            for segment, scores, plan in self._waiting:
                yield self._keep(self._home, segment, scores, plan)
            self._waiting.clear()
        return self._home

    def _keep(
        self, home: _Home, segment: FaceSegment, scores: Sequence[Scores], plan: Plan, *, resumed: bool = False
    ) -> Event:
        """Store a finished segment, if it was not stored, and make its event."""
        span = (segment.first, segment.last)
        if not resumed:
            home.shelf.keep_faces(segment)
            stored = {entry.track_id: entry for entry in home.shelf.scores(self._made_by, span) or ()}
            scores = list(by_track(stored, scores).values())
            home.shelf.keep_scores(self._made_by, span, scores)
        linked = self._tally.link(segment)
        wanted = [plan.wanted(entry) for entry in scores if self._chosen(span, entry.track_id)]
        return SegmentAnalyzed(
            job=self._job.id,
            video=home.identity,
            detector_id=self._detector.id,
            first=max(segment.first, self._first),
            last=min(segment.last, self._last),
            tracks=linked.tracks,
            scores=self._tally.score(span, wanted),
            joined=linked.joined,
            resumed=resumed,
        )

    def _chosen(self, span: Span, local: int) -> bool:
        """Whether scores of a tracklet are asked."""
        return self._people is None or (span, local) in self._people

    # One segment

    def _segment(self, span: Span, then: Span | None) -> Working[None]:
        """Faces and scores of one segment: those that are stored, and the others computed."""
        shelf = self._home.shelf if self._home is not None else None
        known = {e.track_id: e for e in (shelf.scores(self._made_by, span) if shelf is not None else None) or ()}
        (segment, *after), window = yield from self._find(span, then)
        plan = self._scoring.plan(segment, after, lambda local: self._chosen(span, local))
        lacking, scored = plan.lacking(known), []
        if lacking:
            if window is None:
                last = min(segment.last + self._scoring.reach, len(self._session.media.index) - 1)
                window = self._open().window(segment.first, last)
            yield from wait_for(window.ready, self._job)
            scored = yield from plan.score(lacking, window, self._open(), self._job)
        scores = list(by_track(known, scored).values())
        if self._home is None:
            self._waiting.append((segment, tuple(scores), plan))
        else:
            stored = shelf is not None and shelf.has_faces(span) and not scored
            yield self._keep(self._home, segment, scores, plan, resumed=stored)

    def _find(self, span: Span, then: Span | None = None) -> Working[tuple[list[FaceSegment], Window | None]]:
        """The faces of a segment and of those behind it that count, and its frames if they had to be decoded."""
        shelf = self._home.shelf if self._home is not None else None
        spans = self._with_reach(span)
        if all(self._session.known_faces(each, shelf) is not None for each in spans):
            window = None
        else:
            ahead = None
            if then is not None and any(
                self._session.known_faces(each, shelf) is None for each in self._with_reach(then)
            ):
                ahead = self._context(then)
            window = self._open().window(*self._context(span), ahead)
        segments = []
        for each in spans:
            found = self._session.known_faces(each, shelf)
            if found is None and window is not None:
                found = yield from self._session.find_faces(self._faces, self._open(), window, each, self._job)
            if found is not None:
                segments.append(found)
        return segments, window

    def _with_reach(self, span: Span) -> list[Span]:
        """The segment and those behind it into which its scores reach."""
        return self._session.spans_in(span[0], span[1] + self._scoring.reach)

    def _context(self, span: Span) -> Span:
        """The frames that must be decoded to find the faces of `_with_reach` and to score the segment."""
        return self._session.context(span)[0], self._session.context(self._with_reach(span)[-1])[1]

    def _tell(self, text: str) -> None:
        self._job.emit(Notice(self._job.id, text))

    def _open(self) -> PictureThread:
        """The picture thread, started when the first picture is needed."""
        if self._pictures is None:
            self._pictures = PictureThread(self._session.media, self._session.look_width)
        return self._pictures

    def _choose_people(self) -> Working[None]:
        """Find and link the faces of all that is asked, then keep to those with the asked ids."""
        known = Tally()
        home = yield from self._settle()
        for span in sorted(self._wanted | home.shelf.spans_with_faces()):
            (segment, *_), _ = yield from self._find(span)
            known.link(segment)
            yield None
        people = set(self._request.people or ())
        self._people = {name for name, number in known.final_ids().items() if number in people}

    # The end

    def _end(self, home: _Home) -> AnalysisDone:
        self._session.ids[self._detector.id] = self._tally.final_ids().get
        tracks, scores = self._tally.tracks(self._first, self._last), self._tally.scores()
        return AnalysisDone(
            job=self._job.id,
            video=home.identity,
            detector_id=self._detector.id,
            tracks=tracks,
            scores=scores,
            fake_probability=max((entry.track_probability for entry in scores), default=None),
            warnings=self._warnings(tracks),
        )

    def _warnings(self, tracks: Sequence[FaceTrack]) -> tuple[str, ...]:
        media = self._session.media
        found = list(media.warnings())
        if not tracks:
            least = smallest_face(media.width, media.height)
            found.append(f"No face of {least:.0f} pixels or more was found, so nothing was scored")
        sides = [float(np.median((track.boxes[:, 2:] - track.boxes[:, :2]).max(axis=1))) for track in tracks]
        small = [str(track.id + 1) for track, side in zip(tracks, sides, strict=True) if side < SMALL_FACE]
        if small:
            found.append(
                f"Face {', '.join(small)} is under {SMALL_FACE} pixels wide and high: its scores mean little"
            )
        found += self._scoring.remarks()
        if not self._detector.trustworthy:
            found.append(f"{self._detector.id} is not trustworthy yet: {self._detector.trust_reason}")
        return tuple(found)
