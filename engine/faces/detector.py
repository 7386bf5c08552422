"""Faces in single pictures: MTCNN (Zhang et al. 2016, IEEE SPL 23-10) with the weights of facenet-pytorch.

The driver around the three networks is ours: continuous coordinates from the first stage on (facenet-pytorch
counts pixels from 1 and truncates), crops cut below the pixel and continued over the frame's edge, many pictures
at once. Measured on a face moved to 25 places: mean IoU with facenet-pytorch's own boxes 0.92 (faces of 67 to 225
px), and of each driver's boxes with their own mean 0.96 (ours) and 0.95. Mirrored pictures show landmarks 0.1 px
from where they should be (60 stills), facenet-pytorch's 0.7 px.

Recall, 120 frontal stills of as many persons set into 1080p frames that are then reduced to `working_size`: 1.00
at 40 px and more, 0.95 at 34 px, 0.83 at 30 px; blurred by 1.2 px and compressed to JPEG 40: 1.00 at 52 px, 0.98
at 46 px, 0.96 at 40 px, 0.85 at 34 px. Faces that are dark or turned away need to be larger.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torchvision.ops import batched_nms

from engine.faces.cascade import CELL, STRIDE, load_cascade
from engine.faces.crops import cut_crop
from engine.faces.detection import Detection
from engine.progress import CancelToken
from engine.results import FloatArray, IntArray, Picture, frozen

MIN_FACE = 40
"""Smallest face that is looked for, pixels of a frame up to 1920 wide: the larger side of its box."""

_LARGEST_RATIO = 48
"""Faces under 1/48 of the frame's longer side are not looked for: 40 px of 1920, 80 px of 3840."""

_WORKING_FACE = 20.0
"""What the smallest face measures in the working picture: the second and third stage want 24 and 48 px."""

_WINDOW = 1.15
"""The smallest window of the first stage over the smallest face: it finds faces somewhat smaller than its window
as surely as larger ones (recall at 40 px 1.00 with windows of 40 and of 46 px), in a quarter less time."""

_FACTOR = 0.709
"""From one level of the pyramid to the next: half the area."""

_THRESHOLDS = (0.6, 0.7, 0.7)

_TOGETHER = 64
"""Crops that a network is given at once, or a smaller power of two: more of them leave a CPU's caches and take
twice as long, and every new number of them costs oneDNN some milliseconds of preparation."""


def smallest_face(width: int, height: int, min_face: int = MIN_FACE) -> float:
    """The stated limit: the smallest face that is looked for in frames of this size, pixels."""
    return max(float(min_face), max(width, height) / _LARGEST_RATIO)


def working_size(width: int, height: int, min_face: int = MIN_FACE) -> tuple[int, int]:
    """Width and height to which a frame should be reduced before `FaceDetector.detect`, never enlarged."""
    reduction = max(1.0, smallest_face(width, height, min_face) / _WORKING_FACE)
    return max(1, round(width / reduction)), max(1, round(height / reduction))


