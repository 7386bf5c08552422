"""Detectors that look at snippets of successive frames (P003)."""

from pathlib import Path

from engine.detectors.specs import DetectorSpec
from engine.networks.snippets.network import SnippetNetwork
from engine.progress import CancelToken, ProgressCallback
from engine.training.clips.gathering import gather_clips
from engine.training.clips.mix import default_clip_mix
from engine.training.datasets.base import Dataset
from engine.training.kinds.base import Kind, Stores
from engine.training.loop.distributed import Processes
from engine.training.snippets.task import SnippetTask, SnippetTaskConfig


class _Snippets:
    def default_config(self, spec: DetectorSpec, dataset: Dataset, *, trained: bool) -> SnippetTaskConfig:
        frozen = 2 if trained else 0
        return SnippetTaskConfig(
            mix=default_clip_mix(dataset), size=spec.size, learning_rate=4e-4, frozen_stages=frozen
        )

    def pretrained(self, spec: DetectorSpec, dataset: Dataset) -> Path | None:  # noqa: ARG002 - none fit
        return None

    def gather(
        self, dataset: Dataset, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
    ) -> Stores:
        return gather_clips(dataset, cancel, progress)

    def task(
        self,
        network: SnippetNetwork,
        stores: Stores,
        config: SnippetTaskConfig,
        processes: Processes,
        cancel: CancelToken | None,
        pretrained: Path | None,  # noqa: ARG002
    ) -> SnippetTask:
        return SnippetTask(network, *stores, config, processes, cancel)


SNIPPET: Kind[SnippetTaskConfig] = _Snippets()
