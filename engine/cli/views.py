"""`views`: what DPNet or LPS shows of a set of videos, as one report."""

import argparse
import io
import shlex
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.evaluate import header_of
from engine.cli.evaluate_sets import chosen_items, sample_set
from engine.cli.session import ProgressBar, say, signals_cancel
from engine.cli.words import add_device
from engine.errors import UsageError, VideoError
from engine.progress import CancelToken, Progress

if TYPE_CHECKING:
    from engine.detectors.base import AnyDetector
    from engine.evaluation.evaluate import Judged, Sample
    from engine.evaluation.views.made import Views
    from engine.evaluation.views.report import Pictures
    from engine.runtime.observing import Observer


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("views", help="show what DPNet or LPS sees in a set of videos")
    parser.add_argument("detector", metavar="DETECTOR", help="dpnet, lps or a compact variant of them")
    parser.add_argument(
        "--data", type=Path, action="append", required=True, metavar="DIR", help="a data set; several make one set"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder of the report")
    parser.add_argument(
        "--protocol", default="validation", metavar="NAME", help="see evaluate --protocols; default: %(default)s"
    )
    parser.add_argument(
        "--every",
        type=int,
        default=5,
        metavar="N",
        help="clips begin at least N frames apart; default: %(default)s",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="look at N files of each class at most, drawn by --seed"
    )
    parser.add_argument(
        "--clips",
        type=int,
        default=10,
        metavar="N",
        help="in t-SNE and heat map N clips of a video at most, evenly spread; default: %(default)s",
    )
    parser.add_argument(
        "--worst", type=int, default=4, metavar="N", help="worst errors of each class shown; default: %(default)s"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FOLDER",
        help="other weights of the detector, such as those before distillation, for the curves of P001's figure 5",
    )
    parser.add_argument(
        "--threshold", type=float, default=0.5, metavar="P", help="of an error; default: %(default)s"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of t-SNE, bootstrap and what is drawn; default: %(default)s",
    )
    parser.add_argument("--fresh", action="store_true", help="look again at what was seen in an earlier run")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    _require_sense(args)
    args.engine = None
    token, bar = CancelToken(), ProgressBar()
    try:
        with signals_cancel(token, signal.SIGINT):
            return _look(args, token, bar)
    finally:
        bar.close()


def _require_sense(args: argparse.Namespace) -> None:
    """Raise UsageError for words that make none."""
    from engine.evaluation.protocols import PROTOCOLS

    if args.protocol not in PROTOCOLS or PROTOCOLS[args.protocol].judging != "files":
        fitting = ", ".join(name for name, each in PROTOCOLS.items() if each.judging == "files")
        raise UsageError(f"views does not go with the protocol {args.protocol}", advice=f"Give one of {fitting}")
    for name in ("every", "limit", "clips"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value} makes no sense", advice="Give a number above 0")
    if args.worst < 0:
        raise UsageError(f"--worst {args.worst} makes no sense", advice="Give 0 or a number above")
    if not 0 < args.threshold < 1:
        raise UsageError(f"--threshold {args.threshold:g} makes no sense", advice="Give a number between 0 and 1")
    if args.out.is_file():
        raise UsageError("This is a file", advice="Give the name of a folder with --out", file=args.out)


def _look(args: argparse.Namespace, token: CancelToken, bar: ProgressBar) -> int:
    from engine.detectors.registry import load_detector, load_from
    from engine.evaluation.evaluate import Settings, Unread
    from engine.evaluation.protocols import PROTOCOLS
    from engine.evaluation.record import measured_run
    from engine.evaluation.views.made import make_views
    from engine.evaluation.views.report import report_files
    from engine.faces.detector import FaceDetector
    from engine.runtime.found_faces import FoundFaces
    from engine.runtime.observing import Observer
    from engine.training.datasets import read_dataset

    protocol = PROTOCOLS[args.protocol]
    scheme = [protocol.scheme] if protocol.scheme else []
    datasets = [read_dataset(path, *scheme) for path in args.data]
    chosen = [(dataset, *chosen_items(dataset, protocol)) for dataset in datasets]
    detector = load_detector(args.detector, args.device)
    before = None if args.against is None else load_from(args.against, args.detector, args.device)
    faces, found, unread = FaceDetector(detector.device), FoundFaces(), Unread()
    observer = Observer(detector, faces, args.every, found, fresh=args.fresh)
    sets = [sample_set(args, *each, detector) for each in chosen]
    samples = [sample for each in sets for sample in each.samples]
    settings = Settings(args.threshold, seed=args.seed)
    header = header_of(args, protocol, datasets, detector, settings, "clips", "worst")
    if before is not None:  # without the folders of this machine
        header = replace(header, command=f"{header.command} --against {shlex.quote(args.against.resolve().name)}")
    observed = observer.observe(samples, unread, cancel=token, progress=bar.show)
    told = None
    if before is not None:
        told = _others(args, before, faces, found, [each.judged.sample for each in observed], token, bar)
    name = ", ".join(each.name for each in sets)
    data = "; ".join(each.data for each in sets)
    judged = measured_run(name, data, protocol.main, [each.judged for each in observed], settings, unread.reasons)
    views = make_views(
        header,
        judged,
        observed,
        most_clips=args.clips,
        most_errors=args.worst,
        before=told,
        step=partial(_step, token, bar),
    )
    pictures = _pictures(views, observer, token)
    bar.close()
    _write(args.out, views, report_files(views, pictures))
    for line in header.warnings:
        say(f"Warning: {line}")
    for each, why in unread.reasons.items():
        say(f"{each} was not judged: {why}")
    say(f"{len(views.seen)} videos: {args.out / 'report.html'}")
    return 0


def _others(
    args: argparse.Namespace,
    before: "AnyDetector",
    faces: Any,
    found: Any,
    samples: "list[Sample]",
    token: CancelToken,
    bar: ProgressBar,
) -> "tuple[str, list[Judged]]":
    """What other weights say of the same files."""
    from engine.evaluation.evaluate import judge
    from engine.runtime.scoring import PLAIN, AnalysisScorer

    scorer = AnalysisScorer(before, faces, args.every, PLAIN, found)
    label = "Judging by the other weights"
    judged = judge(samples, scorer, label=label, fresh=args.fresh, cancel=token, progress=bar.show)
    return f"{args.against.resolve().name} ({before.weights_sha256[:12]})", judged


def _step(token: CancelToken, bar: ProgressBar, label: str) -> None:
    token.check()
    bar.show(Progress(label, 0, 0, "steps"))


def _pictures(views: "Views", observer: "Observer", token: CancelToken) -> "Pictures":
    """The worst errors, each by the clip that misleads most."""
    found = []
    for each in views.worst:
        if each.face is not None:
            token.check()
            sample = each.judged.sample
            glimpse = each.face.most_real if sample.label else each.face.most_fake
            try:
                faces = observer.pictures(sample, glimpse, token)
            except VideoError:  # the report says so in the picture's place
                faces = []
            found.append((each, glimpse.frames.tolist() if faces else [], faces))
    return found


def _write(folder: Path, views: "Views", files: dict[str, str]) -> None:
    """The report and its numbers, all of it or nothing.

    Raises:
        ExportError: the disk is full or the place cannot be written.
    """
    import numpy as np

    from engine.evaluation.views.record import as_arrays, as_data
    from engine.exports.files import Staging

    packed = io.BytesIO()
    np.savez_compressed(packed, **as_arrays(views))  # type: ignore[arg-type] # names are never its options
    with Staging() as staging:
        staging.write_folder(folder, files)
        staging.write_json(folder / "views.json", as_data(views))
        staging.write(folder / "views.npz", packed.getvalue())
