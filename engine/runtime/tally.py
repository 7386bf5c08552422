"""What an analysis has found so far, and what it all comes to in the end."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from engine.detectors.probability import sigmoid
from engine.faces.linking import LinkedSegment, TrackLinker
from engine.faces.segments import FaceSegment
from engine.results import BoolArray, FaceTrack, FloatArray, IntArray, Provenance, Scores, frozen
from engine.runtime.plan import Span

Name = tuple[Span, int]
"""One tracklet: its segment and its id there."""


def scores_of(
    detector_id: str, number: int, frames: IntArray, logits: FloatArray, provenance: Provenance
) -> Scores:
    """Scores of single frames (N,) ascending by their logits (N,)."""
    return Scores(
        detector_id=detector_id,
        track_id=number,
        spans=frozen(np.stack([frames, frames], axis=1)),
        fake_probability=frozen(sigmoid(logits)),
        logits=frozen(logits),
        provenance=provenance,
    )


def merged(old: Scores, new: Scores) -> Scores:
    """Both, by span; where both have a span the new one counts."""
    both = _joined(new.track_id, (new, old))
    return _picked(both, np.unique(both.spans, axis=0, return_index=True)[1])  # the first of equals


def by_track(old: Mapping[int, Scores], new: Iterable[Scores]) -> dict[int, Scores]:
    """Old and new scores of one segment, by tracklet."""
    both = dict(old)
    for entry in new:
        both[entry.track_id] = merged(both[entry.track_id], entry) if entry.track_id in both else entry
    return dict(sorted(both.items()))


def only(scores: Scores, keep: BoolArray) -> Scores:
    """Some of the spans: keep (N,)."""
    return _picked(scores, np.flatnonzero(keep))


class Tally:
    """Joins the segments of one analysis under ids that are provisional until the end."""

    def __init__(self) -> None:
        self._linker = TrackLinker()
        self._provisional: dict[Name, int] = {}
        self._joined: dict[int, int] = {}
        self._scores: dict[Name, Scores] = {}

    def link(self, segment: FaceSegment) -> LinkedSegment:
        """Take in the faces of a segment, once."""
        span = (segment.first, segment.last)
        linked = self._linker.add(segment)
        self._joined.update(linked.joined)
        for local, track in zip(segment.tracklets, linked.tracks, strict=True):
            self._provisional[span, local.id] = track.id
        return linked

    def score(self, span: Span, scores: Sequence[Scores]) -> tuple[Scores, ...]:
        """Take in scores under the segment's local ids; the same under provisional ids."""
        for entry in scores:
            self._scores[span, entry.track_id] = entry
        return tuple(replace(entry, track_id=self._provisional[span, entry.track_id]) for entry in scores)

    def current_id(self, name: Name) -> int | None:
        """The provisional id under which a tracklet is known now; None if it was not linked yet."""
        number = self._provisional.get(name)
        while number in self._joined:
            number = self._joined[number]
        return number

    def final_ids(self) -> Mapping[Name, int]:
        final = self._linker.final_ids()
        return {name: final[number] for name, number in self._provisional.items()}

    def tracks(self, first: int, last: int) -> tuple[FaceTrack, ...]:
        """The faces seen in first..last, with their rows there, under final ids."""
        inside = (_rows(track, first, last) for track in self._linker.tracks())
        return tuple(track for track in inside if len(track))

    def scores(self) -> tuple[Scores, ...]:
        """All scores under final ids, one per face that was scored, by id."""
        parts: dict[int, list[Scores]] = {}
        final = self.final_ids()
        for name in sorted(self._scores):
            if len(self._scores[name].spans):
                parts.setdefault(final[name], []).append(self._scores[name])
        return tuple(_joined(number, parts[number]) for number in sorted(parts))


def _joined(number: int, parts: Sequence[Scores]) -> Scores:
    return replace(
        parts[0],
        track_id=number,
        spans=frozen(np.concatenate([part.spans for part in parts])),
        fake_probability=frozen(np.concatenate([part.fake_probability for part in parts])),
        logits=frozen(np.concatenate([part.logits for part in parts])),
        activations=MappingProxyType(
            {
                name: frozen(np.concatenate([part.activations[name] for part in parts]))
                for name in parts[0].activations
            }
        ),
    )


def _picked(scores: Scores, rows: IntArray) -> Scores:
    return replace(
        scores,
        spans=frozen(scores.spans[rows]),
        fake_probability=frozen(scores.fake_probability[rows]),
        logits=frozen(scores.logits[rows]),
        activations=MappingProxyType({name: frozen(series[rows]) for name, series in scores.activations.items()}),
    )


def _rows(track: FaceTrack, first: int, last: int) -> FaceTrack:
    keep = slice(*np.searchsorted(track.frames, (first, last + 1)))
    return replace(
        track,
        frames=frozen(track.frames[keep]),
        boxes=frozen(track.boxes[keep]),
        landmarks=frozen(track.landmarks[keep]),
        scores=frozen(track.scores[keep]),
        detected=frozen(track.detected[keep]),
        raw_boxes=frozen(track.raw_boxes[keep]),
    )
