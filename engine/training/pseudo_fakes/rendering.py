"""Puts a plan into pictures: frame by frame, on the face's region alone."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from engine.results import BoolArray, FloatArray, Picture
from engine.training.faces.shape68 import similarity
from engine.training.pseudo_fakes import warps
from engine.training.pseudo_fakes.blending import colour_table, recoloured
from engine.training.pseudo_fakes.clips import ClipForgery, plan_of
from engine.training.pseudo_fakes.masks import make_mask, outline
from engine.training.pseudo_fakes.mismatch import apply_mismatch
from engine.training.pseudo_fakes.operators.plan import ClipFaces, Plan
from engine.training.pseudo_fakes.swap import Donor, donor_rows, fitted, fitted_shape

_MASK_WIDTH = 144.0  # faces that are larger get their mask at this width: it is smooth
_MOTION_MARGIN = 0.06  # widths of the face beyond the mask that movements may bring in
_FEWEST_LEVELS = 1 / 512
_MOST_CONTRAST = 1.4  # factor by which matching may stretch a donor's colours; beyond, lips turn magenta

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in whole pixels of the frame."""

FrameOf = Callable[[int], Picture]
"""Gives the picture (H, W, 3) of a row."""


@dataclass(frozen=True, eq=False)
class ForgedClip:
    """A forged clip and the truth about it.

    Attributes:
        frames: (T, H, W, 3) uint8.
        masks: (T, H, W) float32 in [0, 1], how much of each pixel is forged; 0 where nothing was touched.
        frame_labels: (T,) bool, whether anything of the frame is forged.
    """

    frames: Picture
    masks: FloatArray
    frame_labels: BoolArray


def forge_clip(
    frames: Picture, points: FloatArray, forgery: ClipForgery, fps: float, donor: Donor | None = None
) -> ForgedClip:
    """Forge a face in a clip.

    Args:
        frames: (T, H, W, 3) uint8, successive real frames.
        points: (T, 68, 2), its landmarks, smoothed (`clip_points.smoothed`).
        forgery: what to do.
        fps: frames per second.
        donor: another person's face, needed if the forgery swaps.
    """
    faces = ClipFaces(np.asarray(points, dtype=np.float32), fps)
    forger = ClipForger(faces, forgery, (frames.shape[2], frames.shape[1]), donor)
    made = [forger.frame(row, frames.__getitem__) for row in range(len(frames))]
    masks = np.stack([mask for _, mask in made])
    return ForgedClip(np.stack([picture for picture, _ in made]), masks, np.asarray(masks.any(axis=(1, 2))))


