"""`check VIDEO|CASE|SERIES.json ... --spec NAME|FILE`: temporal logic over what the detectors say."""

import argparse
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.case.case_file import CaseFile
from engine.cli import words
from engine.cli.check_report import entry, report_files, summary, table_data, table_lines
from engine.cli.check_sources import Source, sources, warn
from engine.cli.explainer_words import chosen
from engine.cli.session import ProgressBar, say, signals_cancel
from engine.errors import UsageError
from engine.exports.files import Staging, json_text, never_over
from engine.progress import CancelToken
from engine.results import Verification
from engine.temporal_logic.printer import printed, shown_number
from engine.temporal_logic.specification import (
    Specification,
    find_specification,
    library,
    read_specification,
)
from engine.temporal_logic.syntax import CLASSES
from engine.temporal_logic.table import Checked
from engine.temporal_logic.verification import verify


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
    _check_places(args, [path for path, _ in inputs])
    token, bar = CancelToken(), ProgressBar()
    entries: list[dict[str, Any]] = []
    rows: list[Checked] = []
    try:
        for source in sources(args, inputs):
            with signals_cancel(token, signal.SIGINT):
                found = [
                    _checked(each, source, settings[each.name], args.own, token, bar) for each in specifications
                ]
            bar.close()
            rows += [_row(answers, source) for answers in found]
            entries.append(entry(source.trace, source.label, source.facts, args.own, found))
            _note(source, entries[-1], settings)
    except BaseException:
        bar.close()
        if entries:  # they may be hours of work
            _deliver(args, specifications, settings, entries, rows)
            warn("What was checked before is kept. What was wrong with the next:")
        raise
    _deliver(args, specifications, settings, entries, rows)
    return 0


def _check_places(args: argparse.Namespace, inputs: Sequence[Path]) -> None:
    """Raise UsageError for a place where nothing may be written: asked before the work, not after it."""
    outputs = [Path(args.json)] if args.json and args.json != "-" else []
    for path in [*outputs, *([args.case] if args.case else [])]:
        words.writable(path)
        never_over(inputs, [path])
    if args.case is not None and any(out.resolve() == args.case.resolve() for out in outputs):
        raise UsageError(
            "--json and --case name the same file", advice="Give them different names", file=args.case
        )
    if args.report is not None and args.report.is_file():
        raise UsageError("This is a file", advice="Give the name of a folder with --report", file=args.report)


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
            warn(f"{each.name}: {warning}")
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


def _deliver(
    args: argparse.Namespace,
    specifications: Sequence[Specification],
    settings: Mapping[str, Mapping[str, float]],
    entries: Sequence[dict[str, Any]],
    rows: Sequence[Checked],
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
    with Staging() as staging:
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
