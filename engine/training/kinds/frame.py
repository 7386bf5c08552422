"""Detectors that look at one crop at a time."""

from pathlib import Path

from engine.detectors.cards import load_card
from engine.detectors.registry import weights_folder
from engine.detectors.specs import DetectorSpec, detector_spec
from engine.detectors.weights import load_state
from engine.errors import UsageError, WeightsError
from engine.networks.frame import FrameNetwork
from engine.networks.mobilenet import load_folded_imagenet
from engine.progress import CancelToken, ProgressCallback
from engine.training.datasets.base import Dataset
from engine.training.faces.store import gather_faces
from engine.training.frames.task import FrameConfig, FrameTask
from engine.training.kinds.base import Kind, Stores
from engine.training.loop.distributed import Processes
from engine.training.recipes import FRAMES_PER_CLIP, default_config, pretrained_trunk


class _Frames:
    def default_config(self, spec: DetectorSpec, dataset: Dataset, *, trained: bool) -> FrameConfig:
        return default_config(dataset, spec.size, 1, trained=trained)

    def pretrained(self, spec: DetectorSpec, dataset: Dataset) -> Path | None:
        return pretrained_trunk(spec.id, dataset)

    def gather(
        self, dataset: Dataset, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
    ) -> Stores:
        train, held_out = dataset.part("train"), dataset.part("validation")
        return (
            gather_faces(dataset, train, FRAMES_PER_CLIP, cancel=cancel, progress=progress),
            gather_faces(dataset, held_out, FRAMES_PER_CLIP // 2, cancel=cancel, progress=progress),
        )

    def task(
        self,
        network: FrameNetwork,
        stores: Stores,
        config: FrameConfig,
        processes: Processes,
        cancel: CancelToken | None,
        pretrained: Path | None,
    ) -> FrameTask:
        if pretrained is not None:
            load_folded_imagenet(network, pretrained)
        teacher = _teacher(config.teacher, network) if config.teacher else None
        task = FrameTask(network, *stores, config, processes, cancel, teacher)
        if pretrained is not None:
            task.settle()
        return task


def _teacher(detector_id: str, pupil: FrameNetwork) -> FrameNetwork:
    """The network of a trained frame detector, where the pupil is.

    Raises:
        UsageError: unknown id, or no frame detector.
        WeightsError: it is not trained.
    """
    spec, folder = detector_spec(detector_id), weights_folder(detector_id)
    if folder is None:
        raise WeightsError(
            f"The teacher {detector_id} is not trained", advice="Train it first, or name another one"
        )
    card = load_card(folder)
    network = spec.build(card.size)
    if not isinstance(network, FrameNetwork):
        raise UsageError(f"The teacher {detector_id} looks at several frames", advice="Name a frame detector")
    load_state(folder, card, network)
    return network.to(next(pupil.parameters()).device)


FRAME: Kind[FrameConfig] = _Frames()
