"""`study make|run|results|withdraw`: P002's user study: made of pairs of clips, run in the window, counted."""

import argparse
import shlex
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import words
from engine.cli.session import EngineSession, say, signals_cancel
from engine.errors import UsageError
from engine.progress import CancelToken

if TYPE_CHECKING:
    from engine.results import Explanation, FaceTrack
    from engine.runtime.study_making import Wanted


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("study", help="ask people which explanations convince them (P002)")
    commands = parser.add_subparsers(
        metavar="make | run | results | withdraw", dest="study_command", required=True
    )
    make = commands.add_parser("make", help="make a study of a folder of real and forged clips")
    make.add_argument("folder", type=Path, metavar="FOLDER", help="laid out as docs/study.md says")
    make.add_argument(
        "--out", required=True, type=Path, metavar="FILE.tellstudy", help="its clips go to FILE.clips"
    )
    make.add_argument("--title", metavar="TEXT", help="as participants read it; default: the name of the folder")
    make.add_argument(
        "--explainers",
        default="",
        metavar="ID[@DETECTOR],...",
        help="overlays to be made; without it, only the clips that lie in the folder are shown",
    )
    words.add_detector(make)
    words.add_device(make)
    make.add_argument(
        "--seconds", type=float, default=5.0, metavar="S", help="of each video; default: %(default)g"
    )
    make.add_argument(
        "--rate", type=float, default=10.0, metavar="N", help="explained frames a second; default: %(default)g"
    )
    make.add_argument(
        "--parts",
        type=int,
        metavar="N",
        help="of which a participant gets one; default: ten sections a part at most",
    )
    make.add_argument("--seed", type=int, default=0, metavar="N", help="of all orders; default: %(default)s")
    run_parser = commands.add_parser("run", help="open the window and ask")
    run_parser.add_argument("study", type=Path, metavar="STUDY")
    results = commands.add_parser("results", help="count the answers")
    results.add_argument("studies", nargs="+", type=Path, metavar="STUDY", help="copies of one study")
    results.add_argument("--out", required=True, type=Path, metavar="DIR", help="for results.json and the report")
    withdraw = commands.add_parser("withdraw", help="take a participant's answers out of a file, for good")
    withdraw.add_argument("study", type=Path, metavar="STUDY")
    withdraw.add_argument("code", metavar="CODE", help="of the participant")


def run(args: argparse.Namespace) -> int:
    commands = {"make": _make, "run": _run, "results": _results, "withdraw": _withdraw}
    return commands[args.study_command](args)


def _run(args: argparse.Namespace) -> int:
    from engine.evaluation.study.database import SUFFIX

    if args.study.suffix != SUFFIX:
        raise UsageError("This is no study", advice=f"Give a file that ends in {SUFFIX}", file=args.study)
    status: int = args.open_window([args.study])
    return status


def _make(args: argparse.Namespace) -> int:
    from engine.evaluation.study.pairs import read_pairs
    from engine.runtime.study_making import Choice, make_study

    for name in ("seconds", "rate"):
        if not 0 < getattr(args, name) <= 60:
            raise UsageError(f"--{name} {getattr(args, name):g} makes no sense", advice="Give a number up to 60")
    if args.seed < 0:
        raise UsageError("The seed is negative", advice="Give a number from 0")
    words.writable(args.out)
    pairs = read_pairs(args.folder)
    title = args.title or args.folder.resolve().name
    choice = Choice(title, args.seed, args.seconds, args.rate, args.parts, _wanted(args.explainers, args.detector))
    token = CancelToken()
    if not choice.wanted:
        with signals_cancel(token, signal.SIGINT):
            made = make_study(pairs, args.out, choice, cancel=token)
    else:
        from engine.explainers.registry import load_explainer

        for each in choice.wanted:
            load_explainer(each.explainer, each.detector)  # a wrong id is told before the work
        with EngineSession(args.device) as session:
            made = make_study(
                pairs, args.out, choice, _Engine(session, args.device), progress=session.progress.show
            )
    definition = made.definition
    counts = f"{len(definition.sections)} sections in {definition.parts} part{'s' * (definition.parts > 1)}"
    say(f"{args.out}: {counts}, of {', '.join(definition.explainers)}")
    say(f"{made.clips}: its clips; the two belong together")
    say(f"Ask people: {shlex.join(['python', 'main.py', 'study', 'run', str(args.out)])}")
    return 0


def _wanted(text: str, detector: str) -> "tuple[Wanted, ...]":
    from engine.runtime.study_making import Wanted

    found = []
    for name in words.ids(text) if text else ():
        explainer, _, other = name.partition("@")
        found.append(Wanted(name, explainer, other or detector))
    return tuple(found)


class _Engine:
    """The engine of a command, as engine.runtime.study_making asks it."""

    def __init__(self, session: EngineSession, device: str) -> None:
        self._session, self._device = session, device

    def faces(
        self, video: Path, detector: str, last: int, every: int
    ) -> "tuple[tuple[FaceTrack, ...], float | None]":
        from engine.runtime.protocol import AnalysisDone, AnalyzeRequest

        request = AnalyzeRequest(video, detector, every=every, last=last, device=self._device)
        done = next(event for event in self._session.ask(request) if isinstance(event, AnalysisDone))
        return done.tracks, done.fake_probability

    def maps(self, video: Path, wanted: "Wanted", frames: "Sequence[int]") -> "Sequence[Explanation]":
        from engine.runtime.protocol import ExplainRequest, ExplanationMade

        request = ExplainRequest(video, wanted.detector, wanted.explainer, tuple(frames), device=self._device)
        return [event.explanation for event in self._session.ask(request) if isinstance(event, ExplanationMade)]


def _results(args: argparse.Namespace) -> int:
    from engine.evaluation.study.report import as_data, report_files, shown
    from engine.evaluation.study.results import collect, results_of
    from engine.evaluation.study.study_file import StudyFile
    from engine.exports.files import Staging, json_text

    if args.out.is_file():
        raise UsageError("This is a file", advice="Give the name of a folder with --out", file=args.out)
    collected = collect([StudyFile.open(path) for path in args.studies])
    results = results_of(collected)
    files = {"results.json": json_text(as_data(results, collected)), **report_files(results)}
    with Staging(args.studies) as staging:
        staging.write_folder(args.out, files)
    counts = f"{results.participants} participants, {results.findings.answers} answers"
    say(f"{counts}; fake identified: {shown(results.accuracy)}")
    for name, share in results.shares.items():
        say(f"{name}: {share.hits} votes, {shown(share)} of the answers")
    say(f"{args.out}: results.json, report.html, report.md")
    return 0


def _withdraw(args: argparse.Namespace) -> int:
    from engine.evaluation.study.study_file import StudyFile

    StudyFile.open(args.study).withdraw(args.code)
    say(f"{args.study}: nothing of {args.code} is left; copies of the file still hold it")
    return 0
