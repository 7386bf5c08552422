"""`compare`: measure explainers of one detector against each other on videos (P002)."""

import argparse
import math
import shlex
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli import words
from engine.cli.compare_pairs import run_pairs
from engine.cli.explainer_words import add_set, chosen, facts, header_of, known_sanity, load_compared
from engine.cli.session import ProgressBar, say, signals_cancel
from engine.errors import DataError, UsageError, VideoError
from engine.progress import CancelToken
from engine.video.images import is_images

if TYPE_CHECKING:
    from engine.detectors.base import Detector
    from engine.evaluation.explanations.record import Compared, Header
    from engine.explainers.base import Explainer
    from engine.results import Sanity
    from engine.runtime.comparing import Choice, Comparing

CLIPS = frozenset((".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv"))


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("compare", help="measure explainers against each other")
    parser.add_argument("videos", nargs="*", type=Path, metavar="VIDEO|DIR", help="videos, or folders of them")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="instead of videos a data set: where the maps lie on its pairs of held-out persons' pictures",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="with --data: at most N pairs, drawn by --seed")
    parser.add_argument(
        "--explainers",
        required=True,
        metavar="ID[:NAME=VALUE...],ID",
        help="such as gradcam,gradcam:smoothing=bilinear",
    )
    add_set(parser, "a setting of all compared explainers that have it; repeatable")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="for compare.json and the report")
    words.add_detector(parser)
    words.add_device(parser)
    words.add_engine(parser)
    parser.add_argument("--frames", metavar="A:B", help="default: all frames")
    parser.add_argument(
        "--every",
        type=int,
        metavar="N",
        help="take each n-th frame, counted from frame 0; default: evenly spaced, 100 at most, as in P002",
    )
    parser.add_argument(
        "--checks",
        type=int,
        default=4,
        metavar="N",
        help="frames of each video for deletion, insertion, noise and random parameters, which cost 7 further "
        "maps and 44 scores a frame; 0 leaves them out; default: %(default)s",
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="keep beside the weights how far maps hang on what was learnt: the sanity badge of the explainers",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn; default: 0")


def run(args: argparse.Namespace) -> int:
    words.ids(args.explainers)
    chosen(args.set)
    for name, least in (("every", 1), ("checks", 0), ("seed", 0)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise UsageError(f"--{name} {value} makes no sense", advice=f"Give a number from {least}")
    if args.out.is_file():
        raise UsageError("This is a file", advice="Give the name of a folder with --out", file=args.out)
    if bool(args.videos) == (args.data is not None):
        raise UsageError(
            "Videos or a data set can be compared on, one of the two",
            advice="Name videos, or a data set with --data",
        )
    token, bar = CancelToken(), ProgressBar()
    compare = _on_videos if args.data is None else run_pairs
    try:
        with signals_cancel(token, signal.SIGINT):
            return compare(args, token, bar)
    finally:
        bar.close()


def _draws(args: argparse.Namespace) -> int:
    """Of networks for the badge; torch is loaded only where it is wanted."""
    if not args.record:
        return 0
    if args.checks == 0:
        raise UsageError("--record measures on checked frames, and --checks is 0", advice="Leave --checks out")
    from engine.evaluation.explanations.badge import DRAWS

    return DRAWS


def _videos(given: Sequence[Path]) -> list[Path]:
    """The files that are meant: a folder stands for the clips in it, or for a sequence of stills."""
    found: list[Path] = []
    for path in given:
        inside = sorted(path.iterdir()) if path.is_dir() else []
        clips = [each for each in inside if _is_clip(each)]
        if path.is_dir() and not clips and not any(each.is_file() and is_images(each) for each in inside):
            raise UsageError("The folder holds no video", advice="Give a video or a folder of videos", file=path)
        found += clips or [path]
    return list(dict.fromkeys(found))


def _is_clip(path: Path) -> bool:
    """Masks of pseudo-fakes, which lie beside their clips, are none."""
    mask = path.stem.endswith("_mask") and path.with_name(f"{path.stem.removesuffix('_mask')}.json").is_file()
    return path.suffix.lower() in CLIPS and path.name[0] != "." and not mask


def _on_videos(args: argparse.Namespace, token: CancelToken, bar: ProgressBar) -> int:
    frames = None if args.frames is None else words.frame_range(args.frames)
    videos = _videos(args.videos)
    from engine.detectors.base import single_crops  # torch takes seconds to load
    from engine.detectors.registry import load_any
    from engine.evaluation.explanations.record import as_data
    from engine.evaluation.explanations.report import report_files, warnings_of
    from engine.exports.files import Staging, json_text
    from engine.faces.detector import FaceDetector
    from engine.runtime.comparing import Choice, Comparing

    first, end = (0, None) if frames is None else (frames.start, frames.stop)
    choice = Choice(first, end, args.every, args.checks, args.seed, _draws(args))
    explainers = load_compared(
        args.explainers, args.set, args.detector
    )  # what is wrong is told before the weights
    loaded = load_any(args.detector, args.device, engine=args.engine, notify=say)
    detector = single_crops(loaded, "compare")
    token.check()
    comparing = Comparing(detector, FaceDetector(detector.device), explainers, choice, token, bar.show)
    found, unread = _measured(comparing, videos)
    bar.close()
    header = _header(args, detector, facts(explainers, _sanity(args, detector, explainers, found)), choice)
    files = {"compare.json": json_text(as_data(header, found, unread)), **report_files(header, found, unread)}
    with Staging(videos) as staging:
        staging.write_folder(args.out, files)
    for line in warnings_of(header, found):
        say(f"Warning: {line}")
    for name, why in unread.items():
        say(f"{name} was not measured: {why}")
    _tell(found, list(explainers))
    if args.record:
        for line in _recorded(detector, explainers, found):
            say(line)
    say(f"{args.out}: compare.json, report.html, report.md")
    return 0


def _measured(comparing: "Comparing", videos: Sequence[Path]) -> "tuple[list[Compared], dict[str, str]]":
    """The videos that could be measured, and why others could not.

    Raises:
        UsageError, DataError, VideoError: none could; what was wrong with the first.
    """
    found: list[Compared] = []
    unread: dict[str, str] = {}
    wrong: list[Exception] = []
    for path in videos:
        try:
            found.append(comparing.video(path))
        except (UsageError, DataError, VideoError) as error:
            wrong.append(error)
            unread[path.name] = f"{error.message}. {error.advice}."
    if not found:
        raise wrong[0]
    return found, unread


def _header(
    args: argparse.Namespace,
    detector: "Detector",
    explainers: "Mapping[str, Mapping[str, object]]",
    choice: "Choice",
) -> "Header":
    span = "all frames" if args.frames is None else f"{args.frames} (A included, B excluded)"
    each = (
        "evenly spaced, 100 at most" if args.every is None else f"each whose number is a multiple of {args.every}"
    )
    return header_of(
        detector,
        explainers,
        frames=f"{span}; {each}",
        checks=choice.checks,
        seed=choice.seed,
        command=_words(args),
    )


def _words(args: argparse.Namespace) -> str:
    """The command that gives these figures again, without the folders of this machine."""
    found = ["python", "main.py", "compare", *(path.name or "DIR" for path in args.videos), "--out", "DIR"]
    found += words.given(args, "explainers", "detector", "device", "engine", "frames", "every", "checks", "seed")
    for each in args.set:
        found += ["--set", each]
    found += ["--record"] * args.record
    return shlex.join(found)


def _sanity(
    args: argparse.Namespace,
    detector: "Detector",
    explainers: "Mapping[str, Explainer]",
    found: "Sequence[Compared]",
) -> "dict[str, Sanity]":
    """The badge of each explainer: as these videos give it if that is to be recorded, else as it is known."""
    from engine.evaluation.explanations.badge import measured_of, sanity_of

    if not args.record:
        return known_sanity(detector, explainers)
    return {name: sanity_of(measured_of(name, each, found)) for name, each in explainers.items()}


def _recorded(
    detector: "Detector", explainers: "dict[str, Explainer]", found: "Sequence[Compared]"
) -> Iterator[str]:
    """Keep the sanity of each explainer beside the weights; a line on each.

    Raises:
        UsageError: the detector is a foreign model, whose parameters cannot be had.
        WeightsError: it cannot be written.
    """
    from engine.detectors.registry import weights_folder
    from engine.evaluation.explanations.badge import measured_of, record_measured, sanity_of

    folder = weights_folder(detector.id)
    if folder is None:
        raise UsageError(
            f"{detector.id} is a foreign model", advice="Leave out --record: nothing can be kept for it"
        )
    measured = {name: measured_of(name, explainer, found) for name, explainer in explainers.items()}
    path = record_measured(folder, detector.weights_sha256, list(measured.values()))
    for name, each in measured.items():
        sanity = sanity_of(each)
        yield f"{name}: sanity {sanity.verdict}. {sanity.reason}"
    yield f"{path}: recorded"


def _tell(found: "Sequence[Compared]", ids: Sequence[str]) -> None:
    from engine.evaluation.explanations.record import table_2

    for name in ids:
        cells = []
        for measure, each in table_2(found, name).items():
            spread = "" if math.isnan(each.deviation) else f" ± {each.deviation:.4f}"
            cells.append(f"{measure} {each.mean:.4f}{spread}" if each.videos else f"{measure} not defined")
        say(f"{name}: {', '.join(cells)}; videos: {len(found)}")
