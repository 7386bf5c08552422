"""Joins the faces of neighbouring segments, in whatever order the segments come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.faces.assignment import cheapest_pairs
from engine.faces.segments import EVERY, FaceSegment
from engine.faces.tracking import LOST_STEPS, distances, expected_box, nearest_pairs
from engine.results import FaceTrack, frozen

_SAME = 0.05
"""Boxes of one frame are the same detection if they are no farther apart (see `distances`)."""


@dataclass(frozen=True, slots=True)
class LinkedSegment:
    """What `TrackLinker.add` answers.

    Attributes:
        tracks: the segment's parts under provisional ids, those of the neighbours where they are the same face.
        joined: provisional ids given out before that turned out to be the same face: {old id: id that stays}.
    """

    tracks: tuple[FaceTrack, ...]
    joined: Mapping[int, int]


class TrackLinker:
    """Gives the faces of a video their ids while its segments come in. For one thread.

    Two neighbouring segments look at the same frames around their border; what was found there is the same, so the
    faces that share most of it are the same face (Hungarian method). Faces that end before the border are tied to
    those that begin behind it as within a segment: near where they would be, soon enough, and with no cut between.
    Each pair of neighbours is judged by itself, so the result is the same for every order.
    """

    def __init__(self, every: int = EVERY) -> None:
        self._every = every
        self._segments: dict[int, FaceSegment] = {}
        self._ends: dict[int, int] = {}
        self._ids: dict[int, tuple[int, ...]] = {}
        self._stays: list[int] = []

    def add(self, segment: FaceSegment) -> LinkedSegment:
        """Take in one segment, once; O(its faces), whatever the length of the video."""
        before = self._segments.get(self._ends.get(segment.first - 1, -1))
        after = self._segments.get(segment.last + 1)
        ids: dict[int, int] = {}
        joined: dict[int, int] = {}
        if before is not None:
            known = self._ids[before.first]
            ids = {right: self._root(known[left]) for left, right in _links(before, segment, self._every)}
        if after is not None:
            known = self._ids[after.first]
            for left, right in _links(segment, after, self._every):
                other = self._root(known[right])
                if left in ids and ids[left] != other:
                    gone, stays = max(ids[left], other), min(ids[left], other)
                    self._stays[gone] = stays
                    joined[gone] = stays
                ids[left] = min(ids.get(left, other), other)
        for track in segment.tracklets:
            if track.id not in ids:
                ids[track.id] = len(self._stays)
                self._stays.append(len(self._stays))
        self._segments[segment.first] = segment
        self._ends[segment.last] = segment.first
        self._ids[segment.first] = tuple(ids[track.id] for track in segment.tracklets)
        return LinkedSegment(tuple(replace(track, id=ids[track.id]) for track in segment.parts()), joined)

    def tracks(self) -> tuple[FaceTrack, ...]:
        """All faces so far, ids by first appearance and then from left to right."""
        return tuple(track for _, track in self._ordered())

    def final_ids(self) -> Mapping[int, int]:
        """Every provisional id that was ever given out -> its id in `tracks()`."""
        final = {root: track.id for root, track in self._ordered()}
        return {provisional: final[self._root(provisional)] for provisional in range(len(self._stays))}

    def _ordered(self) -> list[tuple[int, FaceTrack]]:
        parts: dict[int, list[FaceTrack]] = {}
        for first in sorted(self._segments):
            for part, provisional in zip(self._segments[first].parts(), self._ids[first], strict=True):
                parts.setdefault(self._root(provisional), []).append(part)
        whole = [(root, _chained(pieces)) for root, pieces in parts.items()]
        whole.sort(key=lambda item: (int(item[1].frames[0]), float(item[1].boxes[0, 0])))
        return [(root, replace(track, id=number)) for number, (root, track) in enumerate(whole)]

    def _root(self, provisional: int) -> int:
        while self._stays[provisional] != provisional:
            provisional = self._stays[provisional]
        return provisional


def _links(left: FaceSegment, right: FaceSegment, every: int) -> list[tuple[int, int]]:
    """Local ids (left, right) of the same faces."""
    if not left.tracklets or not right.tracklets:
        return []
    shared = np.array([[_shared(a, b) for b in right.tracklets] for a in left.tracklets])
    pairs = [pair for pair in cheapest_pairs(-shared) if shared[pair]]
    tails = [t for t in left.tracklets if t.id not in {a for a, _ in pairs}]
    heads = [t for t in right.tracklets if t.id not in {b for _, b in pairs}]
    if tails and heads:
        apart = np.array([[_across_gap(a, b, left, right, every) for b in heads] for a in tails])
        pairs += [(tails[a].id, heads[b].id) for a, b in nearest_pairs(apart)]
    return pairs


def _shared(left: FaceTrack, right: FaceTrack) -> int:
    """In how many frames both were detected in the same place."""
    own, other = left.frames[left.detected], right.frames[right.detected]
    frames, at, there = np.intersect1d(own, other, assume_unique=True, return_indices=True)
    if not len(frames):
        return 0
    apart = distances(left.raw_boxes[left.detected][at], right.raw_boxes[right.detected][there])
    return int((np.diagonal(apart) <= _SAME).sum())


def _across_gap(left: FaceTrack, right: FaceTrack, before: FaceSegment, after: FaceSegment, every: int) -> float:
    """Distance between where a face that was lost would be and one that appears; infinite if it cannot be it."""
    lost, found = int(left.frames[-1]), int(right.frames[0])
    cut_between = any(lost < cut <= found for cut in (*before.cuts, *after.cuts))
    if not 0 < found - lost <= LOST_STEPS * every or cut_between:
        return float("inf")
    seen = left.detected
    expected = expected_box(left.frames[seen], left.raw_boxes[seen], found, every)
    return float(distances(expected[None], right.raw_boxes[:1])[0, 0])


def _chained(parts: Sequence[FaceTrack]) -> FaceTrack:
    return FaceTrack(
        id=parts[0].id,
        frames=frozen(np.concatenate([part.frames for part in parts])),
        boxes=frozen(np.concatenate([part.boxes for part in parts])),
        landmarks=frozen(np.concatenate([part.landmarks for part in parts])),
        scores=frozen(np.concatenate([part.scores for part in parts])),
        detected=frozen(np.concatenate([part.detected for part in parts])),
        raw_boxes=frozen(np.concatenate([part.raw_boxes for part in parts])),
    )
