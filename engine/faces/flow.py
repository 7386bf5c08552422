"""Dense optical flow of one face over a few frames: the motion that DPNet sees (P000, section 3.1).

All frames of a clip are cut with one fixed box, or the box's own movement would look like motion. Flow is computed
forwards on the crop at the frame's own resolution, then brought to the crop's size, so that a large face does not
lose small movements before they are measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from engine.faces.crops import crop_affine, cut_crop
from engine.results import CropSpec, FloatArray, Picture, frozen

Algorithm = Literal["dis", "farneback"]
Representation = Literal["uv", "magnitude"]

_SMALLEST = 64
"""Side of the smallest crop whose flow is computed; below it DIS has no pyramid to search."""


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """What a clip is made of.

    Attributes:
        size: side of the crop that the network sees, pixels.
        margin: as in CropSpec.
        fields: number of flow fields; 0 leaves one picture.
        stride: frames between the beginnings of two fields. Each field leads from a frame to the very next one, so
            a larger stride looks at more time and at motions of the same length.
        representation: two planes a field, or the length of the motion alone.
        algorithm: DIS (medium preset) or Farneback.
        bound: motion at which both directions are cut off, pixels of the crop per frame.
        finest: side of the largest crop on which flow is computed.
    """

    size: int = 256
    margin: float = 0.4
    fields: int = 10
    stride: int = 1
    representation: Representation = "uv"
    algorithm: Algorithm = "dis"
    bound: float = 20.0
    finest: int = 512

    @property
    def channels(self) -> int:
        """Of what the network sees: red, green and blue, then the planes of the fields."""
        return 3 + self.fields * (2 if self.representation == "uv" else 1)

    @property
    def offsets(self) -> tuple[int, ...]:
        """The frames that a clip needs, counted from its first, strictly increasing."""
        starts = [self.stride * field for field in range(self.fields)]
        return tuple(sorted({0, *starts, *(start + 1 for start in starts)}))

    def crop(self, box: npt.ArrayLike) -> FloatArray:
        """The affine map from crop to frame around the box of a clip's first frame."""
        return crop_affine(box, np.zeros((5, 2)), CropSpec(self.size, self.margin))


PARITY = FlowSpec(fields=9, representation="magnitude")
"""The 12 channels with which P000's published figures were made: its authors stack nine maps of one plane."""


@dataclass(frozen=True, slots=True)
class FlowClip:
    """What is seen of one face from one frame on.

    Attributes:
        picture: (S, S, 3) uint8 RGB, the crop of the first frame.
        flow: (F, 2, S, S) float32, motion to the right and downwards in pixels of the crop, within the bound.
        affine: (2, 3) float32, from crop to frame, the same for all frames.
    """

    picture: Picture
    flow: FloatArray
    affine: FloatArray


def make_clip(frames: Sequence[Picture], box: npt.ArrayLike, spec: FlowSpec) -> FlowClip:
    """Cut one face out of whole frames and measure its motion.

    Args:
        frames: (H, W, 3) uint8 RGB, one for each of `spec.offsets`.
        box: (4,) x0, y0, x1, y1 of the face in the first of them, smoothed.

    Raises:
        ValueError: frames are missing, too many or of several sizes.
    """
    if len(frames) != len(spec.offsets):
        raise ValueError(f"a clip of {spec.fields} fields needs {len(spec.offsets)} frames, not {len(frames)}")
    if len({frame.shape for frame in frames}) > 1:
        raise ValueError("the frames of a clip differ in size")
    affine = spec.crop(box)
    native = native_side(affine, spec)
    fine = affine.astype(np.float64)
    fine[:, :2] *= spec.size / native
    grey = {
        offset: cv2.cvtColor(cut_crop(frame, fine, native), cv2.COLOR_RGB2GRAY)
        for offset, frame in zip(spec.offsets, frames, strict=True)
        if spec.fields
    }
    starts = range(0, spec.fields * spec.stride, spec.stride)
    measure = _algorithm(spec.algorithm)
    flow = np.empty((spec.fields, 2, spec.size, spec.size), np.float32)
    for field, start in zip(flow, starts, strict=True):
        field[...] = _brought_to(measure(grey[start], grey[start + 1]), spec.size)
    np.clip(flow, -spec.bound, spec.bound, out=flow)
    return FlowClip(frozen(cut_crop(frames[0], affine, spec.size)), frozen(flow), frozen(affine))


def planes(flow: FloatArray, spec: FlowSpec) -> FloatArray:
    """Flow as a network sees it, in [0, 1].

    Both directions: (v / bound + 1) / 2, so that rest is 0.5, in the order right, down, right, down ...
    The length: |v| / bound, cut off at 1, so that rest is 0.

    Args:
        flow: (F, 2, S, S), pixels per frame.

    Returns:
        (2 F, S, S) or (F, S, S) float32.
    """
    if spec.representation == "uv":
        scaled = np.clip(flow / spec.bound, -1.0, 1.0) * 0.5 + 0.5
        return np.asarray(scaled.reshape(-1, *flow.shape[2:]), np.float32)
    length = np.hypot(flow[:, 0], flow[:, 1]) / spec.bound
    return np.asarray(np.minimum(length, 1.0), np.float32)


def network_input(clip: FlowClip, spec: FlowSpec, mean: Sequence[float], std: Sequence[float]) -> FloatArray:
    """(C, S, S) float32: red, green, blue in [0, 1] less `mean` and over `std`, then the planes, unnormalised."""
    picture = (clip.picture / np.float32(255) - np.asarray(mean)) / np.asarray(std)
    return np.concatenate([picture.transpose(2, 0, 1).astype(np.float32), planes(clip.flow, spec)])


def native_side(affine: FloatArray, spec: FlowSpec) -> int:
    """Side at which flow is computed: the crop's own in frame pixels, but no larger than `spec.finest`."""
    side = float(np.hypot(affine[0, 0], affine[1, 0])) * spec.size
    return max(_SMALLEST, min(spec.finest, round(side)))


def _brought_to(flow: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """(n, n, 2) in its own pixels -> (2, size, size) in pixels of that size."""
    native = len(flow)
    if native != size:
        how = cv2.INTER_AREA if native > size else cv2.INTER_LINEAR
        flow = cv2.resize(flow, (size, size), interpolation=how) * np.float32(size / native)
    return flow.transpose(2, 0, 1)


def _algorithm(name: Algorithm) -> Callable[[Any, Any], Any]:
    """A function of two grey pictures (n, n) uint8: the motion (n, n, 2) float32 from one to the other."""
    fresh: Any = None
    if name == "dis":
        dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        return lambda before, after: dis.calc(before, after, fresh)
    return lambda before, after: cv2.calcOpticalFlowFarneback(
        before, after, fresh, pyr_scale=0.5, levels=5, winsize=15, iterations=3, poly_n=5, poly_sigma=1.2, flags=0
    )
