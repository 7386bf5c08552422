"""Tracks made stretch by stretch, in any order, and joined where the stretches meet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.faces.detection import Detection
from engine.results import FaceTrack

Detect = Callable[[Sequence[int]], Mapping[int, Sequence[Detection]]]
"""Gives the faces of the asked frames; a frame that cannot be had is left out of the answer."""


@dataclass(frozen=True, slots=True)
class FaceSegment:
    """The faces of the frames first..last, found without knowing any other segment.

    Attributes:
        first, last: inclusive.
        tracklets: ids local to the segment. Besides their rows inside they hold their detections in the context
            around it, by which neighbours are joined: use `parts` for what is inside.
        cuts: frames in (first, last] and first itself that begin a new scene.
    """

    first: int
    last: int
    tracklets: tuple[FaceTrack, ...]
    cuts: tuple[int, ...]

    def parts(self) -> tuple[FaceTrack, ...]:
        """The tracklets' rows inside first..last."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class LinkedSegment:
    """What `TrackLinker.add` answers.

    Attributes:
        tracks: the segment's parts under provisional ids, those of the neighbours where they are the same face.
        joined: provisional ids given out before that turned out to be the same face: {old id: id that stays}.
    """

    tracks: tuple[FaceTrack, ...]
    joined: Mapping[int, int]


def context(first: int, last: int, frame_count: int, every: int = 8) -> tuple[int, int]:
    """First and last frame that must be decoded to find the faces of first..last the same in any order."""
    raise NotImplementedError


def find_segment_faces(
    detect: Detect, cuts: Sequence[int], first: int, last: int, frame_count: int, every: int = 8
) -> FaceSegment:
    """Faces of the frames first..last.

    Args:
        detect: asked, a few times, for the faces of some frames within `context(first, last, ...)`.
        cuts: frames within the context that begin a new scene.
        first, last: first must be a multiple of `every`, and last + 1 too unless it is the end of the video.
        frame_count: of the video.
        every: the detector runs on every n-th frame, counted from 0, and where tracks begin and end.
    """
    raise NotImplementedError


class TrackLinker:
    """Joins the tracklets of neighbouring segments; the end result is the same for every order."""

    def add(self, segment: FaceSegment) -> LinkedSegment:
        raise NotImplementedError

    def tracks(self) -> tuple[FaceTrack, ...]:
        """All faces so far, ids by first appearance and then from left to right."""
        raise NotImplementedError

    def final_ids(self) -> Mapping[int, int]:
        """Every provisional id ever given out -> its id in `tracks()`."""
        raise NotImplementedError
