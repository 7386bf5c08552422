"""`explain VIDEO`: which pixels drove the score of some frames, as numbers and as pictures."""

import argparse
from pathlib import Path
from typing import Any

from engine.cli import words
from engine.cli.scenes import numbering
from engine.cli.session import EngineSession
from engine.exports.files import never_over
from engine.exports.maps import export_maps
from engine.rendering.style import OverlayStyle
from engine.runtime.protocol import ExplainRequest, ExplanationMade
from engine.video.media import open_media


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("explain", help="say which pixels drove the score of some frames")
    parser.add_argument("video", type=Path, metavar="VIDEO")
    words.add_detector(parser)
    parser.add_argument("--explainer", default="gradcam", metavar="ID", help="default: %(default)s")
    parser.add_argument("--frames", required=True, metavar="A:B")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for maps.npz and the rest")
    words.add_device(parser)
    words.add_style(parser)


def run(args: argparse.Namespace) -> int:
    frames = words.frame_range(args.frames)
    style = OverlayStyle(args.opacity, args.threshold, args.colour_map, curve=False)
    never_over([args.video], [args.out])
    media = open_media(args.video)
    try:
        words.inside(frames, len(media.index), args.video)
        with EngineSession(args.device) as session:
            answers = session.ask(
                ExplainRequest(args.video, args.detector, args.explainer, tuple(frames), device=args.device)
            )
            made = [event.explanation for event in answers if isinstance(event, ExplanationMade)]
            written = export_maps(media, made, args.out, style=style, progress=session.progress.show)
            for line in numbering(media, frames[0], frames[-1]):
                session.say(line)
    finally:
        media.close()
    print(f"{args.out}: {len(written) - 2} overlays, maps.npz, summary.json")  # noqa: T201 - the command line
    return 0
