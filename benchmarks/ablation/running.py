"""Configurations one after another, each trained by the application's own training, judged on held-out clips."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.ablation.configurations import Configuration, Table
from benchmarks.ablation.judging import Judged, support_vectors
from engine.detectors.cards import load_card
from engine.detectors.specs import detector_spec
from engine.detectors.weights import load_state
from engine.paths import PROJECT, WEIGHTS
from engine.progress import CancelToken
from engine.training.clips.batches import ClipBatches
from engine.training.clips.validation import FRAMES, judged
from engine.training.config import DetectorConfig
from engine.training.datasets.base import Dataset
from engine.training.kinds import kind_of
from engine.training.loop.distributed import ALONE
from engine.training.recipes import Recipe, applied
from engine.training.session import Job, train

HELD_OUT_PAIRS = 24
"""Of each kind that every network is judged on."""
_SVM_BATCHES = 50
"""Of the fine-tuning, whose clips the support vector machine learns."""
_SOURCES = ("engine/training", "engine/networks", "engine/faces")


@dataclass(frozen=True)
class Run:
    """What all configurations of a table have in common.

    Attributes:
        out: folder of results and weights.
        steps: of each phase, in place of the configurations' own; 0: those.
        held_out: pairs of each kind that are judged.
    """

    table: Table
    dataset: Dataset
    out: Path
    steps: int = 0
    held_out: int = HELD_OUT_PAIRS

    def folder(self, configuration: Configuration) -> Path:
        """Of its weights."""
        return self.out / self.table.id / configuration.name.replace(" ", "-")

    def result(self, configuration: Configuration) -> Path:
        """The file that says it is finished."""
        folder = self.folder(configuration)
        return folder.with_name(folder.name + ".json")


def phases_of(run: Run, configuration: Configuration) -> tuple[DetectorConfig, ...]:
    """The settings of its phases, checked as those of a recipe are. Raises UsageError as they do."""
    table = run.table
    spec = detector_spec(configuration.detector or table.detector)
    default = kind_of(spec).default_config(spec, run.dataset, trained=_start(run, configuration) is not None)
    own = configuration.settings if configuration.detector else {**table.settings, **configuration.settings}
    phases = configuration.phases or table.phases
    # What a configuration changes holds in every phase, whatever the table says of the phase.
    phases = tuple({**phase, **configuration.settings} for phase in phases)
    recipe = Recipe(
        Path(configuration.name), configuration.stands_for, (), authentic=False, settings=own, phases=phases
    )
    made = applied(recipe, default)
    return tuple(replace(phase, steps=run.steps) for phase in made) if run.steps else made


def run_table(run: Run, names: Sequence[str], cancel: CancelToken, say: Callable[[str], None]) -> None:
    """Train and judge what is not finished yet.

    Raises:
        KeyError: a name that no configuration has.
        CancelledError: cancelled; the configuration under way goes on from its checkpoint another time.
    """
    with clips_once() as making:
        for configuration in run.table.chosen(names):
            at = f"{run.table.id}, {configuration.name}"
            if is_finished(run, configuration):
                say(f"{at}: finished before")
                continue
            begun, made = time.process_time(), making.seconds
            earlier = _under_way(run, configuration)
            say(f"{at}: {'goes on' if earlier else 'begins'}")
            try:
                result = _trained_and_judged(run, configuration, cancel)
            finally:
                clips = making.seconds - made
                seconds = earlier + time.process_time() - begun - clips
                _write(_mark(run, configuration), {"settings": _settings(run, configuration), "seconds": seconds})
            _write(run.result(configuration), {**result, "seconds": round(seconds, 1)})
            _mark(run, configuration).unlink()
            say(f"{at}: finished in {seconds:.0f} s of processor time and {clips:.0f} s for new clips")


def is_finished(run: Run, configuration: Configuration) -> bool:
    """Whether there is a result of these very settings."""
    path = run.result(configuration)
    return path.is_file() and json.loads(path.read_text())["settings"] == _settings(run, configuration)


def code_version() -> str:
    """A hash of the sources that a result hangs on."""
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            digest.update(path.relative_to(PROJECT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@dataclass
class Making:
    """Processor time spent on clips, seconds."""

    seconds: float = 0.0


@contextmanager
def clips_once() -> Iterator[Making]:
    """While it is entered, no clip is made twice: all configurations of a table are shown the same.

    A pair hangs on nothing but what `ClipBatches` was told, its number and its place.
    """
    known: dict[tuple[Any, ...], Any] = {}
    making = Making()

    def remembered(make: Callable[..., Any]) -> Callable[..., Any]:
        def made(batches: ClipBatches, number: int, place: int) -> Any:
            faces = batches._store.faces  # noqa: SLF001
            told = (batches._mix, batches._form, batches._pairs, batches._seed)  # noqa: SLF001
            key = make.__name__, len(faces), faces[0].item.name, repr(told), number, place
            if key not in known:
                begun = time.process_time()
                known[key] = make(batches, number, place)
                making.seconds += time.process_time() - begun
            return known[key]

        return made

    with (
        patch.object(ClipBatches, "pair", remembered(ClipBatches.pair)),
        patch.object(ClipBatches, "real", remembered(ClipBatches.real)),
    ):
        yield making


def _mark(run: Run, configuration: Configuration) -> Path:
    """The file that says it is under way."""
    return run.result(configuration).with_suffix(".under-way")


def _under_way(run: Run, configuration: Configuration) -> float:
    """Seconds spent on it when it was stopped, 0 if it was not; what other settings left behind is removed."""
    mark = _mark(run, configuration)
    known = json.loads(mark.read_text()) if mark.is_file() else {}
    if known.get("settings") == _settings(run, configuration):
        return float(known["seconds"])
    shutil.rmtree(_job(run, configuration).run_folder, ignore_errors=True)
    return 0.0


def _job(run: Run, configuration: Configuration) -> Job:
    spec, folder = detector_spec(configuration.detector or run.table.detector), run.folder(configuration)
    command = f"python benchmarks/ablations.py {run.table.id} --data DIR --out DIR --only '{configuration.name}'"
    phases, start = phases_of(run, configuration), _start(run, configuration)
    return Job(spec, run.dataset, phases, folder, command, resume=True, device="cpu", start=start)


def _start(run: Run, configuration: Configuration) -> Path | None:
    """The folder of the weights it begins with."""
    if configuration.after:
        return run.folder(run.table.named(configuration.after))
    return WEIGHTS / run.table.start if run.table.start else None


def _settings(run: Run, configuration: Configuration) -> dict[str, Any]:
    """All that a result hangs on but the code, plain."""
    start = _start(run, configuration)
    began = {"none": ""} if start is None or not start.is_dir() else {load_card(start).id: load_card(start).sha256}
    plain = {
        "detector": configuration.detector or run.table.detector,
        "start": began,
        "phases": [] if configuration.svm else [asdict(phase) for phase in phases_of(run, configuration)],
        "held_out_pairs": run.held_out,
        "svm": configuration.svm,
    }
    return json.loads(json.dumps(plain))


def _trained_and_judged(run: Run, configuration: Configuration, cancel: CancelToken) -> dict[str, Any]:
    job = _job(run, run.table.named(configuration.after) if configuration.svm else configuration)
    phases = job.phases
    network = phases[-1].build(job.spec)
    if configuration.svm:
        load_state(job.out, load_card(job.out), network)
    else:
        network.load_state_dict(train(job, cancel=cancel).weights)
    parts = _judged(run, job.spec, phases[-1], network, cancel, svm=configuration.svm)
    shutil.rmtree(job.run_folder, ignore_errors=True)
    return {
        "name": configuration.name,
        "settings": _settings(run, configuration),
        "steps": [] if configuration.svm else [phase.steps for phase in phases],
        "pairs": 0 if configuration.svm else sum(phase.steps * phase.pairs for phase in phases),
        "seed": phases[0].seed,
        "size": phases[-1].size,
        "parameters": sum(p.numel() for p in network.parameters()),
        "code": code_version(),
        "torch": torch.__version__,
        "parts": {name: part.plain() for name, part in parts.items()},
    }


def _judged(
    run: Run, spec: Any, config: DetectorConfig, network: Any, cancel: CancelToken, *, svm: bool
) -> dict[str, Judged]:
    """What the network, or a machine that learnt what it sees, says of each kind of held-out clips."""
    kind = kind_of(spec)
    stores = kind.gather(run.dataset, cancel)
    few = {"projection_pairs": 1} if hasattr(config, "projection_pairs") else {}
    held_out = replace(config, validation_pairs=run.held_out, **few)
    task: Any = kind.task(network, stores, held_out, ALONE, cancel, None)
    persons = {face.item.name: face.item.persons for face in stores[1].faces}
    judge = machine_of(task, network) if svm else task.judge(network)
    parts = {}
    for part in task.parts:
        if part.name != FRAMES:
            cancel.check()
            scores, _ = judged(part, judge, at_once=4)
            parts[part.name] = Judged(
                tuple(float(score) for score in scores),
                tuple(int(label) for label in part.labels),
                part.groups,
                tuple(persons[name] for name in part.groups),
                hashlib.sha256(np.ascontiguousarray(part.pictures)).hexdigest()[:16],
            )
    return parts


def machine_of(task: Any, network: Any, batches: int = _SVM_BATCHES) -> Any:
    """A judge: a support vector machine that learns what an LPS network sees in the clips of its training."""
    network.eval()

    def seen(pictures: Any) -> Any:
        with torch.inference_mode():
            return network.descriptors(network.encode(task.inputs(pictures))).numpy()

    taught = [task.batches()[number] for number in range(batches)]
    features = np.concatenate([seen(batch.pictures) for batch in taught])
    labels = np.concatenate([batch.labels for batch in taught])
    return lambda pictures: (support_vectors(features, labels, seen(pictures)), None)


def _write(path: Path, result: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(result, indent=1) + os.linesep, encoding="utf-8")
    part.replace(path)
