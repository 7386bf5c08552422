"""`train`: make weights for a detector from a data set."""

import argparse
import dataclasses
import shlex
import signal
from pathlib import Path
from typing import Any

from engine import paths
from engine.cli.session import ProgressBar
from engine.errors import UsageError
from engine.progress import CancelToken


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("train", help="train a detector")
    parser.add_argument("detector", metavar="DETECTOR", help="its id, such as frame-mobile")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the weights; default: weights/DETECTOR")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML")
    parser.add_argument("--from", dest="start", type=Path, metavar="DIR", help="weights to go on from")
    parser.add_argument("--resume", action="store_true", help="go on where the last run with this --out stopped")
    parser.add_argument(
        "--split", default="official", metavar="NAME", help="official, persons, p001-random or p002-random"
    )
    parser.add_argument("--steps", type=int, metavar="N", help="steps in all")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--size", type=int, metavar="N", help="side of the crops; default: the detector's own")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    from engine.detectors.registry import detector_spec
    from engine.training.datasets import read_dataset
    from engine.training.recipes import default_config, with_file
    from engine.training.session import Job, train

    spec = detector_spec(args.detector)
    for name in ("steps", "size"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value} makes no sense", advice="Give a number above 0")
    dataset = read_dataset(args.data, args.split)
    _say(dataset.summary())
    config = default_config(dataset, args.size or spec.size, args.seed)
    if args.config is not None:
        config = with_file(config, args.config)
    if args.steps is not None:
        config = dataclasses.replace(config, steps=args.steps)
    out = args.out or paths.WEIGHTS / spec.id
    bar, token = ProgressBar(), CancelToken()
    job = Job(spec, dataset, config, out, _words(args), args.resume, args.device, args.start)
    before = signal.signal(signal.SIGINT, lambda *_: token.cancel())  # so that a checkpoint is written
    try:
        outcome = train(job, cancel=token, progress=bar.show, on_validation=lambda record: _say(_line(record)))
    finally:
        signal.signal(signal.SIGINT, before)
        bar.close()
    _say(f"Best at step {outcome.best_step} of {outcome.steps}; the weights are in {out}")
    return 0


def _words(args: argparse.Namespace) -> str:
    """The command that makes these weights again, without the folders of this machine."""
    words = ["python", "main.py", "train", args.detector, "--data", "DIR", "--seed", str(args.seed)]
    for name in ("steps", "size"):
        if getattr(args, name) is not None:
            words += [f"--{name}", str(getattr(args, name))]
    words += ["--from", args.start.name] if args.start else []
    words += ["--split", args.split] if args.split != "official" else []
    return shlex.join(words + (["--config", args.config.name] if args.config else []))


def _line(record: dict[str, Any]) -> str:
    aucs = ", ".join(f"{name} {value:.3f}" for name, value in record["aucs"].items())
    kept = " (best, kept)" if record["best"] else ""
    return f"step {record['step']}: loss {record['loss']:.3f}, AUC {aucs}{kept}"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is the command line
