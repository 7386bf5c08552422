"""Detectors that look at snippets of successive frames (P003)."""

from pathlib import Path

from engine.detectors.specs import DetectorSpec
from engine.networks.snippets.network import SnippetNetwork
from engine.progress import CancelToken
from engine.training.clips.mix import default_clip_mix
from engine.training.datasets.base import Dataset
from engine.training.kinds.base import Kind, Stores
from engine.training.kinds.clips import ClipKind
from engine.training.loop.distributed import Processes
from engine.training.snippets.task import SnippetTask, SnippetTaskConfig


class _Snippets(ClipKind):
    def default_config(self, spec: DetectorSpec, dataset: Dataset, *, trained: bool) -> SnippetTaskConfig:
        frozen = 2 if trained else 0
        return SnippetTaskConfig(
            mix=default_clip_mix(dataset), size=spec.size, learning_rate=4e-4, frozen_stages=frozen
        )

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
