"""`compare --data`: where explanations lie on genuine forgeries, pairs of pictures of a data set."""

import argparse
import shlex
from typing import TYPE_CHECKING, Final

from engine.cli.explainer_words import facts, header_of, known_sanity, load_compared
from engine.cli.session import ProgressBar, say
from engine.cli.words import given
from engine.errors import DataError, UsageError
from engine.progress import CancelToken

if TYPE_CHECKING:
    from engine.runtime.locating import PicturePair
    from engine.training.datasets.base import Dataset

_SPLIT: Final = "validation"


def run_pairs(args: argparse.Namespace, token: CancelToken, bar: ProgressBar) -> int:
    """Explain the forged picture of each pair of held-out persons, and write the report.

    Raises:
        UsageError: --limit makes no sense.
        DataError: there is no such pair.
    """
    from engine.detectors.base import single_crops
    from engine.detectors.registry import load_any
    from engine.evaluation.explanations.genuine import FIGURES, as_data, figures, report_files, shown
    from engine.exports.files import Staging, json_text
    from engine.runtime.locating import locate
    from engine.training.datasets import read_dataset

    if args.limit is not None and args.limit < 1:
        raise UsageError(f"--limit {args.limit} makes no sense", advice="Give a number above 0")
    dataset = read_dataset(args.data)
    pairs = _pairs(dataset, args.limit, args.seed)
    explainers = load_compared(args.explainers, args.set, args.detector)
    loaded = load_any(args.detector, args.device, engine=args.engine, notify=say)
    detector = single_crops(loaded, "compare")
    found, left_out = locate(detector, explainers, pairs, cancel=token, progress=bar.show)
    bar.close()
    if not found:
        raise DataError("No pair could be measured", advice=next(iter(left_out.values())), file=args.data)
    limit = "" if args.limit is None else f", {args.limit} drawn at most"
    header = header_of(
        detector,
        facts(explainers, known_sanity(detector, explainers)),
        frames=f"forged ones of the {_SPLIT} split ({dataset.layout}){limit}; {len(left_out)} left out",
        checks=0,
        seed=args.seed,
        command=_words(args),
    )
    files = {"compare.json": json_text(as_data(header, found)), **report_files(header, found)}
    with Staging() as staging:
        staging.write_folder(args.out, files)
    for line in header.warnings:
        say(f"Warning: {line}")
    for name in explainers:
        told = figures(found, name, args.seed)
        say(f"{name}: {', '.join(f'{figure} {shown(told[figure])}' for figure in FIGURES)}; pairs: {len(found)}")
    say(f"{args.out}: compare.json, report.html, report.md")
    return 0


def _pairs(dataset: "Dataset", limit: int | None, seed: int) -> "list[PicturePair]":
    """Pairs of held-out persons, `limit` of them drawn if there are more; always the same ones under a seed."""
    import numpy as np

    from engine.runtime.locating import PicturePair

    part = dataset.part(_SPLIT)
    paths = {item.name: item.path for item in part}
    pairs = [
        PicturePair(item.name, paths[item.original], item.path, item.persons)
        for item in part
        if item.label and item.kind == "face" and item.original in paths
    ]
    if not pairs:
        raise DataError(
            "The data set has no pairs of face pictures, real and forged, of held-out persons",
            advice="Choose one that has, or compare on videos",
            file=dataset.root,
        )
    if limit is None or limit >= len(pairs):
        return pairs
    chosen = np.random.default_rng(seed).choice(len(pairs), limit, replace=False)
    return [pairs[at] for at in sorted(chosen.tolist())]


def _words(args: argparse.Namespace) -> str:
    """The command that gives these figures again, without the folders of this machine."""
    found = ["python", "main.py", "compare", "--data", args.data.name or "DIR", "--out", "DIR"]
    found += given(args, "explainers", "detector", "device", "engine", "limit", "seed")
    for each in args.set:
        found += ["--set", each]
    return shlex.join(found)
