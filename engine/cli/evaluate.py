"""`evaluate`: measure a detector on the files of data sets."""

import argparse
import datetime as dt
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.evaluate_sets import chosen_items, operator_sets, partial_copies_of, sample_set, training_of
from engine.cli.session import ProgressBar, say, signals_cancel
from engine.cli.words import add_device, add_engine, given, ids, writable
from engine.errors import UsageError
from engine.progress import CancelToken

if TYPE_CHECKING:
    from engine.detectors.base import AnyDetector
    from engine.evaluation.protocols import Protocol
    from engine.evaluation.record import Header, Run
    from engine.faces.detector import FaceDetector
    from engine.runtime.found_faces import FoundFaces
    from engine.runtime.measuring import SampleSet
    from engine.training.datasets.base import Dataset, Item

    Chosen = tuple[Dataset, str, list[Item]]

_ALL = "all"
_RECORDED = ("AUC", "balanced accuracy", "equal error rate")
_RECORDING = ("validation", "dev")


class _List(argparse.Action):
    """Prints the protocols and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from engine.evaluation.protocols import listing

        say(listing())
        parser.exit(0)


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("evaluate", help="measure a detector")
    parser.add_argument(
        "detector",
        nargs="?",
        metavar="DETECTOR",
        help="its id, such as frame-mobile, or FILE.onnx; several by commas, or all, give one table",
    )
    parser.add_argument(
        "--data", type=Path, action="append", metavar="DIR", help="a data set; several give one table"
    )
    parser.add_argument(
        "--protocol", default="validation", metavar="NAME", help="see --protocols; default: %(default)s"
    )
    parser.add_argument("--protocols", action=_List, nargs=0, help="list the protocols and end")
    parser.add_argument(
        "--every", type=int, metavar="N", help="score each n-th frame; default: 5, and 1 with --protocol partial"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.5,
        metavar="P",
        help="fixed beforehand: from this fake probability on a file is called forged; default: %(default)s",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="judge at most N files of each class, drawn by --seed"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the bootstrap and perturbations; default: %(default)s"
    )
    parser.add_argument("--fresh", action="store_true", help="score again what was scored in an earlier run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures and every video's scores")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write report.html and report.md there")
    parser.add_argument("--record", action="store_true", help="write the figures into the card of the weights")
    add_device(parser)
    add_engine(parser)


def run(args: argparse.Namespace) -> int:
    from engine.evaluation.protocols import PROTOCOLS
    from engine.training.datasets import read_dataset

    _require_sense(args)
    if args.protocol not in PROTOCOLS:
        raise UsageError(f"There is no protocol {args.protocol}", advice="See evaluate --protocols")
    protocol = PROTOCOLS[args.protocol]
    if args.record and protocol.name not in _RECORDING:
        raise UsageError(
            f"--record does not go with {protocol.name}", advice=f"Use it with {' or '.join(_RECORDING)}"
        )
    args.every = args.every or protocol.every
    datasets = [read_dataset(path, *([protocol.scheme] if protocol.scheme else [])) for path in args.data]
    token, bar = CancelToken(), ProgressBar()
    judge = {"shortcuts": _hunt, "partial": _localise}.get(protocol.judging, _measure)
    try:
        with signals_cancel(token, signal.SIGINT):
            return judge(args, protocol, datasets, token, bar)
    finally:
        bar.close()


def _require_sense(args: argparse.Namespace) -> None:
    """Raise UsageError for words that make none."""
    if not args.data:
        raise UsageError("No data set was given", advice="Name its folder with --data")
    if args.detector is None and args.protocol != "shortcuts":
        raise UsageError("No detector was given", advice="Name one, see python main.py detectors")
    for name in ("every", "limit"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value} makes no sense", advice="Give a number above 0")
    if not 0 < args.threshold < 1:
        raise UsageError(f"--threshold {args.threshold:g} makes no sense", advice="Give a number between 0 and 1")
    if args.json is not None:
        writable(args.json)
    if args.report is not None and args.report.is_file():
        raise UsageError("This is a file", advice="Give the name of a folder with --report", file=args.report)


def _measure(
    args: argparse.Namespace,
    protocol: "Protocol",
    datasets: "Sequence[Dataset]",
    token: CancelToken,
    bar: ProgressBar,
) -> int:
    from engine.detectors.registry import load_any
    from engine.evaluation.record import as_data
    from engine.evaluation.report import report_files
    from engine.faces.detector import FaceDetector

    if args.detector == _ALL or "," in args.detector:
        return _measure_several(args, protocol, datasets, token, bar)
    chosen = _chosen(datasets, protocol)
    detector = load_any(args.detector, args.device, engine=args.engine, notify=say)
    header, runs = _measured(args, protocol, chosen, detector, FaceDetector(detector.device), None, token, bar)
    only_accuracy = protocol.only_accuracy
    _write(args, lambda: as_data(header, runs), lambda: report_files(header, runs, only_accuracy=only_accuracy))
    if args.record:
        _record(detector, runs)
    _remind(protocol)
    return 0


def _measure_several(
    args: argparse.Namespace,
    protocol: "Protocol",
    datasets: "Sequence[Dataset]",
    token: CancelToken,
    bar: ProgressBar,
) -> int:
    """One table for several detectors, which share the faces; those without weights are named in it."""
    from engine.evaluation.detectors_table import Row, as_data, report_files
    from engine.faces.detector import FaceDetector
    from engine.runtime.found_faces import FoundFaces

    if args.record:
        raise UsageError("--record goes with one detector", advice="Name one, or leave --record out")
    names, lacking, load = _asked(args)
    chosen = _chosen(datasets, protocol)
    looking = cache(lambda device: (FaceDetector(device), FoundFaces()))
    rows = []
    for each, name in names.items():
        detector = load(each)
        say(f"{each}:")
        header, runs = _measured(args, protocol, chosen, detector, *looking(detector.device), token, bar)
        rows.append(Row(name, detector.crop_spec.size, header, runs))
    for each, why in lacking.items():
        say(f"{each} was not measured: {why}")
    only_accuracy = protocol.only_accuracy
    _write(args, lambda: as_data(rows, lacking), lambda: report_files(rows, lacking, only_accuracy=only_accuracy))
    _remind(protocol)
    return 0


def _asked(args: argparse.Namespace) -> "tuple[dict[str, str], dict[str, str], Callable[[str], AnyDetector]]":
    """The names of the asked detectors that are trained, why others are not, both by id, and what loads one."""
    from engine.detectors.foreign.detector import load_foreign
    from engine.detectors.foreign.shelf import foreign_path
    from engine.detectors.registry import detector_info, load_any
    from engine.detectors.specs import SPECS, detector_spec

    wanted = list(SPECS) if args.detector == _ALL else ids(args.detector)
    brought = {each: load_foreign(path, args.device) for each in wanted if (path := foreign_path(each))}
    infos = {
        each: brought[each].info() if each in brought else detector_info(detector_spec(each)) for each in wanted
    }
    names = {each: info.name for each, info in infos.items() if info.trained}
    if not names:
        raise UsageError("None of these detectors is trained", advice="Train one, or choose another")

    def load(each: str) -> "AnyDetector":
        return brought.get(each) or load_any(each, args.device, engine=args.engine, notify=say)

    return names, {each: info.problem for each, info in infos.items() if not info.trained}, load


def _localise(
    args: argparse.Namespace,
    protocol: "Protocol",
    datasets: "Sequence[Dataset]",
    token: CancelToken,
    bar: ProgressBar,
) -> int:
    """One table of how well detectors find the forged run of a clip."""
    from engine.evaluation.evaluate import Settings
    from engine.evaluation.partial_report import Found, as_data, line, report_files
    from engine.faces.detector import FaceDetector
    from engine.runtime.found_faces import FoundFaces
    from engine.runtime.measuring import Measuring

    names, lacking, load = _asked(args)
    copies = partial_copies_of(args, _chosen(datasets, protocol), token, bar)
    looking = cache(lambda device: (FaceDetector(device), FoundFaces()))
    settings, found = Settings(args.threshold, seed=args.seed), []
    for each in names:
        detector = load(each)
        faces, known = looking(detector.device)
        measuring = Measuring(detector, faces, args.every, settings, args.fresh, token, bar.show, known)
        held_out = training_of(detector).get("held_out_operators")
        header = header_of(args, protocol, datasets, detector, settings)
        found.append(Found(each, header, held_out, *measuring.partial(copies, held_out)))
        bar.close()
        for text in (
            *found[-1].warnings,
            *(f"{name} was not judged: {why}" for name, why in found[-1].unread.items()),
        ):
            say(f"Warning: {text}")
        for figure in found[-1].figures:
            if not figure.of_operator:
                say(f"{each}, {line(figure)}")
    for each, why in lacking.items():
        say(f"{each} was not measured: {why}")
    _write(args, lambda: as_data(found, lacking), lambda: report_files(found, lacking))
    return 0


def _chosen(datasets: "Sequence[Dataset]", protocol: "Protocol") -> "list[Chosen]":
    """Per data set its split and items; a mistake is told before weights are loaded."""
    return [(dataset, *chosen_items(dataset, protocol)) for dataset in datasets]


def _measured(
    args: argparse.Namespace,
    protocol: "Protocol",
    chosen: "Sequence[Chosen]",
    detector: "AnyDetector",
    faces: "FaceDetector",
    found: "FoundFaces | None",
    token: CancelToken,
    bar: ProgressBar,
) -> "tuple[Header, list[Run]]":
    """One detector on all files; what came of it is told."""
    from engine.evaluation.evaluate import Settings
    from engine.runtime.measuring import Measuring

    sets: list[SampleSet] = []
    for dataset, split, items in chosen:
        if protocol.judging == "operators":
            sets += operator_sets(args, dataset, items, token, bar)
        else:
            sets.append(sample_set(args, dataset, split, items, detector))
    settings = Settings(args.threshold, seed=args.seed)
    measuring = Measuring(detector, faces, args.every, settings, args.fresh, token, bar.show, found)
    header = header_of(args, protocol, [dataset for dataset, *_ in chosen], detector, settings)
    runs = measuring.runs(protocol, sets)
    bar.close()
    for line in header.warnings:
        say(f"Warning: {line}")
    for each in runs:
        _tell(each, several=len(runs) > 1, only_accuracy=protocol.only_accuracy)
    return header, runs


def _remind(protocol: "Protocol") -> None:
    if protocol.name == "dev":
        say("This was a look at the dev split: log it in docs/dev-looks.md (--report writes the rows)")


def _hunt(
    args: argparse.Namespace,
    protocol: "Protocol",
    datasets: "Sequence[Dataset]",
    token: CancelToken,
    bar: ProgressBar,
) -> int:
    """Look for shortcuts in the data; no detector takes part."""
    from engine.training.shortcuts.hunt import hunt
    from engine.training.shortcuts.report import as_data, line, report_files

    runs = []
    for dataset in datasets:
        split, items = chosen_items(dataset, protocol)
        name = f"{dataset.layout}: {split}"
        runs.append((name, hunt(dataset, items, args.seed, cancel=token, progress=bar.show)))
    bar.close()
    for name, found in runs:
        for finding in found:
            say(f"{name}: {line(finding)}")
    command = _words(args)
    _write(args, lambda: as_data(runs, args.seed, command), lambda: report_files(runs, args.seed, command))
    return 0


def header_of(
    args: argparse.Namespace,
    protocol: "Protocol",
    datasets: "Sequence[Dataset]",
    detector: "AnyDetector",
    settings: Any,
    *options: str,
) -> "Header":
    """What a report states; `args` are those of `evaluate`, or of a command that adds `options` to them."""
    from engine.evaluation.record import Header

    engine = [str(v) for k, v in detector.provenance().settings.items() if k == "engine"]
    leaks = [f"Leaks persons: {data.leaks_persons}" for data in datasets if data.leaks_persons]
    return Header(
        detector={
            "id": detector.id,
            "weights_sha256": detector.weights_sha256,
            "device": ", ".join([detector.device, *engine]),
            "precision": detector.precision,
        },
        protocol=protocol.name,
        text=protocol.text,
        every=args.every,
        settings=settings,
        command=_words(args, *options),
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        pseudo_fakes=str(training_of(detector).get("pseudo_fakes", "")),
        warnings=tuple(dict.fromkeys([*([protocol.warning] if protocol.warning else []), *leaks])),
    )


def _tell(run: "Run", *, several: bool, only_accuracy: bool) -> None:
    """The figures on the screen: of every part, or of the main part alone where there are several runs."""
    from engine.evaluation.report import COLUMNS, shown

    start = f"{run.name}, " if several else ""
    metrics = ("accuracy",) if only_accuracy else COLUMNS
    for f in run.figures:
        if f.level == "video" and f.metric in metrics and not (several and f.protocol != run.main):
            say(f"{start}{f.protocol}: {f.metric} {shown(f)}, {f.n_real} real, {f.n_fake} forged, over {f.over}")
    for name, why in run.unread.items():
        say(f"{start}{name} was not judged: {why}")
    for line in run.main_warnings if several else run.warnings:
        say(f"Warning: {start}{line}")


def _record(detector: "AnyDetector", runs: "Sequence[Run]") -> None:
    """The figures that a card holds, or what stands for one beside a foreign model, in place of older ones."""
    from engine.detectors.foreign.detector import ForeignDetector
    from engine.detectors.foreign.measured import write_measured
    from engine.detectors.registry import weights_folder
    from engine.training.card import record_figures, with_figures

    folder = weights_folder(detector.id)
    for run in runs:
        kept = [
            f
            for f in run.figures
            if f.level == "video"
            and f.metric in _RECORDED
            and (f.protocol == run.main or f.protocol.startswith(("dev, ", "method ")))
        ]
        data = f"{run.data}; intervals over {kept[0].over}" if kept else ""
        if kept and isinstance(detector, ForeignDetector):
            write_measured(detector.description.path, with_figures(detector.measured, kept, data))
        elif kept and folder is not None:
            record_figures(folder, kept, data)


def _words(args: argparse.Namespace, *options: str) -> str:
    """The command that gives these figures again, without the folders of this machine."""
    names = [Path(each).name for each in (args.detector or "").split(",")]  # of a FILE.onnx its name alone
    words = ["python", "main.py", args.command, *([",".join(names)] if args.detector else [])]
    for path in args.data:
        words += ["--data", path.name or "DIR"]
    words += given(args, "protocol", "every", "threshold", "seed", "limit", "engine", *options)
    return shlex.join(words)


def _write(args: argparse.Namespace, data: Callable[[], object], report: Callable[[], Mapping[str, str]]) -> None:
    """What --json and --report ask for, all of it or nothing.

    Raises:
        ExportError: the disk is full or the place cannot be written.
    """
    from engine.exports.files import Staging

    with Staging() as staging:
        if args.json is not None:
            staging.write_json(args.json, data())
        if args.report is not None:
            staging.write_folder(args.report, report())