class FaceDetector:
    """Finds faces and five landmarks. For the engine thread."""

    def __init__(self, device: str = "cpu", min_face: int = MIN_FACE) -> None:
        self._device = torch.device(device)
        self._min_face = min_face
        self._proposals, self._refine, self._output = load_cascade(self._device)

    @torch.inference_mode()
    def detect(
        self,
        pictures: Sequence[Picture],
        frame: tuple[int, int] | None = None,
        *,
        cancel: CancelToken | None = None,
    ) -> list[list[Detection]]:
        """Find the faces of some pictures.

        Args:
            pictures: (h, w, 3) RGB uint8, all of one size, best that of `working_size`.
            frame: width and height of the frame that each was reduced from, None for whole frames.
            cancel: looked at several times per picture.

        Returns:
            per picture its faces, best first, in continuous coordinates of the original frame.
        """
        token = cancel or CancelToken()
        # A CPU is fastest with one picture at a time, and the answer then does not depend on its neighbours.
        if not pictures:
            return []
        height, width = pictures[0].shape[:2]
        scale = (1.0, 1.0) if frame is None else (frame[0] / width, frame[1] / height)
        together = len(pictures) if self._device.type == "cuda" else 1
        found: list[list[Detection]] = []
        for start in range(0, len(pictures), together):
            with _one_thread(self._device):
                found += self._detect(pictures[start : start + together], scale, token)
        return found

    def _detect(
        self, pictures: Sequence[Picture], scale: tuple[float, float], cancel: CancelToken
    ) -> list[list[Detection]]:
        across, down = scale
        height, width = pictures[0].shape[:2]
        smallest = smallest_face(round(width * across), round(height * down), self._min_face) / max(across, down)
        halves = [_halves(picture) for picture in pictures]
        boxes, owner = self._propose(halves, smallest, cancel)
        boxes, owner = self._narrow(halves, boxes, owner)
        boxes, owner, landmarks, scores = self._finish(halves, boxes, owner)
        boxes = boxes * np.array([across, down, across, down], dtype=np.float32)
        landmarks = landmarks * np.array([across, down], dtype=np.float32)
        found: list[list[Detection]] = [[] for _ in pictures]
        for at in np.argsort(-scores, kind="stable"):
            found[owner[at]].append(Detection(frozen(boxes[at]), frozen(landmarks[at]), float(scores[at])))
        return found

    def _propose(
        self, halves: Sequence[list[Picture]], smallest: float, cancel: CancelToken
    ) -> tuple[FloatArray, IntArray]:
        """First stage: squares (K, 4) that may hold a face, and the picture (K,) each belongs to."""
        height, width = halves[0][0].shape[:2]
        logit = math.log(_THRESHOLDS[0] / (1.0 - _THRESHOLDS[0]))
        boxes, scores, owner = [], [], []
        scale = CELL / (_WINDOW * smallest)
        while min(height, width) * scale >= CELL:
            size = (round(width * scale), round(height * scale))
            per_x, per_y = width / size[0], height / size[1]
            cancel.check()
            out = self._proposals(self._level(halves, size)).cpu().numpy()
            which, row, column = np.nonzero(out[:, 0] >= logit)
            corner = np.stack([column, row, column, row], axis=1) * float(STRIDE)
            corner[:, 2:] += CELL
            offsets = out[which, 1:, row, column] * CELL
            level_boxes = ((corner + offsets) * [per_x, per_y, per_x, per_y]).astype(np.float32)
            level_scores = out[which, 0, row, column]
            keep = _nms(corner.astype(np.float32), level_scores, which, 0.5)
            boxes.append(level_boxes[keep])
            scores.append(level_scores[keep])
            owner.append(which[keep])
            scale *= _FACTOR
        if not boxes:
            return np.empty((0, 4), np.float32), np.empty(0, np.int64)
        all_boxes, all_scores, all_owner = np.concatenate(boxes), np.concatenate(scores), np.concatenate(owner)
        keep = _nms(all_boxes, all_scores, all_owner, 0.7)
        return _squared(all_boxes[keep]), all_owner[keep]

    def _narrow(
        self, halves: Sequence[list[Picture]], boxes: FloatArray, owner: IntArray
    ) -> tuple[FloatArray, IntArray]:
        """Second stage: most proposals are refused, the others are moved."""
        if not len(boxes):
            return boxes, owner
        offsets, chance = _run(self._refine, self._cut(halves, boxes, owner, 24))
        scores = chance[:, 1]
        good = scores > _THRESHOLDS[1]
        boxes, owner, scores = boxes[good], owner[good], scores[good]
        keep = _nms(boxes, scores, owner, 0.7)
        return _squared(_moved(boxes, offsets[good])[keep]), owner[keep]

    def _finish(
        self, halves: Sequence[list[Picture]], boxes: FloatArray, owner: IntArray
    ) -> tuple[FloatArray, IntArray, FloatArray, FloatArray]:
        """Third stage: final boxes, their pictures, landmarks (K, 5, 2) and scores (K,)."""
        if not len(boxes):
            return boxes, owner, np.empty((0, 5, 2), np.float32), np.empty(0, np.float32)
        offsets, points, chance = _run(self._output, self._cut(halves, boxes, owner, 48))
        good = chance[:, 1] > _THRESHOLDS[2]
        boxes, owner, offsets, points, scores = (
            boxes[good],
            owner[good],
            offsets[good],
            points[good],
            chance[good, 1],
        )
        sides = boxes[:, 2:] - boxes[:, :2]
        landmarks = boxes[:, None, :2] + np.stack([points[:, :5], points[:, 5:]], axis=2) * sides[:, None]
        boxes = _moved(boxes, offsets)
        keep = _without_nested(boxes, scores, owner, 0.7)
        return boxes[keep], owner[keep], landmarks[keep].astype(np.float32), scores[keep]

    def _level(self, halves: Sequence[list[Picture]], size: tuple[int, int]) -> Tensor:
        """Every picture reduced to `size`: (N, 4, h, w) in [0, 255]."""
        level = np.empty((len(halves), size[1], size[0], 4), dtype=np.uint8)
        for target, ladder in zip(level, halves, strict=True):
            step = _rung(ladder, ladder[0].shape[1] / size[0])
            cv2.resize(ladder[step], size, dst=target, interpolation=cv2.INTER_LINEAR)
        return torch.from_numpy(level).to(self._device).permute(0, 3, 1, 2).float()

    def _cut(self, halves: Sequence[list[Picture]], boxes: FloatArray, owner: IntArray, size: int) -> Tensor:
        """The squares cut and scaled to `size`: (K, 3, size, size) in [-1, 1]."""
        crops = np.empty((len(boxes), size, size, 4), dtype=np.uint8)
        for number, (box, which) in enumerate(zip(boxes, owner, strict=True)):
            reduction = (box[2:] - box[:2]) / size
            step = _rung(halves[which], float(reduction.max()))
            affine = np.column_stack([np.diag(reduction), box[:2]]) / 2**step
            crops[number] = cut_crop(halves[which][step], affine, size)
        inputs = torch.from_numpy(crops).to(self._device).permute(0, 3, 1, 2)[:, :3]
        return (inputs.float() - 127.5) / 128


