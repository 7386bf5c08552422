"""What every detector is to the rest of the engine: it judges single crops of faces, or clips of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from engine.errors import UsageError
from engine.faces.crops import crop_affines
from engine.progress import CancelToken
from engine.results import CropSpec, FloatArray, IntArray, Picture, Provenance

Notify = Callable[[str], None]
"""Told, in a sentence for the user, when the work goes on in a lesser way."""

Computed = TypeVar("Computed")
Item = TypeVar("Item", bound=np.generic)


class AnyDetector(ABC):
    """For the engine thread.

    Attributes:
        id: as in the registry.
        crop_spec: how it wants its faces.
        length: successive frames of which it makes its scores, 1 for a detector of single crops.
        weights_sha256: of the file that was loaded.
        trustworthy: whether its probability may take part in the verdict of a video.
        trust_reason: why, or why not.
        batch: crops, or clips, that it takes at a time.
        device: name of the torch device.
        precision: float32 or bf16, as it really computes.
    """

    id: str
    crop_spec: CropSpec
    length: int
    weights_sha256: str
    trustworthy: bool
    trust_reason: str
    batch: int
    device: str
    precision: str

    @abstractmethod
    def in_batches(
        self,
        items: npt.NDArray[Item],
        compute: Callable[[npt.NDArray[Item]], Computed],
        *,
        cancel: CancelToken | None = None,
        notify: Notify | None = None,
    ) -> Iterator[Computed]:
        """What `compute` makes of crops (or clips), or of what stands for one each, as many at a time as fit.

        Raises:
            DeviceError: not even one fits into memory.
            CancelledError: cancelled between two batches.
        """

    @abstractmethod
    def provenance(self, **settings: object) -> Provenance:
        """What is needed to make its scores again; `settings` are those of the caller."""


class Detector(AnyDetector):
    """Scores the crops of faces, each by itself. For the engine thread."""

    length = 1

    @abstractmethod
    def score_crops(
        self, crops: Picture, *, cancel: CancelToken | None = None, notify: Notify | None = None
    ) -> FloatArray:
        """(N, S, S, 3) uint8 RGB -> (N,) float32 logits of fake against real, each independent of its neighbours.

        Raises:
            DeviceError: not even one crop fits into memory.
            CancelledError: cancelled between two batches.
        """

    @abstractmethod
    def exact_logits(self, crops: Picture) -> FloatArray:
        """As `score_crops`, of crops that fit into one batch, and always in float32."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames of one face that a detector judges together.

    Attributes:
        frames: (F,) int64 that it sees, in its order; a frame may come more than once.
        spans: (K, 2) int64, ascending: the frames that each of its K scores stands for.
        repeats: whether it had to repeat frames, for want of successive ones.
    """

    frames: IntArray
    spans: IntArray
    repeats: bool = False

    @property
    def first(self) -> int:
        return int(self.frames.min())

    @property
    def span_rows(self) -> IntArray:
        """(F,) int64, the span of each frame that it sees; of one that lies in none, the next or else the last."""
        found: IntArray = np.searchsorted(self.spans[:, 1], self.frames).clip(max=len(self.spans) - 1)
        return found


@dataclass(frozen=True, slots=True)
class ClipScores:
    """What a detector says of one clip.

    Attributes:
        logits: (K,) float32 of fake against real, one per span.
        activations: named series, (K, n) float32 each; the same names for every clip of a detector.
    """

    logits: FloatArray
    activations: Mapping[str, FloatArray] = field(default_factory=lambda: MappingProxyType({}))


class ClipDetector(AnyDetector):
    """Scores clips of one face. For the engine thread.

    A video is analysed segment by segment and in any order, so which clips there are must hang on nothing but
    where the face is seen without a gap: clips stand on a grid of frame numbers, and besides them at both ends.
    """

    @abstractmethod
    def plan(self, first: int, last: int, every: int = 1) -> Sequence[Clip]:
        """The clips of a face that is seen in all frames first..last, ascending by their first frame.

        No clip has more than `length` frames between its ends, those that begin `length` frames or more after
        `first` do not hang on it, and those that end `length` frames or more before `last` do not hang on that.

        Args:
            every: frames at least between the beginnings of two clips of the grid.
        """

    def affines(self, boxes: FloatArray, landmarks: FloatArray) -> FloatArray:
        """How a clip's frames are cut: boxes (F, 4), landmarks (F, 5, 2) -> (F, 2, 3) from crop to frame."""
        return crop_affines(boxes, landmarks, self.crop_spec)

    @abstractmethod
    def score_clip(self, clip: Clip, crops: Picture) -> ClipScores:
        """What the network says of one clip: crops (F, S, S, 3) uint8 RGB. Independent of clips before it.

        Raises:
            DeviceError: it does not fit into memory.
        """

    def in_float32(self) -> "ClipDetector":
        """The same detector, whose scores are always computed in float32."""
        return self


def single_crops(detector: AnyDetector, what: str) -> Detector:
    """The detector, if it scores single crops.

    Args:
        what: that needs them, to begin a sentence.

    Raises:
        UsageError: it scores clips.
    """
    if not isinstance(detector, Detector):
        raise UsageError(
            f"{what} judges single frames, and {detector.id} looks at {detector.length} at once",
            advice="Choose a frame detector such as frame-mobile",
        )
    return detector
