"""Dense optical flow of one face over a few frames: the motion that DPNet sees (P000, section 3.1).

All frames of a clip are cut with one fixed square, or the square's own movement would look like motion. Flow is
computed forwards on crops larger than what the network sees and then brought to its size, so that small movements
are not lost before they are measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from engine.results import FloatArray, Picture, frozen

Algorithm = Literal["dis", "farneback"]
Representation = Literal["uv", "magnitude"]


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """What a clip is made of.

    Attributes:
        size: side of what the network sees, pixels.
        side: side of the crops on which flow is computed, pixels.
        fields: number of flow fields; 0 leaves one picture.
        stride: frames between the beginnings of two fields. Each field leads from a frame to the very next one, so
            a larger stride looks at more time and at motions of the same length.
        representation: two planes a field, or the length of the motion alone.
        algorithm: DIS (medium preset) or Farneback.
        bound: motion at which both directions are cut off, pixels of what the network sees per frame.
    """

    size: int = 256
    side: int = 256
    fields: int = 10
    stride: int = 1
    representation: Representation = "uv"
    algorithm: Algorithm = "dis"
    bound: float = 20.0

    @property
    def channels(self) -> int:
        """Of what the network sees: red, green and blue, then the planes of the fields."""
        return 3 + self.fields * (2 if self.representation == "uv" else 1)

    @property
    def offsets(self) -> tuple[int, ...]:
        """The frames that a clip needs, counted from its first, strictly increasing."""
        starts = [self.stride * field for field in range(self.fields)]
        return tuple(sorted({0, *starts, *(start + 1 for start in starts)}))


PARITY = FlowSpec(fields=9, representation="magnitude")
"""The 12 channels with which P000's published figures were made: its authors stack nine maps of one plane."""


@dataclass(frozen=True, slots=True)
class FlowClip:
    """What is seen of one face from one frame on.

    Attributes:
        picture: (S, S, 3) uint8 RGB, of the first frame.
        flow: (F, 2, S, S) float32, motion to the right and downwards in pixels of the picture, within the bound.
    """

    picture: Picture
    flow: FloatArray


def make_clip(crops: Picture, spec: FlowSpec) -> FlowClip:
    """Measure the motion in crops that were cut with one square.

    Args:
        crops: (F, side, side, 3) uint8 RGB, one for each of `spec.offsets`.

    Raises:
        ValueError: crops are missing, too many or of another size.
    """
    wanted = (len(spec.offsets), spec.side, spec.side, 3)
    if crops.shape != wanted or crops.dtype != np.uint8:
        raise ValueError(f"a clip of {spec.fields} fields needs {wanted} uint8, not {crops.shape} {crops.dtype}")
    grey = {
        offset: cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        for offset, crop in zip(spec.offsets, crops, strict=True)
        if spec.fields
    }
    measure = _algorithm(spec.algorithm)
    flow = np.empty((spec.fields, 2, spec.size, spec.size), np.float32)
    for number, field in enumerate(flow):
        start = number * spec.stride
        field[...] = _resized(measure(grey[start], grey[start + 1]), spec.size).transpose(2, 0, 1)
    flow *= np.float32(spec.size / spec.side)
    np.clip(flow, -spec.bound, spec.bound, out=flow)
    return FlowClip(frozen(_resized(crops[0], spec.size)), frozen(flow))


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


def _resized(picture: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """(n, n, channels) -> (size, size, channels)."""
    if len(picture) == size:
        return picture
    how = cv2.INTER_AREA if len(picture) > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (size, size), interpolation=how))


def _algorithm(name: Algorithm) -> Callable[[Any, Any], Any]:
    """A function of two grey pictures (n, n) uint8: the motion (n, n, 2) float32 from one to the other."""
    fresh: Any = None
    if name == "dis":
        dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        return lambda before, after: dis.calc(before, after, fresh)
    return lambda before, after: cv2.calcOpticalFlowFarneback(
        before, after, fresh, pyr_scale=0.5, levels=5, winsize=15, iterations=3, poly_n=5, poly_sigma=1.2, flags=0
    )