@contextmanager
def _one_thread(device: torch.device) -> Iterator[None]:
    """The networks' many small steps are no faster on two threads, and ten times slower while another works."""
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _run(network: nn.Module, crops: Tensor) -> list[FloatArray]:
    """The network's outputs for crops (K, 3, s, s), in batches of few different sizes."""
    outputs, at = [], 0
    while at < len(crops):
        size = min(_TOGETHER, 1 << (len(crops) - at).bit_length() - 1)
        outputs.append(network(crops[at : at + size]))
        at += size
    return [torch.cat(parts).cpu().numpy() for parts in zip(*outputs, strict=True)]


def _halves(picture: Picture) -> list[Picture]:
    """The picture as RGBA, halved again and again: averages of 2 x 2, the last odd row or column left out."""
    ladder: list[Picture] = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), dtype=np.uint8)]
    while min(ladder[-1].shape[:2]) >= 2 * CELL:
        height, width = ladder[-1].shape[:2]
        even = ladder[-1][: height // 2 * 2, : width // 2 * 2]
        half = cv2.resize(even, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        ladder.append(np.asarray(half, dtype=np.uint8))
    return ladder


def _rung(ladder: list[Picture], reduction: float) -> int:
    """The smallest of the halves that is not smaller than what is wanted."""
    return min(len(ladder) - 1, max(0, math.floor(math.log2(reduction) + 1e-6)))


def _nms(boxes: FloatArray, scores: FloatArray, owner: IntArray, overlap: float) -> IntArray:
    kept: IntArray = batched_nms(
        torch.from_numpy(boxes), torch.from_numpy(scores), torch.from_numpy(owner), overlap
    ).numpy()
    return kept


def _without_nested(boxes: FloatArray, scores: FloatArray, owner: IntArray, overlap: float) -> IntArray:
    """Like _nms, but by the share of the smaller box that is covered: no face lies within another."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    kept: list[int] = []
    for at in np.argsort(-scores, kind="stable"):
        others = [k for k in kept if owner[k] == owner[at]]
        low = np.maximum(boxes[others, :2], boxes[at, :2])
        high = np.minimum(boxes[others, 2:], boxes[at, 2:])
        shared = np.clip(high - low, 0.0, None).prod(axis=1)
        if not (shared > overlap * np.minimum(areas[others], areas[at])).any():
            kept.append(int(at))
    return np.array(kept, dtype=np.int64)


def _moved(boxes: FloatArray, offsets: FloatArray) -> FloatArray:
    sides = boxes[:, 2:] - boxes[:, :2]
    return (boxes + offsets * np.tile(sides, 2)).astype(np.float32)


def _squared(boxes: FloatArray) -> FloatArray:
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
