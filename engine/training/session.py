"""A whole training: from a data set to weights with their card, written anew whenever validation improves."""

import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.detectors.base_weights import Base, find_base
from engine.detectors.cards import Card, load_card
from engine.detectors.devices import has_fast_bf16, resolve_device
from engine.detectors.folding import fold_batch_norm
from engine.detectors.precision import bf16_deviation, both_precisions
from engine.detectors.specs import DetectorSpec, detector_spec
from engine.detectors.weights import load_state, save_weights
from engine.errors import UsageError, WeightsError
from engine.paths import cache_dir
from engine.progress import CancelToken, ProgressCallback
from engine.training.card import Origin, new_card
from engine.training.config import DetectorConfig
from engine.training.datasets.base import Dataset
from engine.training.kinds import kind_of, trunk_weights
from engine.training.kinds.base import DetectorTask, KeepsFiles, Stores
from engine.training.loop.distributed import Processes, joined
from engine.training.loop.trainer import Outcome, Record, Trainer


def _nothing(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Job:
    """What to train and where to put it.

    Attributes:
        spec: the detector.
        dataset: what to train on.
        phases: how, one after another; each but the first goes on from the best weights of the one before it.
        out: folder of the weights and their card, those of the last phase.
        command: the words that started it, for the card.
        resume: whether to go on with the checkpoint of an earlier run with the same `out`.
        device: auto, cpu or cuda.
        start: folder of weights of the same detector to go on from; None: as the data set's trunk, or at random.
        recipe: its name, for the card.
        authentic: whether all of the data set is authentic footage.
    """

    spec: DetectorSpec
    dataset: Dataset
    phases: tuple[DetectorConfig, ...]
    out: Path
    command: str
    resume: bool = False
    device: str = "auto"
    start: Path | None = None
    recipe: str = ""
    authentic: bool = False

    @property
    def run_folder(self) -> Path:
        """Where checkpoints and logs live."""
        mark = hashlib.sha256(str(self.out.resolve()).encode()).hexdigest()[:12]
        return cache_dir() / "runs" / f"{self.spec.id}-{mark}"

    def phase_folder(self, number: int) -> Path:
        """Of one phase, from 0."""
        return self.run_folder if len(self.phases) == 1 else self.run_folder / f"phase-{number + 1}"


@dataclass(frozen=True)
class _Start:
    """Where a training begins.

    Attributes:
        origin: for the card.
        mark: of the weights, so that no checkpoint of another beginning is taken up.
        pretrained: weights for the trunk that came with the data set, if it begins with them.
        weights: to begin with, None if with none.
        trunk_only: whether the weights are of the trunk alone, and the rest begins as it is built.
    """

    origin: Origin
    mark: str
    pretrained: Path | None
    weights: dict[str, Tensor] | None
    trunk_only: bool = False


def train(
    job: Job,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
    on_validation: Callable[[Record], None] | None = None,
    say: Callable[[str], None] = _nothing,
) -> Outcome:
    """Train and leave the best weights of the last phase in `job.out`. For one thread; makes more processes.

    Started by torchrun, its processes share every batch; the first one writes.

    Args:
        say: told in a sentence what goes on, in the first process.

    Raises:
        UsageError: the last phase trains no detector, or a phase begins with weights of another network.
        DataError: the data set does not suffice, or the checkpoint is of another run.
        WeightsError: those to start from are damaged or another detector's.
        CancelledError: cancelled; the checkpoint is at the last step.
    """
    if not job.phases[-1].makes_detector:
        raise UsageError(
            "The last phase of this training leaves no detector",
            advice="Let another one follow that does; the recipes show how",
        )
    device = resolve_device(job.device)
    with joined(device.type) as processes:
        start = _start(job)
        with processes.first_then_others():
            stores = kind_of(job.spec).gather(job.dataset, cancel, progress)
        resume = job.resume
        for number, config in enumerate(job.phases):
            task, trainer = _phase(job, number, start, stores, processes, cancel)
            at = f"phase {number + 1} of {len(job.phases)}, " if len(job.phases) > 1 else ""
            resume = resume and trainer.resume()
            if processes.first:
                say(_beginning(at, trainer, resume=resume, wanted=job.resume))

            def keep(
                record: Record,
                config: DetectorConfig = config,
                task: DetectorTask = task,
                run: Trainer = trainer,
                origin: Origin = start.origin,
            ) -> None:
                if record["best"] and config is job.phases[-1]:
                    _write(job, origin, config, task, run, record)
                if on_validation is not None:
                    on_validation(record)

            resume = resume and trainer.finished
            outcome = trainer.run(cancel=cancel, progress=progress, on_validation=keep)
            start = replace(start, pretrained=None, weights=outcome.weights, trunk_only=False)
        return outcome


def _start(job: Job) -> _Start:
    phases = tuple(f"{c.size} px, {c.steps} steps, {c.optimiser} from {c.learning_rate:g}" for c in job.phases)
    if job.start is not None:
        card = _card_of(job.start, job.spec)
        network = detector_spec(card.id).build(card.size)
        load_state(job.start, card, network)
        weights, trunk_only = dict(network.state_dict()), card.id != job.spec.id
        name = f"weights {card.sha256[:12]}"
        if trunk_only:
            weights = trunk_weights(job.phases[0].build(job.spec), weights)
            name = f"the trunk of {card.id}, {name}"
        origin = Origin(job.command, name, card.sha256, job.recipe, phases, job.authentic)
        return _Start(origin, card.sha256, None, weights, trunk_only)
    pretrained = kind_of(job.spec).pretrained(job.spec, job.dataset)
    name = "random" if pretrained is None else pretrained.name
    return _Start(Origin(job.command, name, "", job.recipe, phases, job.authentic), name, pretrained, None)


def _card_of(start: Path, spec: DetectorSpec) -> Card:
    """The card of the weights to start from: of the detector itself, or of one with the same trunk."""
    card = load_card(start)
    if detector_spec(card.id).trunk != spec.trunk:
        raise WeightsError(
            f"These are weights of {card.id}, whose trunk is not that of {spec.id}",
            advice="Give a folder of the detector that is trained, or of one with the same trunk",
            file=start,
        )
    return card


def _phase(
    job: Job,
    number: int,
    start: _Start,
    stores: Stores,
    processes: Processes,
    cancel: CancelToken | None,
) -> tuple[DetectorTask, Trainer]:
    device, config = resolve_device(job.device), job.phases[number]
    config = replace(config, bf16=config.bf16 and has_fast_bf16(device))
    torch.manual_seed(config.seed)
    network = config.build(job.spec)
    if start.weights is not None:
        try:
            network.load_state_dict(start.weights, strict=not start.trunk_only)
        except RuntimeError as error:
            raise UsageError(
                "The weights to begin with do not fit the network that the settings ask for",
                advice="Leave out the settings that change the network, or begin with fitting weights",
                file=job.start,
            ) from error
    task = kind_of(job.spec).task(network.to(device), stores, config, processes, cancel, start.pretrained)
    return task, Trainer(task, config, job.phase_folder(number), processes, start.mark)


def _beginning(at: str, trainer: Trainer, *, resume: bool, wanted: bool) -> str:
    if resume:
        return f"Going on at {at}step {trainer.step} of {trainer.config.steps}, {trainer.folder}"
    why = "There is no checkpoint to go on with; b" if wanted else "B"
    return f"{why}eginning at {at}step 0 of {trainer.config.steps}; checkpoint and log are in {trainer.folder}"


def _base(job: Job) -> Path | None:
    """The weights that it started from, if they will be found again where the new ones are loaded."""
    if job.start is None:
        return None
    card = load_card(job.start)
    try:
        return find_base(Base(card.id, card.sha256), job.out) if card.id != job.spec.id else None
    except WeightsError:
        return None


def _write(
    job: Job, origin: Origin, config: DetectorConfig, task: DetectorTask, run: Trainer, record: Record
) -> None:
    network: Any = run.average
    deviation = _deviation(network, task.probe()) if run.config.bf16 else None
    card = new_card(job.spec, network, config, job.dataset, record, origin, deviation)
    files: Mapping[str, bytes] = {}
    if isinstance(task, KeepsFiles):
        entries, files = task.belongings(network)
        card |= entries
    save_weights(job.out, network, card, torch.float16, files, _base(job))


def _deviation(network: nn.Module, x: Tensor) -> float:
    """How far bf16 moves probabilities around one half, on training crops, folded as detectors are."""
    folded = copy.deepcopy(network).eval()
    fold_batch_norm(folded)
    return round(bf16_deviation(*both_precisions(folded, x)), 5)
