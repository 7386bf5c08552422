"""The patch of a questioned face that a prototype is like, cut and measured anew from the footage."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.detectors.cards import load_card
from engine.detectors.clip_motion import clip_affine, clip_frames, clip_motion, patch_motion
from engine.detectors.flow_card import flow_of
from engine.detectors.prototypes import read_motions
from engine.exports.prototype_clip import Box, SideBySide
from engine.progress import CancelToken
from engine.results import FloatArray, Prototype, Scores
from engine.video.media import Media


@dataclass(frozen=True, slots=True)
class Questioned:
    """A clip of a face, and the prototype that it is put beside.

    Attributes:
        folder: of the detector's weights.
        index: of the prototype among those of the detector.
        scores: of the face; their provenance names what is excluded.
        first, last: span of the clip, frames.
        boxes: (N, 4) of the face in the frames from `start` on, nan where it is not seen.
        similarity: of the clip to the prototype.
        own_name: the reviewer's for the prototype, empty for none.
    """

    folder: Path
    prototype: Prototype
    index: int
    scores: Scores
    first: int
    last: int
    boxes: FloatArray
    start: int
    similarity: float
    own_name: str = ""


def side_by_side(
    media: Media, asked: Questioned, box: Box | None, cancel: CancelToken | None = None
) -> SideBySide:
    """What `export_prototype_clip` shows. Any one thread.

    Args:
        box: where in the frame the prototype finds itself; all of the crop for None.

    Raises:
        WeightsError: the files of the weights are not what their card says.
        FrameUnavailableError: a frame cannot be decoded.
        CancelledError: cancelled.
    """
    card = load_card(asked.folder)
    spec, _ = flow_of(card)
    seen = ~np.isnan(asked.boxes[:, 0])

    def is_seen(frame: int) -> bool:
        return 0 <= frame - asked.start < len(seen) and bool(seen[frame - asked.start])

    frames = clip_frames(asked.first, asked.last, is_seen, spec)
    affine = clip_affine(asked.boxes[frames - asked.start], spec, card.margin)
    clip = clip_motion(media, frames, affine, spec, cancel or CancelToken())
    patch = patch_motion(clip, box or clip.crop)
    return SideBySide(
        asked.prototype,
        read_motions(asked.folder, card)[asked.index],
        clip.frames,
        patch.pictures,
        patch.flow,
        box or clip.crop,
        asked.scores.track_id,
        asked.similarity,
        spec.stride,
        asked.scores.provenance,
        asked.own_name,
        asked.scores.excluded,
    )