class ClipForger:
    """Forges the frames of one clip in order. For one thread.

    Attributes:
        plan: what is done in which frame.
    """

    def __init__(
        self, faces: ClipFaces, forgery: ClipForgery, size: tuple[int, int], donor: Donor | None = None
    ) -> None:
        """`size` is (W, H) of the frames.

        Raises:
            ValueError: another person's face is asked for and none is given.
        """
        if forgery.swap is not None and donor is None:
            raise ValueError("another person's face is asked for and none is given")
        self.plan: Plan = plan_of(forgery, faces)
        self._faces, self._forgery, self._size, self._donor = faces, forgery, size, donor
        self._widths = faces.widths()
        self._rows = donor_rows(faces, donor) if donor is not None and forgery.swap else None
        self._table: Picture | None = None
        self._middle: float | None = None
        self._patch = lru_cache(maxsize=4)(self._make_patch)
        self._get: FrameOf = lambda _: np.zeros((0, 0, 3), np.uint8)

    def frame(self, row: int, get: FrameOf) -> tuple[Picture, FloatArray]:
        """The forged picture of a row and its (H, W) float32 mask; the picture itself where nothing is forged.

        Args:
            get: gives the pictures of rows up to `plan.reach` away.
        """
        picture, (width, height) = get(row), self._size
        mask = np.zeros((height, width), dtype=np.float32)
        box = self._box(row) if self.plan.active[row] else None
        if box is None:
            return picture, mask
        self._get = get
        x0, y0, x1, y1 = box
        ratio = min(1.0, max(0.0, self._forgery.ratio * float(self.plan.ratio[row])))
        weight = self._mask(row, box) * np.float32(ratio)
        weight[weight < _FEWEST_LEVELS] = 0  # cannot change a level
        patch = self._flickered(self._source(row, box), row)
        forged = picture.copy()
        inside = np.ascontiguousarray(picture[y0:y1, x0:x1])
        forged[y0:y1, x0:x1] = cv2.blendLinear(patch, inside, weight, 1 - weight)
        mask[y0:y1, x0:x1] = weight
        return forged, mask

    def _box(self, row: int) -> Box | None:
        """Around all that the mask can reach; None outside of the frame."""
        law, face = self._forgery.mask, float(self._widths[row])
        shape = outline(self._faces.points[row], law.region)
        margin = face * (3 * law.elastic + 3 * law.first_blur + 3.3 * law.last_blur + _MOTION_MARGIN) + 2
        low = np.maximum(np.floor(shape.min(axis=0) - margin), 0).astype(int)
        high = np.minimum(np.ceil(shape.max(axis=0) + margin), self._size).astype(int)
        (x0, y0), (x1, y1) = low.tolist(), high.tolist()
        return (x0, y0, x1, y1) if x1 - x0 >= 8 and y1 - y0 >= 8 else None

    def _mask(self, row: int, box: Box) -> FloatArray:
        """The mask within the box."""
        x0, y0, x1, y1 = box
        points = self._faces.points[row] - np.array([x0, y0], np.float32)
        scale = min(1.0, _MASK_WIDTH / float(self._widths[row]))
        size = (max(8, round((x1 - x0) * scale)), max(8, round((y1 - y0) * scale)))
        mask = make_mask(points * np.float32(scale), self._forgery.mask, size)
        if self._rows is not None and self._donor is not None and self._forgery.swap is not None:
            # What lies around the donor's face, hair or a wall, is not pasted.
            shape = fitted_shape(self._donor.points[self._rows[row]], points, self._forgery.swap)
            mask = np.minimum(mask, make_mask(shape * np.float32(scale), self._forgery.mask, size))
        if scale == 1.0:
            return mask
        return np.asarray(cv2.resize(mask, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR), dtype=np.float32)

    def _source(self, row: int, box: Box) -> Picture:
        """What is pasted into the box, before flicker: the mix of its sources."""
        sources, weights = self.plan.sources[row], self.plan.weights[row]
        parts = [(self._moved(row, int(s), box), float(w)) for s, w in zip(sources, weights, strict=True) if w > 0]
        if len(parts) == 1:
            return parts[0][0]
        mixed = np.zeros(parts[0][0].shape, np.float32)
        for part, share in parts:
            mixed += part * np.float32(share)
        return np.asarray(np.round(mixed), dtype=np.uint8)

    def _moved(self, row: int, source: int, box: Box) -> Picture:
        """The patch of a source row, moved and morphed into the box of a row."""
        x0, y0, x1, y1 = box
        if self._box(source) is None:  # there the face is not in the picture yet, or no more
            source = row
        patch, (left, top, _, _) = self._patch(source)
        size = (x1 - x0, y1 - y0)
        affine = self._affine(row, source)
        offsets = self.plan.offsets[row]
        if offsets.any():
            points = self._faces.points[row]
            field = warps.displacements(points - np.array([x0, y0], np.float32), offsets, size)
            return warps.warp_affine_displaced(patch, _between(affine, (left, top), (x0, y0)), field)
        if np.array_equal(affine, np.eye(2, 3)) and (left, top, *patch.shape[1::-1]) == (x0, y0, *size):
            return patch
        return warps.warp_affine(patch, _between(affine, (left, top), (x0, y0)), size)

    def _affine(self, row: int, source: int) -> npt.NDArray[np.float64]:
        """(2, 3) from the source frame to the frame."""
        x, y, degrees, log_scale = self.plan.motion[row].tolist()
        face = float(self._widths[source])
        shift = ((self._forgery.shift[0] + x) * face, (self._forgery.shift[1] + y) * face)
        degrees, scale = degrees + self._forgery.degrees, self._forgery.scale * float(np.exp(log_scale))
        if not any(shift) and not degrees and scale == 1.0:
            own: npt.NDArray[np.float64] = np.eye(2, 3)
        else:
            own = warps.turn_scale_shift(self._faces.points[source].mean(axis=0), degrees, scale, shift)
        if not self.plan.aligned or source == row:
            return own
        onto = similarity(self._faces.points[source], self._faces.points[row]).astype(np.float64)
        return np.asarray(np.vstack([onto, [0, 0, 1]]) @ np.vstack([own, [0, 0, 1]]))[:2]

    def _make_patch(self, source: int) -> tuple[Picture, Box]:
        """The region of a source row, in colour, sharpness and noise as it is pasted; kept for the next rows."""
        box = self._box(source)
        if box is None:
            raise ValueError(f"the face of row {source} lies outside of its frame")
        x0, y0, x1, y1 = box
        frame = self._get(source)
        face = float(self._widths[source])
        part = np.ascontiguousarray(frame[y0:y1, x0:x1])
        if self._rows is not None and self._donor is not None and self._forgery.swap is not None:
            points = self._faces.points[source] - np.array([x0, y0], np.float32)
            swapped = fitted(self._donor, int(self._rows[source]), points, (x1 - x0, y1 - y0), self._forgery.swap)
            if self._table is None:
                mask = self._mask(source, box)
                if (mask > 0.5).any():
                    self._table = colour_table(
                        swapped, part, mask, self._forgery.swap.colour_match, _MOST_CONTRAST
                    )
            part = swapped if self._table is None else recoloured(swapped, self._table)
        if self._middle is None:
            self._middle = float(part.mean())
        mismatch = replace(self._forgery.mismatch, seed=self._forgery.mismatch.seed + source)
        return apply_mismatch(part, mismatch, face, self._middle), box

    def _flickered(self, patch: Picture, row: int) -> Picture:
        gain, tint = float(self.plan.gain[row]), float(self.plan.tint[row])
        if gain == 1.0 and tint == 0.0:
            return patch
        factors = gain * np.array([1 + tint, 1.0, 1 - tint])
        table = np.clip(np.round(np.arange(256)[:, None] * factors), 0, 255).astype(np.uint8)
        return np.asarray(cv2.LUT(patch, table[None]), dtype=np.uint8)


def _between(
    affine: npt.NDArray[np.float64], source: tuple[int, int], target: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """The map between two cut-outs whose corners lie at `source` and `target`, given that between the frames."""
    moved = affine.copy()
    moved[:, 2] += affine[:, :2] @ np.array(source, np.float64) - np.array(target, np.float64)
    return moved
