"""The faces of one stretch of frames, found without knowing any other stretch.

A video is analysed in segments on a fixed grid of frames, in any order: the one near the playhead first, the rest
later or after a restart. A segment therefore looks at a little more than its own frames, at the same frames that
its neighbours look at, so that what it finds at its borders is what they find there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.faces import cuts as scene_cuts
from engine.faces.detection import Detection
from engine.faces.smoothing import dense_track, rows_of
from engine.faces.tracking import follow, missing_halves
from engine.results import FaceTrack

EVERY = 8
"""Default detection step, frames."""

_EXTRA_LOOKS = 2
"""Looks for where faces begin and end, per look on the grid; a face that flickers more has coarser ends."""

Detect = Callable[[Sequence[int]], Mapping[int, Sequence[Detection]]]
"""Gives the faces of the asked frames; a frame that cannot be had is left out of the answer."""


@dataclass(frozen=True, slots=True)
class FaceSegment:
    """The faces of the frames first..last.

    Attributes:
        first, last: inclusive.
        tracklets: ids local to the segment. Besides their rows inside they hold their detections in the context
            around it, by which neighbours are joined: use `parts` for what is inside.
        cuts: frames in first..last that begin a new scene.
    """

    first: int
    last: int
    tracklets: tuple[FaceTrack, ...]
    cuts: tuple[int, ...]

    def parts(self) -> tuple[FaceTrack, ...]:
        """The tracklets' rows inside first..last."""
        return tuple(
            rows_of(track, (track.frames >= self.first) & (track.frames <= self.last)) for track in self.tracklets
        )


def context(first: int, last: int, frame_count: int, every: int = EVERY) -> tuple[int, int]:
    """First and last frame that must be decoded, and looked at for cuts, for the segment first..last."""
    start, end = _looked_range(first, last, frame_count, every)
    return max(0, start - scene_cuts.CONTEXT), min(frame_count - 1, end + scene_cuts.CONTEXT)


def find_segment_faces(
    detect: Detect, cuts: Sequence[int], first: int, last: int, frame_count: int, every: int = EVERY
) -> FaceSegment:
    """Faces of the frames first..last.

    The detector looks at every n-th frame from one step before the segment to one step after its end, at the
    frames around cuts, at the last frame of the video, and then by halving between frames with and without a face,
    so that every face begins and ends where it does in the video.

    Args:
        detect: asked a few times for the faces of frames within `context(first, last, ...)`, never twice for one.
            Its answers must not depend on the order in which it is asked.
        cuts: from `find_cuts` over the context.
        first, last: first must be a multiple of `every`, and last + 1 too unless it is the end of the video.
        frame_count: of the video.
        every: the detection step, counted from frame 0.
    """
    start, end = _looked_range(first, last, frame_count, every)
    cuts = [cut for cut in cuts if start < cut <= end]
    wanted = set(range(start, end + 1, every)) | {cut - 1 for cut in cuts} | set(cuts)
    if end == frame_count - 1:
        wanted.add(end)
    most = (1 + _EXTRA_LOOKS) * len(wanted)
    asked: set[int] = set()
    detections: dict[int, Sequence[Detection]] = {}
    while wanted and len(asked) + len(wanted) <= most:
        detections.update(detect(sorted(wanted)))
        asked |= wanted
        chains = follow(detections, cuts, every)
        wanted = set(missing_halves(chains, sorted(detections), cuts, frozenset(asked)))
    looked = sorted(detections)
    tracks = [dense_track(0, chain, looked, every) for chain in chains]
    inside = [(track.frames >= first) & (track.frames <= last) for track in tracks]
    known = [rows_of(track, track.detected | own) for track, own in zip(tracks, inside, strict=True) if own.any()]
    known.sort(key=lambda track: (track.frames[np.searchsorted(track.frames, first)], track.boxes[0, 0]))
    return FaceSegment(
        first,
        last,
        tuple(replace(track, id=number) for number, track in enumerate(known)),
        tuple(cut for cut in cuts if first <= cut <= last),
    )


def _looked_range(first: int, last: int, frame_count: int, every: int) -> tuple[int, int]:
    """From one detection step before the segment to one step after the first detection frame behind it."""
    behind = -(-(last + 1) // every) * every
    return max(0, first - every), min(frame_count - 1, behind + every)
