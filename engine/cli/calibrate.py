"""`calibrate`: from a detector's score to likelihood ratios, on persons it never learned from."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.cli.copies import METHOD, forged_copies
from engine.cli.session import ProgressBar, say
from engine.cli.words import add_device
from engine.detectors.calibration import METHODS
from engine.errors import DataError, UsageError

if TYPE_CHECKING:
    from engine.evaluation.calibration.conditions import Evidence
    from engine.evaluation.calibration.pool import Calibrated
    from engine.training.datasets.base import Dataset, Item

SPLIT: Final = "validation"
"""Persons of the training data who were held out; clips kept for reporting are never used."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("calibrate", help="make likelihood ratios of a detector's scores")
    parser.add_argument("detector", metavar="DETECTOR", help="its id, such as frame-mobile, or FILE.onnx")
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help="a data set; its validation persons; several make one pool",
    )
    parser.add_argument(
        "--scheme", default="official", metavar="NAME", help="how the data set is split; default: %(default)s"
    )
    parser.add_argument(
        "--pseudo-fakes",
        type=Path,
        metavar="DIR",
        help="add a pseudo-fake copy of each real video, made there (or found, from the last time)",
    )
    parser.add_argument("--method", choices=METHODS, default="logistic", help="default: %(default)s")
    parser.add_argument(
        "--every", type=int, default=5, metavar="N", help="score each n-th frame; default: %(default)s"
    )
    parser.add_argument("--record", action="store_true", help="write the calibration into the card of the weights")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    from engine.detectors.foreign.detector import ForeignDetector
    from engine.detectors.foreign.measured import write_measured
    from engine.detectors.registry import load_any, weights_folder
    from engine.evaluation.calibration.pool import calibrate, gather
    from engine.evaluation.calibration.record import calibrated, record
    from engine.evaluation.evaluate import judge
    from engine.faces.detector import FaceDetector
    from engine.runtime.scoring import AnalysisScorer
    from engine.training.datasets import read_dataset

    if args.every < 1:
        raise UsageError(f"--every {args.every} makes no sense", advice="Give a number above 0")
    detector = load_any(args.detector, args.device)
    datasets = [read_dataset(folder, args.scheme) for folder in args.data]
    items, left_out = chosen(datasets)
    bar = ProgressBar()
    try:
        if args.pseudo_fakes is not None:
            copies, failed = forged_copies([i for i in items if not i.label], args.pseudo_fakes, bar.show)
            items, left_out = items + copies, left_out + failed
        if len({item.label for item in items}) < 2:
            what = "A calibration needs real and forged videos of held-out persons"
            raise DataError(what, advice="Add some", file=args.data[0])
        scorer = AnalysisScorer(detector, FaceDetector(detector.device), args.every)
        judged = judge([_sample(item) for item in items], scorer, progress=bar.show)
    finally:
        bar.close()
    members, faceless = gather(judged, _evidence, detector.precision)
    data = ", ".join(f"{dataset.layout}: {SPLIT}" for dataset in datasets)
    data += f", with {METHOD} copies" if args.pseudo_fakes is not None else ""
    made = calibrate(members, data=data, every=args.every, method=args.method, left_out=left_out + faceless)
    for line in described(made):
        say(line)
    folder = weights_folder(args.detector)
    if args.record and isinstance(detector, ForeignDetector):
        write_measured(detector.description.path, *calibrated(detector.measured, made))
    elif args.record and folder is not None:
        record(folder, made)
    return 0


def chosen(datasets: "Sequence[Dataset]") -> "tuple[list[Item], Counter[str]]":
    """The clips of held-out persons, and why other items of the split are left out, with their number."""
    elsewhere = {p for d in datasets for item in d.items if item.split != SPLIT for p in item.persons}
    items, left_out = [], Counter[str]()
    for item in (item for dataset in datasets for item in dataset.part(SPLIT)):
        if item.kind != "clip":
            left_out["not a clip"] += 1
        elif elsewhere & set(item.persons):
            left_out["persons of another split"] += 1
        else:
            items.append(item)
    return items, left_out


def described(made: "Calibrated") -> list[str]:
    """What a person reads of a calibration."""
    pool, (value, low, high) = made.pool, made.cllr
    people = f"{pool.persons} persons in {pool.groups} groups"
    least = "{:.3f} ({:.3f} to {:.3f})".format(*made.cllr_min)
    cost = f"Cllr {value:.3f} (95% {low:.3f} to {high:.3f}), Cllr_min {least}"
    lines = [
        f"{made.method} on {pool.n_real} real and {pool.n_forged} forged videos of {people}, {pool.data}",
        f"{cost}, ECE {made.ece:.3f}, cross-validated by person",
        f"log10 LR is kept within {made.low:+.2f} and {made.high:+.2f}",
        *(f"method {name}: {count}" for name, count in pool.methods.items()),
        *(f"left out, {reason}: {count}" for reason, count in pool.left_out.items()),
    ]
    lines += [f"holds for {name}: {low:g} to {high:g}" for name, (low, high) in made.limits.ranges.items()]
    return [*lines, f"holds for codecs: {', '.join(made.limits.codecs)}"]


def _sample(item: "Item") -> Any:
    from engine.evaluation.evaluate import Sample

    return Sample(
        item.name, item.path, item.label, item.split, method=item.method, persons=item.persons, source=item.source
    )


def _evidence(path: Path) -> "Evidence":
    from engine.evaluation.calibration.conditions import evidence_of
    from engine.video.media import open_media

    media = open_media(path)
    try:
        return evidence_of(media)
    finally:
        media.close()
