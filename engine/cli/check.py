"""`check VIDEO|CASE|SERIES.json ... --spec NAME|FILE`: temporal logic over what the detectors say."""

import argparse
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.case.case_file import CaseFile
from engine.cli import words
from engine.cli.check_report import entry, report_files, summary, table_data, table_lines
from engine.cli.explain import chosen
from engine.cli.session import EngineSession, ProgressBar, say, signals_cancel
from engine.cli.verdict import trustworthy
from engine.errors import CaseError, DataError, UsageError
from engine.exports.files import Staging, json_text
from engine.progress import CancelToken
from engine.results import Scores, Verification
from engine.runtime.protocol import AnalysisDone, AnalyzeRequest
from engine.temporal_logic.printer import printed, shown_number
from engine.temporal_logic.sources import LabelledTrace, read_series, trace_of_scores
from engine.temporal_logic.specification import (
    Specification,
    find_specification,
    library,
    read_specification,
)
from engine.temporal_logic.syntax import CLASSES
from engine.temporal_logic.table import Checked
from engine.temporal_logic.trace import Trace
from engine.temporal_logic.verification import verify


@dataclass(frozen=True, slots=True)
class Source:
    """A trace, and where it comes from.

    Attributes:
        facts: of the video, detector and face, for the JSON; empty for a file of series.
        case: the case in whose log the answer is noted, if any.
    """

    trace: Trace
    label: str | None
    facts: Mapping[str, Any]
    case: Path | None = None


