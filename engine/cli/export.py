"""`export VIDEO|CASE`: an annotated clip and its sidecar."""

import argparse
from pathlib import Path
from typing import Any

from engine.case.case_file import CaseFile
from engine.case.schema import MAGIC
from engine.cli import words
from engine.cli.explainer_words import add_set, chosen_of
from engine.cli.scenes import analysed_scene
from engine.cli.session import EngineSession
from engine.errors import UsageError
from engine.exports.clip import export_clip, require_sound
from engine.exports.files import never_over
from engine.rendering.style import OverlayStyle
from engine.video.media import open_media


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("export", help="write an annotated clip")
    parser.add_argument("source", type=Path, metavar="VIDEO|CASE")
    parser.add_argument("--frames", required=True, metavar="A:B")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.mp4", help="its sidecar is FILE.json")
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
            scene, notes = analysed_scene(
                session, media, frames, detector, args.explainer, args.device, case, settings
            )
            made = export_clip(media, args.out, scene, style, audio=args.audio, progress=session.progress.show)
            if made.missing:
                notes.append(f"{media.path}: {len(made.missing)} damaged frames are not in the clip")
            for line in notes:
                session.say(line)
    finally:
        media.close()
    if case is not None:
        with CaseFile.open(case) as opened:
            opened.note("clip exported", {"path": str(made.clip), "video": str(media.path), "frames": args.frames})
    print(f"{made.clip} and {made.sidecar}")  # noqa: T201 - this is the command line
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
