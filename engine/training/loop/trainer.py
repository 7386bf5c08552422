"""The training loop, whatever is trained: seeded, resumable to the exact step, steered by held-out samples."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from engine.errors import CancelledError, DataError
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.training.loop.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from engine.training.loop.config import LoopConfig
from engine.training.loop.distributed import ALONE, Processes
from engine.training.loop.interrupting import interruptible
from engine.training.loop.optimisers import make_optimiser, optimiser_tensors, restore_optimiser
from engine.training.loop.run_log import RunLog
from engine.training.loop.schedules import falls_from, learning_rate
from engine.training.loop.task import BetweenSteps, TrainingTask

Record = dict[str, Any]
"""A validation: step, loss, losses by part, aucs (figures by name), learning_rate, and whether it is the best."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        weights: the averaged network's state at the best validation.
        best_step: when that was.
        aucs: the figures then.
        steps: done in all.
        history: every validation.
    """

    weights: dict[str, Tensor]
    best_step: int
    aucs: dict[str, float]
    steps: int
    history: list[Record]


class Trainer:
    """One run in one folder. For one thread; with several processes, one in each.

    Attributes:
        average: the running average of the network's weights.
        step: how many are done.
    """

    def __init__(
        self,
        task: TrainingTask,
        config: LoopConfig,
        folder: Path,
        processes: Processes = ALONE,
        origin: str = "",
    ) -> None:
        """A run at its beginning.

        Args:
            folder: of the checkpoint and the log.
            origin: name of the weights the network came with; a checkpoint of another origin is not taken up.
        """
        if config.epochs:
            config = replace(config, steps=config.epochs * task.batches_per_epoch)
        self.task, self.config, self.folder, self.processes = task, config, folder, processes
        self._mark = f"{config.fingerprint()} {origin}"
        processes.same(task.module)
        self.average = copy.deepcopy(task.network)
        self.optimiser = make_optimiser(task.module, config)
        self.step = 0
        self.history: list[Record] = []
        self.best: dict[str, Tensor] = {}
        self._sums: dict[str, Tensor] = {}
        self._speed = _Speed(task.samples, task.unit)

    def resume(self) -> bool:
        """Take up the checkpoint of the folder; False if there is none.

        The number of steps may be another one as long as the learning rate has not begun to fall.

        Raises:
            DataError: the checkpoint is of a run that went another way.
        """
        found = load_checkpoint(self.folder)
        if found is None:
            return False
        level = min(falls_from(self.config), int(found.state["falls_from"]))
        longer = self.config.steps != found.state["steps"] and found.state["step"] > level
        if found.state["config"] != self._mark or longer:
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
        on_validation: Callable[[Record], None] | None = None,
    ) -> Outcome:
        """Train to the last step or until patience ends. A cancelled run leaves a checkpoint at its last step.

        Args:
            on_validation: called in process 0 after each validation, whose "best" says whether it is the best.

        Raises:
            CancelledError: cancelled; in one process in the middle of a step, which then counts as not begun.
            DataError: the loss is no number any more.
        """
        meter = ProgressMeter("Training", self.config.steps, "steps", progress)
        with self._log() as log:
            self._speed.start()
            try:
                if self._validation_due():  # a cancel cut it short
                    self._validate(log, cancel, on_validation)
                for batch in self._load():
                    self._stop_if(cancel)
                    self._between(log, cancel)
                    self._train_step(batch, cancel)
                    self._speed.count()
                    meter.update(self.step, self._note)
                    if self._validation_due():
                        self._validate(log, cancel, on_validation)
                    if self.finished:
                        break
            except CancelledError:
                self.save()
                raise
        best = max(self.history, key=lambda record: record["aucs"]["mean"])
        return Outcome(self.best, best["step"], best["aucs"], self.step, self.history)

    def save(self) -> None:
        """Write the checkpoint of this step: all processes come here, process 0 writes."""
        sums = dict(zip(self._sums, self.processes.sums([float(v) for v in self._sums.values()]), strict=True))
        if not self.processes.first:
            return
        save_checkpoint(
            self.folder,
            {
                "module": self.task.module.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": optimiser_tensors(self.task.module, self.optimiser),
                "best": self.best,
                "sums": {name: torch.tensor(value, dtype=torch.float64) for name, value in sums.items()},
            },
            {
                "step": self.step,
                "steps": self.config.steps,
                "falls_from": falls_from(self.config),
                "config": self._mark,
                "history": self.history,
            },
        )

    def _restore(self, found: Checkpoint) -> None:
        self.task.module.load_state_dict(found.part("module"))
        self.average.load_state_dict(found.part("average"))
        restore_optimiser(self.task.module, self.optimiser, found.part("optimiser"))
        self.best = found.part("best")
        share = 1.0 if self.processes.first else 0.0  # the sums are those of all processes
        self._sums = {name: value * share for name, value in found.part("sums").items()}
        self.step = int(found.state["step"])
        self.history = list(found.state["history"])

    def _load(self) -> Iterator[Any]:
        c = self.config
        if self.finished:
            return iter(())
        return iter(
            DataLoader(
                self.task.batches(),
                batch_size=None,
                sampler=range(self.step, c.steps),
                num_workers=c.workers,
                prefetch_factor=4 if c.workers else None,
            )
        )

    def _stop_if(self, cancel: CancelToken | None) -> None:
        """All processes stop before the same step."""
        if self.processes.any(cancel is not None and cancel.cancelled):
            raise CancelledError

    def _between(self, log: RunLog | None, cancel: CancelToken | None) -> None:
        if isinstance(self.task, BetweenSteps):
            alone = cancel if self.processes.count == 1 else None
            for name, values in self.task.before_step(self.step, alone).items():
                if log is not None:
                    log.event(name, self.step, values)

    def _train_step(self, batch: Any, cancel: CancelToken | None) -> None:
        c = self.config
        # drop-out, the same after a resume, another one in every process
        torch.manual_seed(c.seed * 1_000_003 + self.step + self.processes.rank * 7_919_000_003)
        self._training_mode()
        rate = learning_rate(c, self.step, [record["aucs"]["mean"] for record in self.history])
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        self.optimiser.zero_grad(set_to_none=True)
        alone = cancel if self.processes.count == 1 else None  # the others would wait for this one for ever
        with interruptible(self.task.module, alone):
            loss, parts = self._loss(batch)
            loss.backward()  # type: ignore[no-untyped-call]
        trained = [p for p in self.task.module.parameters() if p.requires_grad]
        self.processes.sum_gradients(trained)
        if c.gradient_norm:
            nn.utils.clip_grad_norm_(trained, c.gradient_norm)
        self.optimiser.step()
        self._follow()
        self.step += 1
        for name, value in {"all": loss.detach(), **parts, "steps": torch.ones(())}.items():
            self._sums[name] = self._sums.get(name, torch.zeros(())) + value.double()

    def _loss(self, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """This process's addend of the whole batch's loss, and of each part's mean."""
        device = next(self.task.module.parameters()).device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=self.config.bf16):
            parts = self.task.loss(batch)
        counts = self.processes.sums([part.count for part in parts.values()])
        means = {
            name: part.total / max(count, 1.0) for (name, part), count in zip(parts.items(), counts, strict=True)
        }
        loss = torch.stack([means[name] * part.weight for name, part in parts.items()]).sum()
        return loss, {name: mean.detach() for name, mean in means.items()}

    def _training_mode(self) -> None:
        self.task.module.train()
        for part in self.task.frozen:
            part.eval()
        if self.config.frozen_statistics:
            for part in self.task.module.modules():
                if isinstance(part, _BatchNorm):
                    part.eval()

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the network; faster in the beginning."""
        decay = min(self.config.average, (1 + self.step) / (10 + self.step))
        theirs = self.task.network.state_dict()
        for name, ours in self.average.state_dict().items():
            if ours.is_floating_point():
                ours.lerp_(theirs[name], 1 - decay)
            else:
                ours.copy_(theirs[name])

    def _validation_due(self) -> bool:
        at = self.step > 0 and (self.step % self.config.validate_every == 0 or self.step == self.config.steps)
        return at and (not self.history or self.history[-1]["step"] != self.step)

    def _validate(
        self, log: RunLog | None, cancel: CancelToken | None, tell: Callable[[Record], None] | None
    ) -> None:
        """Judge the average, keep it if it is the best, write the checkpoint, tell."""
        speed = self._speed.values()
        losses = self._mean_losses(self.processes)
        if not math.isfinite(losses["all"]):
            raise DataError(
                f"The loss is no number any more by step {self.step}",
                advice="Start anew with a lower learning_rate",
                file=self.folder,
            )
        figures: dict[str, float] = {}
        if self.processes.first:
            with interruptible(self.average, cancel if self.processes.count == 1 else None):
                figures = self.task.validate(self.average)
        figures = self.processes.from_first(figures)
        means = [record["aucs"]["mean"] for record in self.history]
        record = {
            "step": self.step,
            "loss": losses.pop("all"),
            "losses": losses,
            "aucs": figures,
            "learning_rate": self.optimiser.param_groups[0]["lr"],
            "best": all(figures["mean"] > mean for mean in means),
        }
        self.history.append(record)
        if record["best"]:
            self.best = {name: value.clone() for name, value in self.average.state_dict().items()}
        self._sums = {}
        self.save()
        if log is not None:
            log.validation(record, speed)
            if tell is not None:
                tell(record)
        self._speed.start()

    def _mean_losses(self, processes: Processes = ALONE) -> dict[str, float]:
        """Of the steps since the last validation; of one process alone: of its share of the batches."""
        sums = dict(zip(self._sums, processes.sums([float(v) for v in self._sums.values()]), strict=True))
        steps = sums.pop("steps") / processes.count
        return {name: value / steps for name, value in sums.items()}

    @property
    def finished(self) -> bool:
        """Whether the last step is done, or patience is at its end."""
        means = [record["aucs"]["mean"] for record in self.history]
        waited = len(means) - 1 - means.index(max(means)) if means else 0
        return self.step >= self.config.steps or waited >= self.config.patience

    def _log(self) -> "RunLog | nullcontext[None]":
        if not self.processes.first:
            return nullcontext()
        log = RunLog(self.folder, from_step=self.step)
        c = self.config
        log.event("begin", self.step, {"steps": c.steps, "seed": c.seed, "processes": self.processes.count})
        return log

    def _note(self) -> str:
        """For the display: the mean loss since the last validation and the speed."""
        if not self._sums:
            return self._speed.text()
        loss = self._mean_losses()["all"]
        return f"loss {loss:.3f}, {self._speed.text()}"


class _Speed:
    """Samples per second since the last validation ended."""

    def __init__(self, samples: int, unit: str) -> None:
        self._samples, self._unit = samples, unit
        self._steps, self._since = 0, time.monotonic()

    def count(self) -> None:
        self._steps += 1

    def start(self) -> None:
        self._steps, self._since = 0, time.monotonic()

    def text(self) -> str:
        return f"{self._rate():.0f} {self._unit}/s"

    def values(self) -> dict[str, float]:
        return {f"{self._unit} per second": round(self._rate(), 2)}

    def _rate(self) -> float:
        return self._steps * self._samples / max(time.monotonic() - self._since, 1e-9)
