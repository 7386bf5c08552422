"""The motion of a prototype beside that of the patch in question, drawn on a worker thread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PySide6.QtGui import QImage

from engine.detectors.cards import load_card
from engine.detectors.clip_motion import ClipMotion, clip_affine, clip_frames, clip_motion, patch_motion
from engine.detectors.flow_card import flow_of
from engine.detectors.prototypes import read_motions
from engine.progress import CancelToken
from engine.rendering.face_outline import WHOLE, face_outline, with_box
from engine.rendering.flow_picture import direction_wheel, flow_frames, full_length
from engine.results import FloatArray, Picture, Prototype

if TYPE_CHECKING:
    from engine.video.media import Media

SIDE, SMALL = 192, 48
_FRAME = (255, 255, 255)
_SHADE = 0.45
"""Brightness of the picture behind the motion in question."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be drawn.

    Attributes:
        folder, weights: where the weights lie, and their SHA-256.
        index: of the prototype.
        first, last: the span of the clip.
        box: of the patch in the frame; None for the whole face.
    """

    folder: str
    weights: str
    prototype: Prototype
    index: int
    track_id: int
    first: int
    last: int
    box: Box | None

    @property
    def clip(self) -> tuple[str, int, int, int]:
        """What is the same for all prototypes and patches."""
        return self.weights, self.track_id, self.first, self.last


@dataclass(frozen=True, slots=True)
class Answer:
    """Moving pictures of equal length.

    Attributes:
        prototype, motion, pictures: F images each: how the prototype moves, how the patch moves, and the patch.
        frames: (F) of the video.
        place: where on a face the prototype was seen.
        wheel: the colours of directions.
        full: the length of motion with the strongest colour, the same for both; pixels of the network's input.
        clip: to be given back with the next question of the same clip.
    """

    question: Question
    prototype: tuple[QImage, ...]
    motion: tuple[QImage, ...]
    pictures: tuple[QImage, ...]
    frames: tuple[int, ...]
    place: QImage
    wheel: QImage
    full: float
    clip: ClipMotion


def answer(
    question: Question, media: Media, boxes: dict[int, FloatArray], known: ClipMotion | None, cancel: CancelToken
) -> Answer:
    """Measure and draw. Worker threads only.

    Args:
        boxes: of the face in the frames around the clip, where it is seen.
        known: the clip of this question, if it was measured before.

    Raises:
        WeightsError: the motions of the prototypes are not there.
        FrameUnavailableError: a frame cannot be decoded.
        CancelledError: cancelled.
    """
    folder = Path(question.folder)
    card = load_card(folder)
    spec, _ = flow_of(card)
    own = _motions(question.folder, question.weights)[question.index]
    clip = known
    if clip is None:
        frames = clip_frames(question.first, question.last, boxes.__contains__, spec)
        affine = clip_affine(np.stack([boxes[frame] for frame in frames.tolist()]), spec, card.margin)
        clip = clip_motion(media, frames, affine, spec, cancel)
    cancel.check()
    patch = patch_motion(clip, question.box or clip.crop)
    full = full_length(own, patch.flow)
    source = question.prototype.source
    x0, y0, x1, y1 = source.crop
    size = np.array([x1 - x0, y1 - y0] * 2)
    part: Box = tuple(((np.array(source.box) - (x0, y0, x0, y0)) / size).tolist())
    pictures = np.stack([_square(picture) for picture in patch.pictures])
    behind = np.repeat(pictures.mean(axis=3, keepdims=True) * _SHADE, 3, axis=3).astype(np.uint8)
    return Answer(
        question,
        _images(flow_frames(own, SIDE, full, face_outline(part, card.margin, SIDE))),
        _images(flow_frames(patch.flow, SIDE, full, behind)),
        _images(pictures),
        tuple(clip.frames.tolist()),
        _image(with_box(face_outline(WHOLE, card.margin, SMALL), part, _FRAME)),
        _wheel(),
        full,
        clip,
    )


@lru_cache(maxsize=4)
def _motions(folder: str, weights: str) -> FloatArray:  # noqa: ARG001 - other weights in the same folder are read anew
    return read_motions(Path(folder), load_card(Path(folder)))


def _square(picture: Picture) -> Picture:
    """Brought to a square, as the motion inside a box is."""
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _images(pictures: Picture) -> tuple[QImage, ...]:
    return tuple(_image(picture) for picture in pictures)


def _image(picture: Picture) -> QImage:
    height, width = picture.shape[:2]
    kind = QImage.Format.Format_RGB888 if picture.shape[2] == 3 else QImage.Format.Format_RGBA8888
    return QImage(np.ascontiguousarray(picture).data, width, height, width * picture.shape[2], kind).copy()


def _wheel() -> QImage:
    return _image(direction_wheel(SMALL))
