"""Detectors that compare clips with prototypes (P000)."""

from pathlib import Path

from engine.detectors.specs import DetectorSpec
from engine.networks.dpnet.network import DpNetwork
from engine.progress import CancelToken
from engine.training.clips.mix import default_clip_mix
from engine.training.datasets.base import Dataset
from engine.training.dpnet.config import DpnetConfig
from engine.training.dpnet.task import DpnetTask
from engine.training.kinds.base import Kind, Stores
from engine.training.kinds.clips import ClipKind
from engine.training.loop.distributed import Processes


class _Prototypes(ClipKind):
    def default_config(
        self,
        spec: DetectorSpec,
        dataset: Dataset,
        *,
        trained: bool,  # noqa: ARG002 - the first layers must learn to see motion
    ) -> DpnetConfig:
        return DpnetConfig(mix=default_clip_mix(dataset), size=spec.size)

    def task(
        self,
        network: DpNetwork,
        stores: Stores,
        config: DpnetConfig,
        processes: Processes,
        cancel: CancelToken | None,
        pretrained: Path | None,  # noqa: ARG002
    ) -> DpnetTask:
        return DpnetTask(network, *stores, config, processes, cancel)


DPNET: Kind[DpnetConfig] = _Prototypes()
