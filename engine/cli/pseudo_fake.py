"""`pseudo-fake VIDEO`: a forged copy of a real video, its mask, its frame labels and all parameters."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from engine.cli import words
from engine.cli.session import ProgressBar
from engine.errors import UsageError
from engine.results import FloatArray
from engine.training.pseudo_fakes.clips import KNOWN, check_ids
from engine.training.pseudo_fakes.masks import REGIONS
from engine.video.media import open_media


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "pseudo-fake", help="forge the face of a real video, with the truth about the forgery"
    )
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument(
        "--operators", metavar="ID[,ID]", help=f"{', '.join(KNOWN)}; default: a random draw by the seed"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn; default: 0")
    parser.add_argument("--region", choices=REGIONS, help="the part of the face; default: by the seed")
    parser.add_argument("--frames", metavar="A:B", help="forge nothing outside of these; default: all frames")
    parser.add_argument(
        "--track", type=int, metavar="N", help="the face, from 1 by appearance; default: the most prominent one"
    )
    parser.add_argument(
        "--landmarks",
        type=Path,
        metavar="FILE.npz",
        help="array points (frames, 68, 2), NaN where there is no face; default: five points are found",
    )
    parser.add_argument("--donor", type=Path, metavar="VIDEO", help="the other person's face, for swap")


def run(args: argparse.Namespace) -> int:
    operators = None
    if args.operators is not None:
        operators = tuple(words.ids(args.operators))
        check_ids(operators)
    if args.seed < 0:
        raise UsageError(f"The seed {args.seed} is negative", advice="Give --seed N with N from 0")
    if args.landmarks is not None and args.track is not None:
        raise UsageError("Landmarks say which face it is", advice="Give --track or --landmarks, not both")
    frames = None if args.frames is None else words.frame_range(args.frames)
    points = None if args.landmarks is None else read_points(args.landmarks)
    with ExitStack() as stack:
        media = open_media(args.video)
        stack.callback(media.close)
        if frames is not None:
            words.inside(frames, len(media.index), args.video)
        donor = None
        if args.donor is not None:
            donor = open_media(args.donor)
            stack.callback(donor.close)
        from engine.training.pseudo_fakes.video import Order, forge_video  # torch takes seconds to load

        bar = ProgressBar()
        stack.callback(bar.close)
        order = Order(args.seed, operators, args.region, frames, args.track, points, donor)
        made = forge_video(media, args.out, order, progress=bar.show)
        bar.close()
    used = ", ".join(made.forgery.ids) or "no temporal operator"
    print(f"{made.clip} ({used}; {made.forgery.mask.region}), {made.mask.name} and {made.truth.name}")  # noqa: T201
    return 0


def read_points(path: Path) -> FloatArray:
    """The array `points` of an npz file.

    Raises:
        UsageError: it cannot be read or holds none.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return np.asarray(file["points"], dtype=np.float32)
    except (OSError, ValueError, KeyError, EOFError, AttributeError) as error:
        raise UsageError(
            "This holds no landmarks", advice="Give an npz file with an array points (frames, 68, 2)", file=path
        ) from error
