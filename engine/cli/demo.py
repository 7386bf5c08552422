"""`demo`: makes the demonstration clip and opens the window on it."""

import argparse
from pathlib import Path
from typing import Any

from engine import paths
from engine.cli.session import ProgressBar
from engine.exports.demo_clip import make_demo_clip


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("demo", help="make the demonstration clip and open it")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the clip; default: the data folder")
    parser.add_argument("--no-window", action="store_true", help="only make it")


def run(args: argparse.Namespace) -> int:
    bar = ProgressBar()
    try:
        made = make_demo_clip(args.out or paths.data_dir() / "demo", progress=bar.show)
    finally:
        bar.close()
    print(f"{made.clip}, its mask {made.mask.name}, its truth {made.truth.name}")  # noqa: T201 - the command line
    if args.no_window:
        return 0
    status: int = args.open_window([made.clip])
    return status
