"""A real clip and its forgery, treated alike: one augmentation and one coding for both, for all frames."""

from dataclasses import replace

import numpy as np

from engine.faces.crops import cut_crop
from engine.results import FloatArray, Picture
from engine.training.augmentation.crops import Augmentation, apply_augmentation, crop_map, treated
from engine.training.pseudo_fakes.recoding import Recoding, recode


def treat_alike(
    clips: list[Picture],
    masks: FloatArray | None,
    square: FloatArray,
    draw: Augmentation,
    recoding: Recoding,
    size: int,
    fps: float = 25.0,
) -> tuple[list[Picture], FloatArray]:
    """Cut, change and code clips of one face by one law.

    Args:
        clips: (T, H, W, 3) each, frame by frame of the same footage.
        masks: (T, H, W) of what is forged, None for nothing.
        square: x0, y0, x1, y1 of the face in all frames.
        draw: how the frames are cut and changed, all alike but for their noise; its coding of single pictures is
            left out, the recoding takes its place.
        size: side of the crops.

    Returns:
        Clips (T, size, size, 3) and the masks (T, size, size).
    """
    crops: list[list[Picture]] = [[] for _ in clips]
    cut_masks = []
    for row in range(len(clips[0])):
        law = replace(draw, coding="none", seed=draw.seed + row)
        mask = None if masks is None else masks[row]
        pictures, cut = apply_augmentation([clip[row] for clip in clips], mask, square, law, size)
        for those, picture in zip(crops, pictures, strict=True):
            those.append(picture)
        cut_masks.append(cut)
    return [recode(np.stack(those), recoding, fps) for those in crops], np.stack(cut_masks)


def treat_aligned(
    clips: list[Picture],
    faces: list[FloatArray],
    draw: Augmentation,
    recoding: Recoding,
    size: int,
    fps: float = 25.0,
) -> list[Picture]:
    """As `treat_alike` where each frame is cut by its own face, the way a detector cuts aligned crops.

    Args:
        faces: (T, 2, 3) of each clip, from the unit square of an aligned crop without margin to the frame.

    Returns:
        Clips (T, size, size, 3).
    """
    made = []
    for clip, maps in zip(clips, faces, strict=True):
        crops = []
        for row, (picture, face) in enumerate(zip(clip, maps, strict=True)):
            law = replace(draw, coding="none", seed=draw.seed + row)
            crops.append(treated(cut_crop(picture, crop_map(face, law, size), size), law, size))
        made.append(recode(np.stack(crops), recoding, fps))
    return made
