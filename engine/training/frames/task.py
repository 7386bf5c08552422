"""Training a network that looks at one face crop: real crops beside their forgeries, a logit and a coarse mask."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate

from engine.errors import DataError
from engine.networks.frame import FrameNetwork
from engine.networks.mobilenet import settle_batch_norm
from engine.progress import CancelToken
from engine.training.config import DetectorConfig
from engine.training.faces.store import FaceStore
from engine.training.frames.batches import Batch, Batches, MixConfig
from engine.training.frames.teacher import Teacher, tapped
from engine.training.frames.validation import ValidationPart, make_validation, validate
from engine.training.inputs import to_input
from engine.training.loop.distributed import ALONE, Processes
from engine.training.loop.task import LossPart, wide


@dataclass(frozen=True)
class FrameConfig(DetectorConfig):
    """A run that trains on single crops.

    Attributes:
        mask_weight: of the loss on the coarse mask of what is forged; 0: there is no such loss.
        teacher: id of a trained detector whose maps the trunk learns to foretell; empty: none.
        teacher_weight: of that loss.
    """

    mix: MixConfig = field(default_factory=MixConfig)
    mask_weight: float = 0.3
    teacher: str = ""
    teacher_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask_weight < 0 or self.teacher_weight < 0:
            raise ValueError("mask_weight and teacher_weight must not be negative")

    def described(self) -> Mapping[str, Any]:
        blends = ", ".join(f"{name} {share:g}" for name, share in self.mix.forgeries.blends)
        said = {
            "pseudo_fakes": f"spatial part of TPF: self-blending and faces of other persons; blending {blends}"
        }
        return said | ({"teacher": self.teacher} if self.teacher else {})


class FrameTask:
    """The task of the frame detectors (see TrainingTask). For one thread."""

    unit = "crops"

    def __init__(
        self,
        network: FrameNetwork,
        train: FaceStore,
        held_out: FaceStore,
        config: FrameConfig,
        processes: Processes = ALONE,
        cancel: CancelToken | None = None,
        teacher: FrameNetwork | None = None,
    ) -> None:
        """Freeze what is to stay, and draw the held-out crops in process 0.

        Args:
            teacher: the network of `config.teacher`, with its weights.

        Raises:
            DataError: no pair can be made of the faces to train on, or of the held-out ones.
            CancelledError: cancelled while the held-out crops were made.
        """
        self.network = network.to(memory_format=torch.channels_last)
        self.config = config
        torch.manual_seed(config.seed)
        self.mask_head = nn.Conv2d(network.map_channels, 1, 1, bias=False)
        nn.init.normal_(self.mask_head.weight, std=0.01)
        self.mask_head.to(network.head.weight)
        self.mask_head.requires_grad_(requires_grad=config.mask_weight > 0)
        self.module = nn.ModuleDict({"network": self.network, "mask_head": self.mask_head})
        self.frozen = _leading_stages(self.network, config.frozen_stages)
        for stage in self.frozen:
            stage.requires_grad_(requires_grad=False)
        share = processes.share(config.pairs)
        try:
            self._batches = Batches(
                train, config.mix, size=config.size, pairs=config.pairs, seed=config.seed, share=share
            )
        except ValueError as error:
            raise DataError(f"The data do not suffice: {error}", advice="Add real faces") from error
        self._parts: list[ValidationPart] = []
        if processes.first:
            self._parts = make_validation(
                held_out,
                config.mix,
                size=config.size,
                pairs=config.validation_pairs,
                seed=config.seed + 1,
                cancel=cancel,
            )
            if not self._parts:
                raise DataError("No held-out faces to validate on", advice="Add files of more persons")
        self._teacher: Teacher | None = None
        if teacher is not None:
            whole = Batches(train, config.mix, size=config.size, pairs=config.pairs, seed=config.seed)
            self._teacher = Teacher(teacher, self.network, whole[0].pictures).to(network.head.weight)
            self.module["teacher"] = self._teacher
        self.samples = 2 * config.pairs
        videos = {face.item.name for face in train.faces}
        self.batches_per_epoch = max(1, -(-len(videos) // self.samples))

    def settle(self, pictures: int = 64) -> None:
        """Make normalisation fit to the data before the first step (weights that were folded need it)."""
        settle_batch_norm(self.network, self.probe(-(-pictures // len(self._batches[0].labels))))

    def probe(self, batches: int = 6) -> Tensor:
        """(N, 3, S, S): the crops of the first batches as the network takes them."""
        return torch.cat([to_input(self._batches[number].pictures, self.network) for number in range(batches)])

    def batches(self) -> Batches:
        """Batch number k of the run, this process's share of it."""
        return self._batches

    def loss(self, batch: Batch) -> Mapping[str, LossPart]:
        """ "label": cross-entropy of the smoothed labels; "mask": of each known pixel of the coarse masks;
        "teacher": distance from the teacher's maps."""
        c = self.config
        x = to_input(batch.pictures, self.network)
        looking: AbstractContextManager[list[Tensor]] = nullcontext([])
        if self._teacher is not None:
            looking = tapped(self.network)
        with looking as seen:
            features = self.network.features(x)
        logits = wide(self.network.classify(features))
        labels = torch.from_numpy(batch.labels).to(logits)
        smooth = labels * (1 - c.smoothing) + (1 - labels) * c.smoothing
        total = binary_cross_entropy_with_logits(logits, smooth, reduction="sum")
        parts = {"label": LossPart(total, len(labels))}
        if c.mask_weight > 0:
            masks = torch.from_numpy(batch.masks).to(logits)
            cells = wide(self.mask_head(features.map))
            cells = interpolate(cells, size=masks.shape[1:], mode="bilinear").squeeze(1)
            known = ~masks.isnan()
            total = binary_cross_entropy_with_logits(cells[known], masks[known], reduction="sum")
            parts["mask"] = LossPart(total, int(known.sum()), c.mask_weight)
        if self._teacher is not None:
            total = self._teacher.loss(seen, batch.pictures)
            parts["teacher"] = LossPart(total, len(labels), c.teacher_weight)
        return parts

    def validate(self, network: nn.Module) -> dict[str, float]:
        """AUC on each held-out part, and their mean."""
        if not isinstance(network, FrameNetwork):
            raise TypeError("this task validates frame networks")
        return validate(network, self._parts, bf16=self.config.bf16)


def _leading_stages(network: FrameNetwork, stages: int) -> Sequence[nn.Module]:
    """The stem and the first stages of a timm EfficientNet-like trunk."""
    if stages == 0:
        return ()
    trunk = network.trunk
    names = ("conv_stem", "bn1", *(f"blocks.{k}" for k in range(stages)))
    return tuple(trunk.get_submodule(name) for name in names)
