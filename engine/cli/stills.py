"""`stills VIDEO`: exact frames as PNG, with or without an overlay."""

import argparse
import sys
from pathlib import Path
from typing import Any

from engine.cli import words
from engine.cli.explainer_words import add_set, chosen_of
from engine.cli.scenes import analysed_scene
from engine.cli.session import EngineSession, ProgressBar
from engine.exports.stills import export_stills
from engine.rendering.style import OverlayStyle
from engine.video.media import open_media


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("stills", help="write exact frames as PNG")
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument("--frames", required=True, metavar="A:B|A,B,C")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    parser.add_argument("--explainer", metavar="ID", help="draw boxes and its masks over the frames")
    add_set(parser)
    words.add_detector(parser)
    words.add_device(parser)
    words.add_style(parser)


def run(args: argparse.Namespace) -> int:
    frames = words.frame_list(args.frames)
    style = OverlayStyle(args.opacity, args.threshold, args.colour_map, curve=False)
    settings = chosen_of(args.explainer, args.set)
    media = open_media(args.video)
    bar = ProgressBar()
    try:
        words.inside(frames, len(media.index), args.video)
        scene, notes = None, list[str]()
        if args.explainer is not None:
            with EngineSession(args.device) as session:
                (detector,) = session.named([args.detector])
                scene, notes = analysed_scene(
                    session, media, frames, detector, args.explainer, args.device, settings=settings
                )
        written = export_stills(media, frames, args.out, scene=scene, style=style, progress=bar.show)
    finally:
        bar.close()
        media.close()
    for line in notes:
        print(line, file=sys.stderr)  # noqa: T201 - this is the command line
    print(f"{args.out}: {len(written)} stills")  # noqa: T201 - this is the command line
    return 0
