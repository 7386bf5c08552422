"""`explain VIDEO`: which pixels drove the score of some frames, as numbers and as pictures."""

import argparse
from pathlib import Path
from typing import Any

from engine.cli import words
from engine.cli.explainer_words import add_set, chosen
from engine.cli.scenes import numbering
from engine.cli.session import EngineSession, say
from engine.errors import UsageError
from engine.exports.files import never_over
from engine.exports.maps import export_maps
from engine.rendering.style import OverlayStyle
from engine.runtime.protocol import ExplainRequest, ExplanationMade
from engine.video.media import open_media


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("explain", help="say which pixels drove the score of some frames")
    parser.add_argument("video", nargs="?", type=Path, metavar="VIDEO")
    words.add_detector(parser)
    parser.add_argument("--explainer", default="gradcam", metavar="ID", help="default: %(default)s")
    add_set(parser)
    parser.add_argument("--settings", action="store_true", help="list what can be set of the explainer, and end")
    parser.add_argument("--frames", metavar="A:B")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for maps.npz and the rest")
    words.add_device(parser)
    words.add_engine(parser)
    words.add_style(parser)


def run(args: argparse.Namespace) -> int:
    if args.settings:
        return _list_settings(args.detector, args.explainer)
    missing = [
        name
        for name, key in (("VIDEO", "video"), ("--frames", "frames"), ("--out", "out"))
        if getattr(args, key) is None
    ]
    if missing:
        raise UsageError(
            f"The following arguments are required: {', '.join(missing)}",
            advice="See python main.py explain --help",
        )
    frames = words.frame_range(args.frames)
    style = OverlayStyle(args.opacity, args.threshold, args.colour_map, curve=False)
    settings = chosen(args.set)
    never_over([args.video], [args.out])
    media = open_media(args.video)
    try:
        words.inside(frames, len(media.index), args.video)
        with EngineSession(args.device) as session:
            (detector,) = session.named([args.detector])
            request = ExplainRequest(
                args.video,
                detector,
                args.explainer,
                tuple(frames),
                device=args.device,
                engine=args.engine,
                settings=settings,
            )
            made = [event.explanation for event in session.ask(request) if isinstance(event, ExplanationMade)]
            written = export_maps(media, made, args.out, style=style, progress=session.progress.show)
            for line in numbering(media, frames[0], frames[-1]):
                session.say(line)
    finally:
        media.close()
    say(f"{args.out}: {len(written) - 2} overlays, maps.npz, summary.json")
    return 0


def _list_settings(detector: str, explainer: str) -> int:
    from engine.explainers.registry import explainer_settings  # torch takes seconds to load

    found = explainer_settings(explainer, detector)
    if not found:
        say(f"Nothing can be set of {explainer}")
    for each in found:
        say(f"{each.name}: {each.meaning}; {each.allowed}; default: {each.default}")
    return 0
