"""`train`: make weights for a detector from a data set."""

import argparse
import dataclasses
import os
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import paths
from engine.cli.session import ProgressBar, say, signals_cancel
from engine.cli.words import add_device, given
from engine.errors import UsageError
from engine.progress import CancelToken

if TYPE_CHECKING:
    from engine.training.config import DetectorConfig
    from engine.training.recipes import Recipe


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("train", help="train a detector")
    parser.add_argument("detector", metavar="DETECTOR", help="its id, such as frame-mobile")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the weights; default: weights/DETECTOR")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML, over the recipe's")
    parser.add_argument("--recipe", metavar="NAME", help="shipped settings, such as own-camera or full-size")
    parser.add_argument("--from", dest="start", type=Path, metavar="DIR", help="weights to go on from")
    parser.add_argument("--resume", action="store_true", help="go on where the last run with this --out stopped")
    parser.add_argument(
        "--split", default="official", metavar="NAME", help="official, persons, p001-random or p002-random"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="steps in all")
    parser.add_argument("--seed", type=int, metavar="N", help="default: 1")
    parser.add_argument("--size", type=int, metavar="N", help="side of the crops; default: the detector's own")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from engine.detectors.specs import detector_spec
    from engine.training.datasets import read_dataset
    from engine.training.datasets.own_footage import read_own_footage
    from engine.training.kinds import kind_of
    from engine.training.recipes import find_recipe
    from engine.training.session import Job, train

    spec = detector_spec(args.detector)
    kind = kind_of(spec)
    for name in ("steps", "size"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value} makes no sense", advice="Give a number above 0")
    recipe = find_recipe(args.recipe) if args.recipe else None
    authentic = recipe is not None and recipe.authentic
    if recipe is not None:
        recipe.require(spec.id)
    if authentic and args.start is None:
        raise UsageError(
            f"The recipe {args.recipe} tunes trained weights, and none are named",
            advice=f"Add --from weights/{spec.id}",
        )
    dataset = read_own_footage(args.data) if authentic else read_dataset(args.data, args.split)
    first = _is_first_process()
    tell = say if first else _say_nothing
    tell(dataset.summary())
    trained = args.start is not None or kind.pretrained(spec, dataset) is not None
    phases = _phases(args, recipe, kind.default_config(spec, dataset, trained=trained))
    out = args.out or (paths.data_dir() / "own-camera" / spec.id if authentic else paths.WEIGHTS / spec.id)
    bar, token = ProgressBar(), CancelToken()
    name = args.recipe or ""
    job = Job(spec, dataset, phases, out, _words(args), args.resume, args.device, args.start, name, authentic)
    try:
        with signals_cancel(token, signal.SIGINT, signal.SIGTERM):  # so that a checkpoint is written
            outcome = train(
                job,
                cancel=token,
                progress=bar.show if first else None,
                on_validation=lambda record: tell(_line(record)),
                say=tell,
            )
    finally:
        bar.close()
    tell(f"Best at step {outcome.best_step} of {outcome.steps}; the weights are in {out}")
    return 0


def _phases(
    args: argparse.Namespace, recipe: "Recipe | None", default: "DetectorConfig"
) -> "tuple[DetectorConfig, ...]":
    """The settings: defaults, the recipe's, the file's, those of the command line, each over those before it."""
    from engine.training.recipes import applied, read_recipe, with_settings

    phases = (default,) if recipe is None else applied(recipe, default)
    if args.config is not None:
        file = read_recipe(args.config)
        if len(phases) > 1 and len(file.phases) > 1:
            raise UsageError(
                "The settings have phases, and so has the recipe", advice="Drop one of them", file=args.config
            )
        file.require(args.detector)
        phases = tuple(
            with_settings(config, {**file.settings, **phase}, file.path)
            for config in phases
            for phase in file.phases
        )
    words = {name: getattr(args, name) for name in ("steps", "size", "seed") if getattr(args, name) is not None}
    if len(phases) > 1 and set(words) & {"steps", "size"}:
        raise UsageError(
            f"The training has {len(phases)} phases, each with its own steps and size",
            advice="Drop --steps and --size, or write the settings of each phase into a file for --config",
        )
    if "steps" in words:
        words["epochs"] = 0
    return tuple(dataclasses.replace(config, **words) for config in phases)


def _words(args: argparse.Namespace) -> str:
    """The command that makes these weights again, without the folders of this machine."""
    words = ["python", "main.py", "train", args.detector, "--data", "DIR"]
    words += given(args, "seed", "steps", "size")
    words += ["--split", args.split] if args.split != "official" else []
    words += ["--recipe", args.recipe] if args.recipe else []
    words += ["--from", args.start.name] if args.start else []
    return shlex.join(words + (["--config", args.config.name] if args.config else []))


def _line(record: dict[str, Any]) -> str:
    aucs = ", ".join(f"{name} {value:.3f}" for name, value in record["aucs"].items())
    losses = ", ".join(f"{name} {value:.3f}" for name, value in record["losses"].items())
    kept = " (best, kept)" if record["best"] else ""
    return f"step {record['step']}: loss {record['loss']:.3f} ({losses}), AUC {aucs}{kept}"


def _is_first_process() -> bool:
    """Whether it is this one that speaks; torchrun numbers its processes."""
    return os.environ.get("RANK", "0") == "0"


def _say_nothing(_: str) -> None:
    """Only the first of several processes speaks."""
