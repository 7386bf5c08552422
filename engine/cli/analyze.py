"""`analyze VIDEO...`: faces and scores, on the screen, as JSON, in a case."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.case.case_file import CaseFile
from engine.case.noted import ANALYSED, analysis_details
from engine.cli import words
from engine.cli.session import EngineSession
from engine.cli.verdict import report, verdict_of
from engine.errors import UsageError
from engine.evaluation.calibration.conditions import Evidence, evidence_of
from engine.exports.files import Staging, json_text, never_over
from engine.results import DetectorInfo
from engine.runtime.protocol import AnalysisDone, AnalyzeRequest
from engine.video.media import open_media

_LIKELIHOOD = ("log10_likelihood_ratio", "likelihood_ratio")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("analyze", help="find the faces of videos and score them")
    parser.add_argument("videos", nargs="+", type=Path, metavar="VIDEO")
    words.add_detector(parser, several=True)
    parser.add_argument(
        "--case", type=Path, metavar="FILE.tell", help="keep the results there, and go on from them"
    )
    parser.add_argument("--json", metavar="FILE", help="write the results there; - for standard output")
    words.add_device(parser)
    words.add_engine(parser)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="score each n-th frame only")


def run(args: argparse.Namespace) -> int:
    detectors = words.ids(args.detector)
    if args.every < 1:
        raise UsageError(f"--every is {args.every}", advice="Give a whole number from 1")
    outputs = [Path(args.json)] if args.json and args.json != "-" else []
    written = [*outputs, *([args.case] if args.case else [])]
    for path in written:
        words.writable(path)
    if args.case is not None and any(out.resolve() == args.case.resolve() for out in outputs):
        raise UsageError(
            "--json and --case name the same file", advice="Give them different names", file=args.case
        )
    # A bad file is told before hours of work, not after them.
    evidence = [read_evidence(path, written) for path in args.videos]
    entries: list[dict[str, Any]] = []
    try:
        with EngineSession(args.device) as session:
            detectors = session.named(detectors)
            infos = {info.id: info for info in session.detectors().detectors}
            unusable = [name for name in detectors if name not in infos or not infos[name].trained]
            for name in unusable:  # the engine says why, before the others have worked for hours
                session.ask(AnalyzeRequest(args.videos[0], name, device=args.device, engine=args.engine))
            for path, known in zip(args.videos, evidence, strict=True):
                done, verdicts = {}, {}
                for name in detectors:
                    request = AnalyzeRequest(
                        path, name, case=args.case, every=args.every, device=args.device, engine=args.engine
                    )
                    answers = session.ask(request)
                    done[name] = next(event for event in answers if isinstance(event, AnalysisDone))
                    verdicts[name] = verdict_of(done[name], infos[name], known)
                    if args.case is not None:
                        log_analysis(args.case, done[name], infos[name], args.every, verdicts[name])
                entries.append(report(done, infos, verdicts, known))
    except BaseException:
        if entries:  # they may be hours of work
            deliver(entries, args)
            failed = args.videos[len(entries)]
            rest = "the results of the videos before it are kept, it and those after it have none"
            print(f"{failed}: not analysed; {rest}", file=sys.stderr)  # noqa: T201 - this is the command line
        raise
    deliver(entries, args)
    return 0


def deliver(entries: Sequence[dict[str, Any]], args: argparse.Namespace) -> None:
    """Print the entries of the first videos, or write them where they are wanted.

    Raises:
        ExportError: the disk is full or the place cannot be written.
    """
    if args.json == "-":
        print(json_text(entries), end="")  # noqa: T201 - this is the command line
        for path, entry in zip(args.videos, entries, strict=False):
            for name, verdict in entry["detectors"].items():
                for warning in verdict["warnings"]:
                    print(f"{path} ({name}): {warning}", file=sys.stderr)  # noqa: T201 - as above
        return
    if args.json:
        with Staging() as staging:
            staging.write_json(Path(args.json), entries)
    for entry in entries:
        print(summary(entry))  # noqa: T201 - this is the command line


def read_evidence(path: Path, written: Sequence[Path]) -> Evidence:
    """The frames and other facts of a video that none of the files to be written will replace.

    Raises:
        VideoError: it cannot be used.
        UsageError: one of them would replace it.
    """
    media = open_media(path)
    try:
        never_over(media.files, written)
        return evidence_of(media)
    finally:
        media.close()


def log_analysis(
    case: Path, done: AnalysisDone, info: DetectorInfo, every: int, verdict: Mapping[str, Any]
) -> None:
    """Note in the case's log what was found with what."""
    likelihood = {key: verdict[key] for key in _LIKELIHOOD}
    with CaseFile.open(case) as opened:
        opened.note(ANALYSED, analysis_details(done.video, info, every, verdict["fake_probability"], likelihood))


def summary(entry: dict[str, Any]) -> str:
    """What a person reads of one video."""
    lines = [f"{entry['video']['path']}: fake probability {_shown(entry['fake_probability'])}"]
    for name, verdict in entry["detectors"].items():
        lines.append(f"  {name}: {_shown(verdict['fake_probability'])}{_ratio(verdict)}")
        for track in entry["tracks"]:
            mine = next(d for d in track["detectors"] if d["id"] == name)
            lines.append(
                f"    face {track['id'] + 1}, frames {track['first']} to {track['last']}: "
                f"{_shown(mine['fake_probability'])} from {len(mine['spans'])} scores"
            )
        lines += [f"    {warning}" for warning in verdict["warnings"]]
    return "\n".join(lines)


def _ratio(verdict: dict[str, Any]) -> str:
    if verdict["log10_likelihood_ratio"] is None:
        return ""
    known = verdict["likelihood_ratio"]
    bounds = f"bounds {known['log10_low']:+.2f} to {known['log10_high']:+.2f}"
    return f", log10 LR {verdict['log10_likelihood_ratio']:+.2f} ({bounds}): {known['words']}"


def _shown(probability: float | None) -> str:
    return "none" if probability is None else f"{probability:.3f}"
