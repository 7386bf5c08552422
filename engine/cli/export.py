"""`export VIDEO|CASE`: an annotated clip and its sidecar."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.case.case_file import CaseFile
from engine.case.schema import MAGIC
from engine.cli import words
from engine.cli.explainer_words import add_set, chosen_of
from engine.cli.export_prototype import export_beside_patch
from engine.cli.scenes import analysed_scene
from engine.cli.session import EngineSession, say
from engine.errors import UsageError
from engine.exports.clip import export_clip, require_sound
from engine.exports.files import never_over
from engine.rendering.style import OverlayStyle
from engine.video.media import Media, open_media


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("export", help="write an annotated clip")
    parser.add_argument("source", type=Path, metavar="VIDEO|CASE")
    parser.add_argument("--frames", required=True, metavar="A:B")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.mp4", help="its sidecar is FILE.json")
    parser.add_argument(
        "--prototype",
        metavar="NAME",
        help="write FILE.gif or FILE.mp4: the motion of a prototype beside the patch that it finds in the clip "
        "which begins in these frames and is most similar to it",
    )
    words.add_detector(parser)
    parser.add_argument("--explainer", metavar="ID", help="draw its masks, too")
    add_set(parser)
    parser.add_argument("--audio", action="store_true", help="bring the sound along")
    words.add_device(parser)
    words.add_style(parser)


def run(args: argparse.Namespace) -> int:
    frames = words.frame_range(args.frames)
    style = OverlayStyle(args.opacity, args.threshold, args.colour_map)
    settings = chosen_of(args.explainer, args.set)
    words.writable(args.out)
    never_over([args.source], [args.out, args.out.with_suffix(".json")])
    case = args.source if is_case(args.source) else None
    media = open_media(only_video(args.source) if case else args.source)
    try:
        words.inside(frames, len(media.index), media.path)
        if args.audio:
            require_sound(media)
        with EngineSession(args.device) as session:
            (detector,) = session.named([args.detector])
            if args.prototype is not None:
                written, notes = export_beside_patch(
                    session, media, frames, detector, args.prototype, args.out, args.device, case
                )
                return _end(session, args, media, case, written, notes)
            scene, notes = analysed_scene(
                session, media, frames, detector, args.explainer, args.device, case, settings
            )
            made = export_clip(media, args.out, scene, style, audio=args.audio, progress=session.progress.show)
            if made.missing:
                notes.append(f"{media.path}: {len(made.missing)} damaged frames are not in the clip")
            return _end(session, args, media, case, (made.clip, made.sidecar), notes)
    finally:
        media.close()


def _end(
    session: EngineSession,
    args: argparse.Namespace,
    media: Media,
    case: Path | None,
    written: tuple[Path, Path],
    notes: Sequence[str],
) -> int:
    """Tell, and note in the case, what was written."""
    for line in notes:
        session.say(line)
    if case is not None:
        details = {"path": str(written[0]), "video": str(media.path), "frames": args.frames}
        if args.prototype is not None:
            details["prototype"] = args.prototype
        with CaseFile.open(case) as opened:
            opened.note("clip exported", details)
    say(f"{written[0]} and {written[1]}")
    return 0


def is_case(path: Path) -> bool:
    """Whether a file is a database, by its first bytes."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except PermissionError:
        return False  # opening it as a video says so in plain words


def only_video(path: Path) -> Path:
    """The video of a case that has just one.

    Raises:
        UsageError: it has none, or several.
        CaseError: it cannot be read.
    """
    with CaseFile.open(path) as case:
        videos = [video.identity.path for video in case.videos()]
    if len(videos) != 1:
        raise UsageError(
            f"The case holds {len(videos)} videos", advice="Give the video instead of the case", file=path
        )
    return Path(videos[0])
