"""Which detections of neighbouring frames are the same face.

A face is expected where its last movement would carry it; what was found goes to what was expected by the
Hungarian method (Kuhn 1955) on their distance. A face not found again within LOST_STEPS detection steps is over;
found again before, it is the same face with a gap. Without a face recogniser nothing more can be said: a face that
was away for longer comes back under a new number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.faces.assignment import cheapest_pairs
from engine.faces.detection import Detection
from engine.results import FloatArray

LOST_STEPS = 3
"""Detection steps after which a face that was not found again is over."""

STRONG_SCORE = 0.9
"""A face is believed if it scored this once; weaker detections only carry it on."""

LONE_SCORE = 0.97
"""A face that was found in a single frame must score this to be believed."""

_FAR = 0.8
"""Largest distance between what was expected and what was found (see `distances`)."""


@dataclass(slots=True)
class Chain:
    """One face as the detector saw it: frames, strictly increasing, and what was found in each."""

    frames: list[int] = field(default_factory=list)
    found: list[Detection] = field(default_factory=list)

    def boxes(self) -> FloatArray:
        """(K, 4)."""
        return np.stack([detection.box for detection in self.found])

    def believable(self) -> bool:
        best = max(detection.score for detection in self.found)
        return best >= (STRONG_SCORE if len(self.found) > 1 else LONE_SCORE)


def follow(detections: Mapping[int, Sequence[Detection]], cuts: Sequence[int], every: int) -> list[Chain]:
    """All believable faces.

    Args:
        detections: what was found in the frames in which was looked, of a few dozen frames.
        cuts: frames that begin a scene; no face goes on over one.
        every: the detection step, frames.
    """
    frames = sorted(detections)
    chains: list[Chain] = []
    alive: list[Chain] = []
    for number, frame in enumerate(frames):
        if number and any(frames[number - 1] < cut <= frame for cut in cuts):
            alive = []
        alive = [chain for chain in alive if frame - chain.frames[-1] <= LOST_STEPS * every]
        found = list(detections[frame])
        taken = _assign(alive, found, frame, every)
        for at, detection in enumerate(found):
            if at not in taken:
                taken[at] = Chain()
                chains.append(taken[at])
                alive.append(taken[at])
            taken[at].frames.append(frame)
            taken[at].found.append(detection)
    return [chain for chain in chains if chain.believable()]


def distances(expected: npt.ArrayLike, found: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """How far boxes (A, 4) are from (B, 4), as (A, B): centres apart, in sides, plus |ln| of the sides' ratio."""
    left, right = np.asarray(expected, dtype=np.float64), np.asarray(found, dtype=np.float64)
    sides = [np.sqrt(np.clip(boxes[:, 2:] - boxes[:, :2], 1e-3, None).prod(axis=1)) for boxes in (left, right)]
    centres = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (left, right)]
    apart = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=2)
    mean_side = (sides[0][:, None] + sides[1][None]) / 2
    grown = np.abs(np.log(sides[0][:, None] / sides[1][None]))
    return np.asarray(apart / mean_side + grown)


def expected_box(frames: npt.ArrayLike, boxes: npt.ArrayLike, frame: int, every: int) -> FloatArray:
    """Where a face seen as `boxes` (K, 4) in `frames` (K,) would be in a later frame, at constant velocity.

    The velocity is taken over at least half a detection step, lest the detector's jitter be taken for motion.
    """
    times = np.asarray(frames)
    places = np.asarray(boxes, dtype=np.float32)
    earlier = np.flatnonzero(times[-1] - times >= max(1, every // 2))
    if not len(earlier):
        return np.asarray(places[-1])
    start = earlier[-1]
    velocity = (places[-1] - places[start]) / (times[-1] - times[start])
    drift = (velocity[:2] + velocity[2:]) / 2 * (frame - times[-1])
    return np.asarray(places[-1] + np.tile(drift, 2), dtype=np.float32)


def nearest_pairs(apart: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs (row, column) of the best assignment, without those that are too far from each other."""
    return [pair for pair in cheapest_pairs(np.minimum(apart, 10 * _FAR)) if apart[pair] <= _FAR]


def missing_halves(
    chains: Sequence[Chain], frames: Sequence[int], cuts: Sequence[int], asked: frozenset[int]
) -> list[int]:
    """Frames halfway between one in which a face was found and a next one in which it was not.

    Looking there again and again finds the frame in which each face appears and vanishes.

    Args:
        chains: the faces so far.
        frames: where was looked, sorted.
        cuts: between two scenes there is nothing to look for.
        asked: frames that were asked for before, had or not.
    """
    wanted = set()
    for before, after in pairwise(frames):
        middle = (before + after) // 2
        if middle == before or middle in asked or any(before < cut <= after for cut in cuts):
            continue
        if any((before in chain.frames) != (after in chain.frames) for chain in chains):
            wanted.add(middle)
    return sorted(wanted)


def _assign(alive: Sequence[Chain], found: Sequence[Detection], frame: int, every: int) -> dict[int, Chain]:
    """Number of a detection -> the chain it carries on."""
    if not alive or not found:
        return {}
    expected = np.stack([expected_box(chain.frames, chain.boxes(), frame, every) for chain in alive])
    apart = distances(expected, np.stack([detection.box for detection in found]))
    return {column: alive[row] for row, column in nearest_pairs(apart)}
