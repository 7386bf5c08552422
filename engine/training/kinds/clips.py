"""What the kinds of detectors that are trained on clips share: the prepared runs, and that no trunk fits them."""

from pathlib import Path

from engine.detectors.specs import DetectorSpec
from engine.progress import CancelToken, ProgressCallback
from engine.training.clips.gathering import gather_clips
from engine.training.datasets.base import Dataset
from engine.training.kinds.base import Stores


class ClipKind:
    """Half of a Kind."""

    def pretrained(self, spec: DetectorSpec, dataset: Dataset) -> Path | None:  # noqa: ARG002 - none fit
        return None

    def gather(
        self, dataset: Dataset, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
    ) -> Stores:
        return gather_clips(dataset, cancel, progress)
