"""What one detector says of one video, indexed by frame: every look-up while scrubbing is O(1) per face.

GUI thread only. Filled by SegmentAnalyzed while an analysis runs, replaced by AnalysisDone at its end.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.detectors.prototype_exclusion import without
from engine.errors import DataError
from engine.evaluation.intervals import hidden_stretches
from engine.results import BoolArray, FaceTrack, FloatArray, IntArray, Prototype, Scores
from engine.runtime.excluding import done_with
from engine.runtime.protocol import AnalysisDone, SegmentAnalyzed
from engine.verdict import Stretch


class TrackSeries:
    """One face as arrays over the frames first..last of its own extent.

    Attributes:
        id: of the FaceTrack; provisional until the analysis is done.
        first, last: extent in frames, inclusive.
        boxes: (last - first + 1, 4) float32 x0, y0, x1, y1; nan where the face was not seen.
        spans: (S, 2) int64 scored spans, first and last frame, ascending.
        scores: (S,) float32 fake probability of each span.
        activations: named series, (S, K) float32 each; nan where a part came without the series.
        parts: all that came in, in order: of equal spans the last one counts.
        stored: the same as the engine gave them, whatever prototypes are excluded in `parts`.
    """

    def __init__(self, track_id: int, first: int, last: int) -> None:
        self.id = track_id
        self.first, self.last = first, last
        self.boxes: FloatArray = np.full((last - first + 1, 4), np.nan, np.float32)
        self.spans: IntArray = np.empty((0, 2), np.int64)
        self.scores: FloatArray = np.empty(0, np.float32)
        self.activations: dict[str, FloatArray] = {}
        self.parts: tuple[Scores, ...] = ()
        self.stored: tuple[Scores, ...] = ()

    @property
    def name(self) -> str:
        """As the user reads it; faces are counted from 1."""
        return f"Face {self.id + 1}"

    @property
    def mean(self) -> float:
        """Mean of the spans' probabilities; nan without one."""
        return float(self.scores.mean(dtype=np.float64)) if len(self.scores) else float("nan")

    def probability_at(self, frame: int) -> float:
        """Fake probability in [0, 1] by the span that stands for the frame, nan where not scored."""
        row = self.span_at(frame)
        return float("nan") if row is None else float(self.scores[row])

    def span_at(self, frame: int) -> int | None:
        """Row of the span that stands for a frame, of several that which began last; None where not scored."""
        row = int(np.searchsorted(self.spans[:, 0], frame, side="right")) - 1
        return row if row >= 0 and frame <= self.spans[row, 1] else None

    def frame_values(self, name: str, first: int, last: int) -> FloatArray:
        """(last - first + 1,) values, on the frames first..last, of a series with one value per frame of a span.

        A span's values begin with its first frame; of a span shorter than the series is wide only the first ones
        are its own. nan where there is none.
        """
        values = np.full(last - first + 1, np.nan, np.float32)
        series = self.activations.get(name)
        if series is not None:
            start = int(np.searchsorted(self.spans[:, 1], first))
            end = int(np.searchsorted(self.spans[:, 0], last, side="right"))
            for column in range(series.shape[1]):
                frames = self.spans[start:end, 0] + column
                own = (frames <= self.spans[start:end, 1]) & (frames >= first) & (frames <= last)
                values[frames[own] - first] = series[start:end, column][own]
        return values

    def box_at(self, frame: int) -> FloatArray | None:
        """(4,) x0, y0, x1, y1, None where the face is not seen."""
        if not self.first <= frame <= self.last:
            return None
        box = self.boxes[frame - self.first]
        return None if np.isnan(box[0]) else box

    def curve(self) -> tuple[FloatArray, FloatArray]:
        """Points to plot: middle frames of the spans (S,) float32, ascending, and probabilities (S,) float32."""
        return ((self.spans[:, 0] + self.spans[:, 1]) * 0.5).astype(np.float32), self.scores

    def add_track(self, track: FaceTrack) -> None:
        """Take over the boxes of a part of the track."""
        if len(track):
            self._cover(int(track.frames[0]), int(track.frames[-1]))
            self.boxes[track.frames - self.first] = track.boxes

    def rescored(self, rescore: Callable[[Scores], Scores]) -> "TrackSeries":
        """The same face with what `rescore` makes of all that came in."""
        made = TrackSeries(self.id, self.first, self.last)
        made.boxes = self.boxes
        for part in self.stored:
            made.add_scores(rescore(part), part)
        return made

    def add_scores(self, scores: Scores, stored: Scores | None = None) -> None:
        """Take over the probabilities of some spans; `stored` is what they were made of, if of anything."""
        if not len(scores.spans):
            return
        self._cover(int(scores.spans[:, 0].min()), int(scores.spans[:, 1].max()))
        self._merge(scores.spans, scores.fake_probability, scores.activations)
        self.parts, self.stored = (*self.parts, scores), (*self.stored, stored or scores)

    def absorb(self, other: "TrackSeries") -> None:
        """Take over everything of a track that turned out to be the same person."""
        self._cover(other.first, other.last)
        at = slice(other.first - self.first, other.last - self.first + 1)
        self.boxes[at] = np.where(np.isnan(other.boxes), self.boxes[at], other.boxes)
        if len(other.spans):
            self._merge(other.spans, other.scores, other.activations)
            self.parts, self.stored = (*self.parts, *other.parts), (*self.stored, *other.stored)

    def _merge(self, spans: IntArray, scores: FloatArray, activations: Mapping[str, FloatArray]) -> None:
        """Insert sorted spans; those that are there already get the new score. Only what they touch is sorted."""
        start = int(np.searchsorted(self.spans[:, 0], spans[0, 0], side="left"))
        end = int(np.searchsorted(self.spans[:, 0], spans[-1, 0], side="right"))
        both = np.concatenate((self.spans[start:end], spans))
        values = np.concatenate((self.scores[start:end], scores))
        order = np.lexsort((both[:, 1], both[:, 0]))  # stable: of equal spans the new one comes last
        both, values = both[order], values[order]
        newest = np.append((both[1:] != both[:-1]).any(axis=1), [True])
        before = len(self.spans)
        self.spans = np.concatenate((self.spans[:start], both[newest], self.spans[end:]))
        self.scores = np.concatenate((self.scores[:start], values[newest], self.scores[end:]))
        for name in self.activations.keys() | activations.keys():
            old, new = self.activations.get(name), activations.get(name)
            width = (old if old is not None else activations[name]).shape[1]
            old = old if old is not None else np.full((before, width), np.nan, np.float32)
            new = new if new is not None else np.full((len(spans), width), np.nan, np.float32)
            among = np.concatenate((old[start:end], new))[order][newest]
            self.activations[name] = np.concatenate((old[:start], among, old[end:]))

    def _cover(self, first: int, last: int) -> None:
        first, last = min(first, self.first), max(last, self.last)
        if first == self.first and last == self.last:
            return
        wider = TrackSeries(self.id, first, last)
        at = slice(self.first - first, self.last - first + 1)
        wider.boxes[at] = self.boxes
        self.first, self.last, self.boxes = first, last, wider.boxes