class _List(argparse.Action):
    """Prints the library and ends."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        for each in library():
            say(f"{each.name}: {each.title}. {each.about}")
            say(f"    {printed(each.formula)}")
            for parameter in each.parameters:
                say(f"    {parameter.name} = {shown_number(parameter.default)}: {parameter.text}")
        parser.exit(0)


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("check", help="check specifications of temporal logic")
    parser.add_argument(
        "inputs", nargs="*", type=Path, metavar="VIDEO|CASE|SERIES.json", help="a case stands for its videos"
    )
    parser.add_argument(
        "--spec", "--specification", action="append", default=[], dest="specs", metavar="NAME|FILE",
        help="one of --list, or a file; repeatable",
    )  # fmt: skip
    parser.add_argument("--list", action=_List, nargs=0, help="list the specifications that there are and end")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of a specification; repeatable",
    )
    parser.add_argument(
        "--class", dest="own", default="predicted", choices=("predicted", *CLASSES),
        help="for which class specifications that have one for each are answered; default: %(default)s",
    )  # fmt: skip
    for name in CLASSES:
        parser.add_argument(
            f"--{name}", nargs="+", action="extend", default=[], type=Path, metavar="FILE",
            help=f"further inputs that are known to be {name}: gives the table of P000",
        )  # fmt: skip
    words.add_detector(parser)
    words.add_device(parser)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="score each n-th frame only")
    parser.add_argument(
        "--case", type=Path, metavar="FILE.tell", help="keep the results there, and go on from them"
    )
    parser.add_argument("--json", metavar="FILE", help="write the answer there; - for standard output")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write report.html and report.md there")


def run(args: argparse.Namespace) -> int:
    specifications = _specifications(args)
    settings = _settings(specifications, args.set)
    inputs = [(path, None) for path in args.inputs] + [
        (path, name) for name in CLASSES for path in getattr(args, name)
    ]
    if not inputs:
        raise UsageError("Nothing was given to check", advice="Give a video, a case or a file of series")
    if args.every < 1:
        raise UsageError(f"--every is {args.every}", advice="Give a whole number from 1")
    for path in [
        *([Path(args.json)] if args.json and args.json != "-" else []),
        *([args.case] if args.case else []),
    ]:
        words.writable(path)
    if args.report is not None and args.report.is_file():
        raise UsageError("This is a file", advice="Give the name of a folder with --report", file=args.report)
    token, bar = CancelToken(), ProgressBar()
    entries: list[dict[str, Any]] = []
    rows: list[Checked] = []
    try:
        for source in list(_sources(args, inputs)):
            with signals_cancel(token, signal.SIGINT):
                found = [
                    _checked(each, source, settings[each.name], args.own, token, bar) for each in specifications
                ]
            bar.close()
            rows += [_row(answers, source) for answers in found]
            entries.append(entry(source.trace, source.label, source.facts, args.own, found))
            _note(source, entries[-1], settings)
    finally:
        bar.close()
    _deliver(args, specifications, settings, entries, rows, [path for path, _ in inputs])
    return 0


def _specifications(args: argparse.Namespace) -> list[Specification]:
    if not args.specs:
        raise UsageError("No specification was given", advice="Name one with --spec; check --list lists them")
    found = [
        read_specification(Path(name)) if Path(name).is_file() else find_specification(name) for name in args.specs
    ]
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"The specification {twice} was given twice", advice="Rename one of the files")
    for each in found:
        for warning in each.warnings:
            _warn(f"{each.name}: {warning}")
    return found


def _settings(specifications: Sequence[Specification], given: Sequence[str]) -> dict[str, dict[str, float]]:
    """For each specification the parameters that are its own.

    Raises:
        UsageError: a value is no number or out of range, or no specification has the parameter.
    """
    values: dict[str, float] = {}
    for name, text in chosen(given).items():
        try:
            values[name] = float(str(text))
        except ValueError as error:
            raise UsageError(f"{name} is {text}", advice="Give a number") from error
    known = {each.name: {parameter.name for parameter in each.parameters} for each in specifications}
    for name in values:
        if not any(name in names for names in known.values()):
            possible = sorted(set().union(*known.values()))
            advice = f"There are {', '.join(possible)}" if possible else "There are none"
            raise UsageError(f"No specification has a parameter {name}", advice=advice)
    return {
        each.name: each.settings({name: value for name, value in values.items() if name in known[each.name]})
        for each in specifications
    }


def _sources(args: argparse.Namespace, inputs: Sequence[tuple[Path, str | None]]) -> Iterator[Source]:
    """The traces of all inputs; the engine is started only for videos."""
    videos: list[tuple[Path, str | None, Path | None, int]] = []
    for path, label in inputs:
        if path.suffix.lower() == ".json":
            found = read_series(path)
            yield _labelled(found, label, path)
        elif path.suffix.lower() == ".tell":
            videos += [(video, label, path, every) for video, every in _of_case(path, args.detector, args.every)]
        else:
            videos.append((path, label, args.case, args.every))
    if not videos:
        return
    with EngineSession(args.device) as session:
        infos = {info.id: info for info in session.detectors().detectors}
        for path, label, case, every in videos:
            request = AnalyzeRequest(path, args.detector, case=case, every=every, device=args.device)
            done = next(event for event in session.ask(request) if isinstance(event, AnalysisDone))
            for warning in done.warnings:
                _warn(f"{path}: {warning}")
            if not any(len(each.spans) for each in done.scores):
                _warn(f"{path}: no face was scored, so that there is nothing to check")
            trusted = args.detector in infos and trustworthy(infos[args.detector])
            yield from _of_analysis(path, label, done, case, trusted=trusted)


def _labelled(found: LabelledTrace, label: str | None, path: Path) -> Source:
    if label and found.label and label != found.label:
        raise DataError(
            f"The file says that it is {found.label}", advice=f"Do not give it with --{label}", file=path
        )
    return Source(found.trace, label or found.label, {})


def _of_case(path: Path, detector: str, every: int) -> list[tuple[Path, int]]:
    """The videos of a case, and each how many frames they were last scored with this detector."""
    with CaseFile.open(path) as case:
        noted = {
            entry.details.get("sha256"): entry.details.get("every", every)
            for entry in case.log_entries()
            if entry.action == "analysed" and entry.details.get("detector") == detector
        }
        videos = [video.identity for video in case.videos()]
    if not videos:
        raise CaseError("There is no video in the case", advice="Analyse one into it", file=path)
    return [(Path(video.path), int(noted.get(video.sha256, every))) for video in videos]


def _of_analysis(
    path: Path, label: str | None, done: AnalysisDone, case: Path | None, *, trusted: bool
) -> Iterator[Source]:
    for scores in done.scores:
        if len(scores.spans):
            trace = trace_of_scores(f"{path.name}, face {scores.track_id + 1}", scores)
            if trace.gaps:
                _warn(
                    f"{trace.name}: {trace.gaps} gaps in which the face was not scored; a step there skips frames"
                )
            yield Source(trace, label, _facts(done, scores, trusted=trusted), case)


def _facts(done: AnalysisDone, scores: Scores, *, trusted: bool) -> dict[str, Any]:
    return {
        "video": {"path": done.video.path, "sha256": done.video.sha256, "frames": done.video.frames},
        "track": scores.track_id,
        "detector": {
            "id": scores.detector_id,
            "weights_sha256": scores.provenance.weights_sha256,
            "settings_hash": scores.provenance.settings_hash,
            "trustworthy": trusted,
        },
        "fake_probability": scores.track_probability,
    }


def _checked(
    specification: Specification,
    source: Source,
    settings: Mapping[str, float],
    asked: str,
    token: CancelToken,
    bar: ProgressBar,
) -> dict[str, Verification]:
    """By class, and under `predicted` that of the predicted class; without a prediction, of the one asked for."""
    trace = source.trace

    def answer(own: str | None) -> Verification:
        return verify(specification, trace, own=own, settings=settings, cancel=token, report=bar.show)

    if not specification.has_classes:
        return dict.fromkeys(("predicted", *CLASSES), answer(None))
    found = {name: answer(name) for name in CLASSES}
    if trace.predicted is not None:
        return found | {"predicted": found[trace.predicted]}
    return found | {"predicted": answer(None) if asked == "predicted" else found[asked]}


def _row(answers: Mapping[str, Verification], source: Source) -> Checked:
    return Checked(source.label, answers[source.label] if source.label else None, answers["predicted"])


def _note(source: Source, found: Mapping[str, Any], settings: Mapping[str, Mapping[str, float]]) -> None:
    """The verdicts in the log of the case from which the scores come."""
    if source.case is None:
        return
    with CaseFile.open(source.case) as case:
        for each in found["specifications"]:
            kept = {key: each[key] for key in ("name", "class", "robustness", "verdict", "witness")}
            case.note("checked", {**source.facts, **kept, "parameters": settings[each["name"]]})


def _warn(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - this is the command line


def _deliver(
    args: argparse.Namespace,
    specifications: Sequence[Specification],
    settings: Mapping[str, Mapping[str, float]],
    entries: Sequence[dict[str, Any]],
    rows: Sequence[Checked],
    inputs: Sequence[Path],
) -> None:
    """What --json and --report ask for, all of it or nothing; the rest on the screen.

    Raises:
        ExportError: the disk is full or the place cannot be written.
    """
    answer = {
        "specifications": [
            {
                "name": each.name,
                "title": each.title,
                "formula": printed(each.formula),
                "ascii": printed(each.formula, ascii_only=True),
                "parameters": settings[each.name],
                "warnings": list(each.warnings),
            }
            for each in specifications
        ],
        "traces": list(entries),
        "tables": table_data(rows),
    }
    if args.json == "-":
        say(json_text(answer).rstrip("\n"))
    with Staging(inputs) as staging:
        if args.json and args.json != "-":
            staging.write_json(Path(args.json), answer)
        if args.report is not None:
            staging.write_folder(args.report, report_files(specifications, settings, entries, rows))
    if args.json != "-":
        for each in entries:
            say(summary(each))
        if len(entries) > 1:
            for line in table_lines(rows):
                say(line)
