"""The training loop of the frame detectors: seeded, resumable to the exact step, steered by held-out persons."""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate
from torch.utils.data import DataLoader

from engine.errors import DataError
from engine.networks.frame import FrameNetwork
from engine.networks.mobilenet import settle_batch_norm
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.training.batches import Batch, Batches, MixConfig
from engine.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from engine.training.faces import FaceStore
from engine.training.validation import ValidationPart, make_validation, to_input, validate


@dataclass(frozen=True)
class TrainConfig:
    """One run.

    Attributes:
        mix: what is trained on.
        size: side of the crops.
        pairs: real and forged pairs per step.
        steps: in all.
        learning_rate, weight_decay, warm_up: of AdamW; warm_up in steps.
        cool_down: share of the steps, at the end, in which the learning rate falls to nothing.
        frozen_stages: leading stages of the trunk that stay as they were, the stem with the first.
        smoothing: of the labels.
        mask_weight: of the loss on the coarse mask of what is forged.
        average: decay of the running average of the weights, which is what is kept.
        validate_every: steps.
        patience: validations without a better mean AUC before it stops.
        validation_pairs: of each kind.
        seed: of everything.
        bf16: whether the forward pass runs in bfloat16.
        workers: processes that make batches; 0 makes them in this one.
    """

    mix: MixConfig = field(default_factory=MixConfig)
    size: int = 224
    pairs: int = 16
    steps: int = 2400
    learning_rate: float = 5e-4
    weight_decay: float = 0.02
    warm_up: int = 100
    cool_down: float = 0.3
    frozen_stages: int = 2
    smoothing: float = 0.05
    mask_weight: float = 0.3
    average: float = 0.997
    validate_every: int = 200
    patience: int = 10
    validation_pairs: int = 240
    seed: int = 1
    bf16: bool = True
    workers: int = 1

    def fingerprint(self) -> str:
        """Of all that shapes a run before its learning rate falls."""
        later = {"workers", "steps", "patience", "cool_down"}
        plain = {k: v for k, v in asdict(self).items() if k not in later}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

    @property
    def falls_from(self) -> int:
        """The step from which the learning rate falls."""
        return round(self.steps * (1 - self.cool_down))

    def rate(self, step: int) -> float:
        """Learning rate of a step: a linear warm-up, a plateau, a linear fall to nothing."""
        rise = min(1.0, (step + 1) / max(1, self.warm_up))
        fall = min(1.0, (self.steps - step) / max(1, self.steps - self.falls_from))
        return self.learning_rate * rise * fall


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        weights: the averaged network's state at the best validation.
        best_step: when that was.
        aucs: of the held-out parts then.
        steps: done in all.
        history: every validation.
    """

    weights: dict[str, Tensor]
    best_step: int
    aucs: dict[str, float]
    steps: int
    history: list[dict[str, Any]]


class Trainer:
    """One run in one folder. For one thread."""

    def __init__(
        self, network: FrameNetwork, train: FaceStore, held_out: FaceStore, config: TrainConfig, folder: Path
    ):
        self.network = network.to(memory_format=torch.channels_last)
        self.config, self.folder = config, folder
        torch.manual_seed(config.seed)
        self.mask_head = nn.Conv2d(network.map_channels, 1, 1, bias=False)
        nn.init.normal_(self.mask_head.weight, std=0.01)
        self.mask_head.to(network.head.weight.device)
        self.both = nn.ModuleDict({"network": self.network, "mask_head": self.mask_head})
        self._frozen = _leading_stages(self.network, config.frozen_stages)
        for stage in self._frozen:
            stage.requires_grad_(requires_grad=False)
        self.average = copy.deepcopy(network)
        self.optimiser = torch.optim.AdamW(_groups(self.both, config.weight_decay), lr=config.learning_rate)
        self.batches = Batches(train, config.mix, size=config.size, pairs=config.pairs, seed=config.seed)
        self._held_out = held_out
        self.step = 0
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Tensor] = {}

    def settle(self, pictures: int = 64) -> None:
        """Make normalisation fit to the data before the first step (weights that were folded need it)."""
        batches = -(-pictures // (2 * self.config.pairs))
        x = torch.cat([to_input(self.batches[number].pictures, self.network) for number in range(batches)])
        settle_batch_norm(self.network, x)
        self.average.load_state_dict(self.network.state_dict())

    def resume(self) -> bool:
        """Take up the checkpoint of the folder; False if there is none.

        The number of steps may be another one as long as the learning rate has not begun to fall.

        Raises:
            DataError: the checkpoint is of a run that went another way.
        """
        found = load_checkpoint(self.folder)
        if found is None:
            return False
        plateau = min(self.config.falls_from, found.state["falls_from"])
        longer = self.config.steps != found.state["steps"] and found.state["step"] > plateau
        if found.state["config"] != self.config.fingerprint() or longer:
            raise DataError(
                "The checkpoint belongs to a run with other settings",
                advice="Give the same settings, or start anew without --resume",
                file=self.folder,
            )
        self._restore(found)
        return True

    def run(
        self,
        *,
        cancel: CancelToken | None = None,
        progress: ProgressCallback | None = None,
        on_validation: Callable[["Trainer", dict[str, Any]], None] | None = None,
    ) -> Outcome:
        """Train to the last step or until patience ends. A cancelled run leaves a checkpoint at its last step.

        Args:
            on_validation: called after each validation with its record, whose "best" says whether it is the best.
        """
        c = self.config
        parts = make_validation(self._held_out, c.mix, size=c.size, pairs=c.validation_pairs, seed=c.seed + 1)
        if not parts:
            raise DataError(
                "No held-out faces to validate on", advice="Add files of more persons", file=self.folder
            )
        meter = ProgressMeter("Training", c.steps, "steps", progress)
        for batch in self._load():
            if cancel is not None and cancel.cancelled:
                self.save()
                cancel.check()
            loss = self._train_step(batch)
            self.step += 1
            meter.update(self.step)
            if self.step % c.validate_every == 0 or self.step == c.steps:
                record = self._validate(parts, loss)
                self.save()
                if on_validation is not None:
                    on_validation(self, record)
                if self._since_best() >= c.patience:
                    break
        best = max(self.history, key=lambda record: record["aucs"]["mean"])
        return Outcome(self.best, best["step"], best["aucs"], self.step, self.history)

    def save(self) -> None:
        """Write the checkpoint of this step."""
        save_checkpoint(
            self.folder,
            {
                "both": self.both.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": optimiser_tensors(self.both, self.optimiser),
                "best": self.best,
            },
            {
                "step": self.step,
                "steps": self.config.steps,
                "falls_from": self.config.falls_from,
                "config": self.config.fingerprint(),
                "history": self.history,
            },
        )

    def _restore(self, found: Checkpoint) -> None:
        self.both.load_state_dict(found.part("both"))
        self.average.load_state_dict(found.part("average"))
        restore_optimiser(self.both, self.optimiser, found.part("optimiser"))
        self.best = found.part("best")
        self.step = int(found.state["step"])
        self.history = list(found.state["history"])

    def _load(self) -> Iterator[Batch]:
        c = self.config
        return iter(
            DataLoader(
                self.batches,
                batch_size=None,
                sampler=range(self.step, c.steps),
                num_workers=c.workers,
                prefetch_factor=4 if c.workers else None,
            )
        )

    def _train_step(self, batch: Batch) -> float:
        c = self.config
        torch.manual_seed(c.seed * 1_000_003 + self.step)  # drop-out, the same after a resume
        self.both.train()
        for stage in self._frozen:
            stage.eval()
        for group in self.optimiser.param_groups:
            group["lr"] = c.rate(self.step)
        x = to_input(batch.pictures, self.network)
        labels = torch.from_numpy(batch.labels).to(x.device)
        masks = torch.from_numpy(batch.masks).to(x.device)
        with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=c.bf16):
            features = self.network.features(x)
            logits = self.network.classify(features)
            cells = self.mask_head(features.map)
        smooth = labels * (1 - c.smoothing) + (1 - labels) * c.smoothing
        loss = binary_cross_entropy_with_logits(logits.float(), smooth)
        cells = interpolate(cells.float(), size=masks.shape[1:], mode="bilinear").squeeze(1)
        known = ~masks.isnan()
        if known.any():
            loss = loss + c.mask_weight * binary_cross_entropy_with_logits(cells[known], masks[known])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.both.parameters(), 5.0)
        self.optimiser.step()
        self._follow()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the network; faster in the beginning."""
        decay = min(self.config.average, (1 + self.step) / (10 + self.step))
        for ours, theirs in zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        ):
            if ours.is_floating_point():
                ours.lerp_(theirs, 1 - decay)
            else:
                ours.copy_(theirs)

    def _validate(self, parts: list[ValidationPart], loss: float) -> dict[str, Any]:
        aucs = validate(self.average, parts, bf16=self.config.bf16)
        best = all(aucs["mean"] > record["aucs"]["mean"] for record in self.history)
        record = {"step": self.step, "loss": loss, "aucs": aucs, "best": best}
        self.history.append(record)
        if best:
            self.best = {name: value.clone() for name, value in self.average.state_dict().items()}
        return record

    def _since_best(self) -> int:
        means = [record["aucs"]["mean"] for record in self.history]
        return len(means) - 1 - means.index(max(means))


def _leading_stages(network: FrameNetwork, stages: int) -> list[nn.Module]:
    """The stem and the first stages of a timm EfficientNet-like trunk."""
    if stages == 0:
        return []
    trunk = network.trunk
    return [trunk.get_submodule(name) for name in ("conv_stem", "bn1", *(f"blocks.{k}" for k in range(stages)))]


def _groups(module: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weights decay, biases and normalisations do not."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
