"""Everything known of a stretch of video, and what of it belongs to one frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from engine.rendering.meaning import Meaning, meaning_of
from engine.results import Explanation, FaceTrack, FloatArray, IntArray, Scores
from engine.verdict import Statement


@dataclass(frozen=True, slots=True)
class FaceShown:
    """One face on one frame; probability is None where the detector did not score this frame."""

    track_id: int
    name: str
    box: FloatArray
    probability: float | None


@dataclass(frozen=True, slots=True)
class MapShown:
    """One explanation on one frame: (h, w) values and their (2, 3) affine to the frame.

    `end` is the |value| at the ends of the palette; None for the map's own largest one.
    """

    values: FloatArray
    affine: FloatArray
    end: float | None = None


@dataclass(frozen=True, slots=True)
class CurveShown:
    """The probabilities of one face: (N, 2) spans, inclusive, ascending, and (N,) values."""

    track_id: int
    spans: IntArray
    probability: FloatArray


@dataclass(frozen=True, slots=True)
class FrameShown:
    """What `build_layers` draws on one frame."""

    index: int
    pts: int
    seconds: float
    scene: "Scene"
    faces: tuple[FaceShown, ...]
    maps: tuple[MapShown, ...]


@dataclass(frozen=True)
class Scene:
    """A stretch of one video as seen by one detector and at most one explainer.

    Attributes:
        width, height: of the frame as displayed, pixels.
        first, last: the stretch that the curve covers, inclusive.
        names: of faces by track id; "Face N" (from 1) where there is none.
        statement: on the whole video, if anything is to be said of it.
    """

    width: int
    height: int
    first: int
    last: int
    tracks: Sequence[FaceTrack] = ()
    scores: Sequence[Scores] = ()
    explanations: Sequence[Explanation] = ()
    detector_id: str = ""
    weights_sha256: str = ""
    explainer_id: str = ""
    names: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    statement: Statement | None = None

    @property
    def map_title(self) -> str:
        """What stands over the maps."""
        return next((each.title for each in self.explanations if each.title), self.explainer_id)

    @property
    def signed(self) -> bool:
        """Whether the maps tell fake from real; if not, they only say what `meaning` tells."""
        return all(each.signed for each in self.explanations)

    @property
    def meaning(self) -> Meaning:
        """Of maps that have no sign."""
        return meaning_of(next((each.explainer_id for each in self.explanations), self.explainer_id))

    @property
    def excluded(self) -> tuple[str, ...]:
        """Names of the prototypes that had no say in the scores."""
        return tuple(dict.fromkeys(name for scores in self.scores for name in scores.excluded))

    def at(self, index: int, pts: int, seconds: float) -> FrameShown:
        """What belongs to one frame. O(log N) per track."""
        faces = []
        for track in self.tracks:
            row = track.row(index)
            if row is not None:
                name = self.names.get(track.id, f"Face {track.id + 1}")
                faces.append(FaceShown(track.id, name, track.boxes[row], self.probability(track.id, index)))
        maps = []
        for explanation in self.explanations:
            row = int(np.searchsorted(explanation.frames, index))
            if row < len(explanation.frames) and explanation.frames[row] == index:
                maps.append(MapShown(explanation.values[row], explanation.affine[row]))
        return FrameShown(index, pts, seconds, self, tuple(faces), tuple(maps))

    def probability(self, track_id: int, index: int) -> float | None:
        """Of one face on one frame, by the span that began last; None outside every span."""
        for score in self.scores:
            if score.track_id != track_id or not len(score.spans):
                continue
            row = int(np.searchsorted(score.spans[:, 0], index, side="right")) - 1
            if row >= 0 and score.spans[row, 1] >= index:
                return float(score.fake_probability[row])
        return None

    def curves(self) -> tuple[CurveShown, ...]:
        """One per scored face, of the spans that touch the stretch."""
        made = []
        for score in self.scores:
            kept = (score.spans[:, 1] >= self.first) & (score.spans[:, 0] <= self.last)
            if kept.any():
                made.append(CurveShown(score.track_id, score.spans[kept], score.fake_probability[kept]))
        return tuple(made)