@dataclass(frozen=True, slots=True)
class FaceAt:
    """One face on one frame: box (4,) float32 x0, y0, x1, y1; probability nan where not scored."""

    track_id: int
    name: str
    box: FloatArray
    probability: float


class ResultsModel:
    """Everything one detector said of one video.

    Attributes:
        frames: number of frames of the video.
        tracks: by id, in order of id.
        analysed: (frames,) bool, frames inside a stretch that is done (with or without a face).
        done: whether the ids are final.
        fake_probability: of the video, None before the end or without a scored face.
        warnings: what limits the result.
        final: the whole answer, for exports; None before the end.
        stored: the same as the engine gave it, whatever prototypes are excluded in everything else.
        excluded: names of the prototypes that have no say.
    """

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.tracks: dict[int, TrackSeries] = {}
        self.analysed: BoolArray = np.zeros(frames, np.bool_)
        self.done = False
        self.fake_probability: float | None = None
        self.warnings: tuple[str, ...] = ()
        self.final: AnalysisDone | None = None
        self.stored: AnalysisDone | None = None
        self.excluded: frozenset[str] = frozenset()
        self._prototypes: tuple[Prototype, ...] = ()
        self._rescored: dict[int, tuple[Scores, Scores]] = {}
        """What was made of which scores, by their id: faces and the whole answer hold the same ones."""
        self._hidden: tuple[Stretch, ...] | None = None

    def __len__(self) -> int:
        return len(self.tracks)

    def __iter__(self) -> Iterator[TrackSeries]:
        return iter(self.tracks.values())

    @property
    def share_analysed(self) -> float:
        return float(self.analysed.mean()) if self.frames else 0.0

    @property
    def running_probability(self) -> float | None:
        """The video's probability so far: maximum over tracks of the track's mean; None without a score."""
        if self.done:
            return self.fake_probability
        means = [track.mean for track in self if len(track.scores)]
        return max(means) if means else None

    def hidden_stretches(self, seconds: Callable[[int], float]) -> tuple[Stretch, ...]:
        """Stretches that read as fake though the mean of their face does not; empty before the end."""
        if self._hidden is None and self.final is not None:
            self._hidden = hidden_stretches(self.final.scores, seconds)
        return self._hidden or ()

    def faces_at(self, frame: int) -> tuple[FaceAt, ...]:
        """The faces seen on a frame, by id."""
        faces = []
        for track in self:
            box = track.box_at(frame)
            if box is not None:
                faces.append(FaceAt(track.id, track.name, box, track.probability_at(frame)))
        return tuple(faces)

    def add_segment(self, event: SegmentAnalyzed) -> None:
        """Take over one stretch of a running analysis; tracks found to be the same person become one."""
        self._add(event.tracks, event.scores, self.tracks)
        for old, stays in event.joined.items():
            gone = self.tracks.pop(old, None)
            if gone is None:
                continue
            kept = self.tracks.get(stays)
            if kept is None:
                gone.id = stays
                self.tracks[stays] = gone
            else:
                kept.absorb(gone)
        self.tracks = dict(sorted(self.tracks.items()))
        self.analysed[event.first : event.last + 1] = True

    def replace(self, event: AnalysisDone) -> None:
        """Take over the final result with its final ids."""
        self._rescored = {}
        tracks: dict[int, TrackSeries] = {}
        self._add(event.tracks, event.scores, tracks)
        self.tracks = dict(sorted(tracks.items()))
        self.done, self.stored, self.warnings = True, event, event.warnings
        self._conclude()

    def exclude(self, prototypes: Sequence[Prototype], excluded: Collection[str]) -> None:
        """Show everything as it is when some prototypes of the detector have no say; with none, as it came.

        Raises:
            DataError: there is no such prototype, or the scores are of others; nothing changes then.
        """
        before = self._prototypes, self.excluded
        self._prototypes, self.excluded, self._rescored = tuple(prototypes), frozenset(excluded), {}
        try:
            tracks = {number: track.rescored(self._heard) for number, track in self.tracks.items()}
            self._conclude()
        except DataError:
            (self._prototypes, self.excluded), self._rescored = before, {}
            raise
        self.tracks = tracks

    def _heard(self, scores: Scores) -> Scores:
        if id(scores) not in self._rescored:
            self._rescored[id(scores)] = scores, without(scores, self._prototypes, self.excluded)
        return self._rescored[id(scores)][1]

    def _conclude(self) -> None:
        """What the whole answer comes to, with what is excluded."""
        self.final, self._hidden = self.stored, None
        if self.stored is not None:
            self.final = done_with(self.stored, self._heard)
        self.fake_probability = self.final.fake_probability if self.final is not None else None

    def _add(self, parts: tuple[FaceTrack, ...], scores: tuple[Scores, ...], into: dict[int, TrackSeries]) -> None:
        """Add parts of tracks and their scores."""
        for part in parts:
            if len(part):
                first, last = int(part.frames[0]), int(part.frames[-1])
                into.setdefault(part.id, TrackSeries(part.id, first, last)).add_track(part)
        for score in scores:
            if score.track_id in into:
                into[score.track_id].add_scores(self._heard(score), score)
