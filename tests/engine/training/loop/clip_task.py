"""A training task of another kind than the shipped ones: clips of a block that moves steadily, or jumps.

It shows that the trainer knows nothing of what a sample is. One frame alone tells nothing.
"""

from collections.abc import Mapping

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import Dataset

from engine.training.loop.distributed import ALONE, Processes
from engine.training.loop.task import LossPart

FRAMES, SIDE = 5, 8


def draw_clips(count: int, seed: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """(count, 1, 5, 8, 8) float32 and (count,) labels: 1 where the block jumps."""
    rng = np.random.default_rng(seed)
    clips = rng.normal(scale=0.1, size=(count, 1, FRAMES, SIDE, SIDE)).astype(np.float32)
    labels = np.arange(count) % 2
    for clip, label in zip(clips, labels, strict=True):
        at = rng.integers(0, SIDE - 3, 2)
        for frame in clip[0]:
            at = rng.integers(0, SIDE - 3, 2) if label else np.clip(at + rng.integers(0, 2, 2), 0, SIDE - 3)
            frame[at[0] : at[0] + 3, at[1] : at[1] + 3] += 1
    return clips, labels.astype(np.float32)


class ClipBatches(Dataset[tuple[Tensor, Tensor]]):
    """Batches of clips by number, a share of each."""

    def __init__(self, count: int, seed: int, share: range) -> None:
        self._count, self._seed, self._share = count, seed, share

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        clips, labels = draw_clips(self._count, [self._seed, number])
        chosen = slice(self._share.start, self._share.stop)
        return torch.from_numpy(clips[chosen]), torch.from_numpy(labels[chosen])


class ClipTask:
    """Satisfies TrainingTask."""

    unit = "clips"
    batches_per_epoch = 4

    def __init__(self, seed: int = 0, samples: int = 8, processes: Processes = ALONE) -> None:
        torch.manual_seed(seed)
        self.network = nn.Sequential(
            nn.Conv3d(1, 8, 3, padding=1),
            nn.BatchNorm3d(8),
            nn.ReLU(inplace=True),
            nn.Conv3d(8, 8, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool3d(1),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(8, 1),
        )
        self.module = nn.ModuleDict({"network": self.network})
        self.frozen: tuple[nn.Module, ...] = ()
        self.samples = samples
        self._batches = ClipBatches(samples, seed, processes.share(samples))
        self._held_out = draw_clips(60, [seed, 10**6])

    def batches(self) -> ClipBatches:
        return self._batches

    def loss(self, batch: tuple[Tensor, Tensor]) -> Mapping[str, LossPart]:
        clips, labels = batch
        logits = self.network(clips).float().squeeze(1)
        total = binary_cross_entropy_with_logits(logits, labels, reduction="sum")
        return {"label": LossPart(total, len(labels)), "size": LossPart(logits.square().sum(), len(labels), 1e-3)}

    def validate(self, network: nn.Module) -> dict[str, float]:
        network.eval()
        clips, labels = self._held_out
        with torch.inference_mode():
            logits = network(torch.from_numpy(clips)).squeeze(1).numpy()
        figure = float(roc_auc_score(labels, logits))
        return {"held-out clips": figure, "mean": figure}
