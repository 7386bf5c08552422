"""Detectors that look at windows of 60 frames: latent pattern sensing (P001)."""

from pathlib import Path

from engine.detectors.specs import DetectorSpec
from engine.networks.lps.network import Lps
from engine.progress import CancelToken
from engine.training.clips.mix import default_clip_mix
from engine.training.datasets.base import Dataset
from engine.training.kinds.base import Kind, Stores
from engine.training.kinds.clips import ClipKind
from engine.training.loop.distributed import Processes
from engine.training.lps.config import LpsTaskConfig
from engine.training.lps.task import LpsPretraining, LpsTask


class _Lps(ClipKind):
    def default_config(self, spec: DetectorSpec, dataset: Dataset, *, trained: bool) -> LpsTaskConfig:
        """Fine-tuning; from random weights it is P001's LPS_ri, for which nothing was pre-trained."""
        return LpsTaskConfig(
            mix=default_clip_mix(dataset),
            size=spec.size,
            optimiser="adam",
            learning_rate=1e-3,
            weight_decay=1e-5,
            trunk_rate=0.1 if trained else 1.0,
        )

    def task(
        self,
        network: Lps,
        stores: Stores,
        config: LpsTaskConfig,
        processes: Processes,
        cancel: CancelToken | None,
        pretrained: Path | None,  # noqa: ARG002
    ) -> LpsPretraining | LpsTask:
        made = LpsPretraining if config.stage == "pretrain" else LpsTask
        return made(network, *stores, config, processes, cancel)


LPS: Kind[LpsTaskConfig] = _Lps()
