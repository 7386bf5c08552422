"""`evaluate`: measure a detector on the videos of a data set."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.session import ProgressBar
from engine.cli.words import writable
from engine.errors import DataError, UsageError

if TYPE_CHECKING:
    from engine.evaluation.evaluate import Sample
    from engine.training.datasets.base import Item

PROTOCOLS = ("dev", "validation", "all")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("evaluate", help="measure a detector")
    parser.add_argument("detector", metavar="DETECTOR", help="its id, such as frame-mobile")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="a data set")
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default="dev",
        help="dev: clips kept for reporting, or validation where there are none; validation: the held-out persons "
        "of the training data; default: %(default)s",
    )
    parser.add_argument(
        "--every", type=int, default=5, metavar="N", help="score each n-th frame; default: %(default)s"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures and every video's score")
    parser.add_argument("--record", action="store_true", help="write the figures into the card of the weights")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    from engine.detectors.registry import load_detector, weights_folder
    from engine.evaluation.evaluate import figures, judge, report
    from engine.training.card import record_figures
    from engine.training.datasets import read_dataset

    if args.every < 1:
        raise UsageError(f"--every {args.every} makes no sense", advice="Give a number above 0")
    if args.json is not None:
        writable(args.json)
    dataset = read_dataset(args.data)
    items = chosen(dataset.items, args.protocol)
    if len({item.label for item in items}) < 2:
        what = f"The protocol {args.protocol} needs real and forged files"
        raise DataError(what, advice="Choose another protocol or data set", file=args.data)
    detector = load_detector(args.detector, args.device)
    bar = ProgressBar()
    try:
        judged = judge([_sample(item) for item in items], detector, args.every, progress=bar.show)
    finally:
        bar.close()
    found = figures(judged, groups([j.sample for j in judged]))
    for f in found:
        _say(
            f"{f.protocol}: {f.metric} {f.value:.3f} (95% {f.low:.3f} to {f.high:.3f}), "
            f"{f.n_real} real, {f.n_fake} forged"
        )
    if args.json is not None:
        text = json.dumps(report(judged, found, detector, dataset.layout, args.every), indent=1)
        part = args.json.with_name(args.json.name + ".part")
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(args.json)
    folder = weights_folder(args.detector)
    if args.record and folder is not None:
        record_figures(folder, found, f"{dataset.layout}: {', '.join(sorted({i.split for i in items}))}")
    return 0


def chosen(items: "Sequence[Item]", protocol: str) -> "list[Item]":
    """The items of a protocol, but for kinds (clips, stills, face boxes) of which there is one class only."""
    split = protocol
    if protocol == "dev" and not any(item.split == "dev" for item in items):
        split = "validation"
    of_split = [item for item in items if protocol == "all" or item.split == split]
    both = {item.kind for item in of_split if item.label} & {item.kind for item in of_split if not item.label}
    return [item for item in of_split if item.kind in both] or of_split


def groups(samples: "Sequence[Sample]") -> "list[tuple[str, Callable[[Sample], bool]]]":
    """What is reported apart: the dev figure, its parts, and every method."""
    from engine.training.card import DEV

    parts = {sample.protocol for sample in samples if sample.protocol}
    made: list[tuple[str, Callable[[Sample], bool]]] = []
    if "dev" in {sample.split for sample in samples}:
        made.append((DEV, lambda sample: sample.protocol in ("unseen", "seen")))
        made += [(f"dev, {part}", _has("protocol", part)) for part in sorted(parts)]
    else:
        made.append(("held-out persons", lambda _: True))
    methods = sorted({sample.method for sample in samples if sample.method})
    return made + [(f"method {method}", _has("method", method)) for method in methods]


def _has(field: str, value: str) -> "Callable[[Sample], bool]":
    return lambda sample: getattr(sample, field) == value


def _sample(item: "Item") -> "Sample":
    from engine.evaluation.evaluate import Sample

    return Sample(item.name, item.path, item.label, item.split, item.protocol, item.method, item.kind == "face")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is the command line
