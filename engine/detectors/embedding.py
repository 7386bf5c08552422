"""Detectors that also tell how they see a clip before they judge it, for views of a whole set of videos."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy.typing as npt

from engine.detectors.base import AnyDetector, Clip, ClipDetector, ClipScores, Computed, Item, Notify
from engine.errors import UsageError
from engine.progress import CancelToken
from engine.results import FloatArray, Picture, Provenance

FEATURES = "features"
"""The series of DPNet: see there; those below are LPS's."""
SPATIAL, CONTEXT = "spatial", "context"
SECOND_DIFFERENCE, SECOND_DIFFERENCE_SIZE = "second-difference", "second-difference-size"


@runtime_checkable
class Embeds(Protocol):
    """What a clip detector has that gives embeddings."""

    def embed_clip(self, clip: Clip, crops: Picture) -> ClipScores:
        """As ClipDetector.score_clip, with further series for each clip: what the network sees in it.

        Raises:
            DeviceError: it does not fit into memory.
        """
        ...


class Embedding(ClipDetector):
    """Another detector, whose scores carry its embeddings among their activations. For the engine thread.

    An analysis with it has the faces, clips and scores of one with the other detector.
    """

    def __init__(self, detector: AnyDetector) -> None:
        """Raises UsageError: the detector has no embeddings."""
        if not isinstance(detector, ClipDetector) or not isinstance(detector, Embeds):
            raise UsageError(
                f"{detector.id} gives no embeddings of clips",
                advice="Choose dpnet, lps or a compact variant of them; evaluate measures all others",
            )
        self._clips: ClipDetector = detector
        self._embeds: Embeds = detector
        self.id, self.crop_spec, self.length = detector.id, detector.crop_spec, detector.length
        self.weights_sha256 = detector.weights_sha256
        self.trustworthy, self.trust_reason = detector.trustworthy, detector.trust_reason
        self.batch, self.device, self.precision = detector.batch, detector.device, detector.precision

    def in_batches(
        self,
        items: npt.NDArray[Item],
        compute: Callable[[npt.NDArray[Item]], Computed],
        *,
        cancel: CancelToken | None = None,
        notify: Notify | None = None,
    ) -> Iterator[Computed]:
        return self._clips.in_batches(items, compute, cancel=cancel, notify=notify)

    def provenance(self, **settings: object) -> Provenance:
        return self._clips.provenance(embeddings=1, **settings)

    def plan(self, first: int, last: int, every: int = 1) -> Sequence[Clip]:
        return self._clips.plan(first, last, every)

    def affines(self, boxes: FloatArray, landmarks: FloatArray) -> FloatArray:
        return self._clips.affines(boxes, landmarks)

    def score_clip(self, clip: Clip, crops: Picture) -> ClipScores:
        return self._embeds.embed_clip(clip, crops)
