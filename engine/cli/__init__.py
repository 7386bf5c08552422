"""The command line: one module per command, each with `add_parser(subparsers)` and `run(args) -> int`."""

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from engine import __version__
from engine.cli.crash import described, record_crash
from engine.cli.words import Parser
from engine.errors import CancelledError, DescriptionMissingError, TellframeError, UsageError

COMMANDS = {
    "demo": "make the demonstration clip, with its ground-truth mask, and open it",
    "detectors": "list the detectors, their weights and what was measured on them",
    "analyze": "find the faces of videos and score them",
    "explain": "say which pixels drove the score of some frames",
    "check": "check specifications of temporal logic",
    "compare": "measure explainers against each other",
    "export": "write an annotated clip",
    "stills": "write exact frames as PNG",
    "train": "train a detector",
    "pseudo-fake": "forge the face of a real video, with the truth about the forgery",
    "evaluate": "measure a detector",
    "views": "show what DPNet or LPS sees in a set of videos",
    "calibrate": "make likelihood ratios of a detector's scores",
    "study": "ask people which explanations convince them",
    "onnx": "write a trained detector for other programs",
}
"""Word and line of help of every command; its module has the same name, with _ for -."""

OpenWindow = Callable[[Sequence[Path]], int]


def run(argv: Sequence[str], open_window: OpenWindow | None = None) -> int:
    """Do what the words say.

    Args:
        argv: the words after `main.py`.
        open_window: opens the window on some files and returns the exit status; None where there is no window.

    Returns:
        The exit status: 0 done, 2 input or words at fault, 1 we are at fault, 130 cancelled.
    """
    try:
        return _dispatch(argv, open_window)
    except TellframeError as error:
        if isinstance(error, DescriptionMissingError):
            print(error.template)  # noqa: T201 - this is the command line
        _complain(str(error))
        return error.exit_status
    except KeyboardInterrupt:
        _complain(str(CancelledError()))
        return CancelledError.exit_status
    except Exception as error:  # noqa: BLE001 - the last line of defence: one line for the user, the rest in a file
        place = record_crash(argv, error)
        _complain(f"{described(error)}. This is its own fault: please report it with {place}.")
        return 1


def _dispatch(argv: Sequence[str], open_window: OpenWindow | None) -> int:
    parser = Parser(
        prog="python main.py",
        description="Tellframe explains, frame by frame, why a face video may be a deepfake. "
        "Without a command it opens the window on the given files.",
        epilog="`python main.py COMMAND --help` explains a command. Frames A:B include A and exclude B, counted "
        "from 0. Exit status: 0 done, 2 the input or the words are at fault, 1 we are at fault, 130 cancelled.",
    )
    parser.add_argument("--version", action="version", version=f"Tellframe {__version__}")
    word = argv[0] if argv else ""
    if not word.startswith("-") and word not in COMMANDS:
        return _window([Path(each) for each in argv], open_window)
    subparsers = parser.add_subparsers(metavar="COMMAND | VIDEO ...", dest="command", required=True)
    if word in COMMANDS:  # only its own module is loaded
        module = importlib.import_module(f"engine.cli.{word.replace('-', '_')}")
        module.add_parser(subparsers)
    else:
        for name, line in COMMANDS.items():
            subparsers.add_parser(name, help=line)
    try:
        args = parser.parse_args(argv)
    except SystemExit as leaving:  # after --help or --version
        return int(leaving.code or 0)
    args.open_window = lambda paths: _window(paths, open_window)
    status: int = module.run(args)
    return status


def _window(paths: Sequence[Path], open_window: OpenWindow | None) -> int:
    for path in paths:
        if not path.exists() and not any(mark in path.name for mark in "%*?["):
            raise UsageError("This is neither a command nor a file", advice="See python main.py --help", file=path)
    if open_window is None:
        raise UsageError("There is no window here", advice="Give a command, see python main.py --help")
    return open_window(paths)


def _complain(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - this is the command line
