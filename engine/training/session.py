"""A whole training: from a data set to weights with their card, written anew whenever validation improves."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine.detectors.cards import Card, load_card
from engine.detectors.devices import has_fast_bf16, resolve_device
from engine.detectors.folding import fold_batch_norm
from engine.detectors.precision import bf16_deviation, both_precisions
from engine.detectors.registry import DetectorSpec
from engine.detectors.weights import load_state, save_weights
from engine.errors import WeightsError
from engine.networks.frame import FrameNetwork
from engine.networks.mobilenet import load_folded_imagenet
from engine.paths import cache_dir
from engine.progress import CancelToken, ProgressCallback
from engine.training.card import Origin, new_card
from engine.training.datasets.base import Dataset
from engine.training.faces import FaceStore, gather_faces
from engine.training.recipes import FRAMES_PER_CLIP
from engine.training.trainer import Outcome, TrainConfig, Trainer
from engine.training.validation import to_input


@dataclass(frozen=True)
class Job:
    """What to train and where to put it.

    Attributes:
        spec: the detector.
        dataset: what to train on.
        config: how.
        out: folder of the weights and their card.
        command: the words that started it, for the card.
        resume: whether to go on with the checkpoint of an earlier run with the same `out`.
        device: auto, cpu or cuda.
        start: folder of weights of the same detector to go on from; None: as the data set's trunk, or at random.
    """

    spec: DetectorSpec
    dataset: Dataset
    config: TrainConfig
    out: Path
    command: str
    resume: bool = False
    device: str = "auto"
    start: Path | None = None

    @property
    def run_folder(self) -> Path:
        """Where the checkpoint lives."""
        mark = hashlib.sha256(str(self.out.resolve()).encode()).hexdigest()[:12]
        return cache_dir() / "runs" / f"{self.spec.id}-{mark}"


def train(
    job: Job,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
    on_validation: Callable[[dict[str, Any]], None] | None = None,
) -> Outcome:
    """Train and leave the best weights in `job.out`. For one thread; makes one more process.

    Raises:
        DataError: the data set does not suffice, or the checkpoint is of another run.
        WeightsError: those to start from are damaged or another detector's.
        CancelledError: cancelled; the checkpoint is at the last step.
    """
    dataset = job.dataset
    faces = gather_faces(dataset, dataset.part("train"), FRAMES_PER_CLIP, cancel=cancel, progress=progress)
    held_out = gather_faces(
        dataset, dataset.part("validation"), FRAMES_PER_CLIP // 2, cancel=cancel, progress=progress
    )
    trainer = _trainer(job, faces, held_out)

    def keep(run: Trainer, record: dict[str, Any]) -> None:
        if record["best"]:
            _write(job, run, record)
        if on_validation is not None:
            on_validation(record)

    return trainer.run(cancel=cancel, progress=progress, on_validation=keep)


def _trainer(job: Job, train_store: FaceStore, held_out: FaceStore) -> Trainer:
    torch.manual_seed(job.config.seed)
    network = job.spec.build(job.config.size)
    folded = job.dataset.pretrained if job.spec.id == "frame-mobile" and job.start is None else None
    if job.start is not None:
        load_state(job.start, _card_of(job.start, job.spec), network)
    if folded is not None:
        load_folded_imagenet(network, folded)
    device = resolve_device(job.device)
    config = replace(job.config, bf16=job.config.bf16 and has_fast_bf16(device))
    trainer = Trainer(network.to(device), train_store, held_out, config, job.run_folder)
    resumed = job.resume and trainer.resume()
    if folded is not None and not resumed:
        trainer.settle()
    return trainer


def _card_of(start: Path, spec: DetectorSpec) -> Card:
    """The card of the weights to start from."""
    card = load_card(start)
    if card.id != spec.id:
        raise WeightsError(
            f"These are weights of {card.id}, not of {spec.id}",
            advice="Give a folder of the detector that is trained",
            file=start,
        )
    return card


def _initialisation(job: Job) -> str:
    if job.start is not None:
        return f"weights {_card_of(job.start, job.spec).sha256[:12]}"
    pretrained = job.dataset.pretrained
    return "random" if pretrained is None or job.spec.id != "frame-mobile" else pretrained.name


def _write(job: Job, run: Trainer, record: dict[str, Any]) -> None:
    deviation = _deviation(run.average, run) if run.config.bf16 else None
    origin = Origin(job.command, _initialisation(job))
    card = new_card(job.spec, run.average, job.config, job.dataset, record, origin, deviation)
    save_weights(job.out, run.average, card, torch.float16)


def _deviation(network: FrameNetwork, run: Trainer) -> float:
    """How far bf16 moves probabilities around one half, on training crops, folded as detectors are."""
    folded = copy.deepcopy(network).eval()
    fold_batch_norm(folded)
    x = torch.cat([to_input(run.batches[number].pictures, network) for number in range(6)])
    return round(bf16_deviation(*both_precisions(folded, x)), 5)
