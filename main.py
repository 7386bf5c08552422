"""Start Tellframe: `python main.py [VIDEO ...]` opens the window, `python main.py --help` lists the commands."""

import faulthandler
import sys
from collections.abc import Sequence
from pathlib import Path


def open_window(paths: Sequence[Path]) -> int:
    """Show the window until it is closed. torch is imported later, in the engine thread."""
    from engine.evaluation.study.database import SUFFIX

    if len(paths) == 1 and paths[0].suffix == SUFFIX:
        from gui.study.app import run_study

        return run_study(paths[0])
    from gui.app import run

    return run(list(paths))


def main() -> int:
    """Run the command line; the exit status is 0, 1, 2 or 130 (see README)."""
    faulthandler.enable()
    from engine.cli import run

    return run(sys.argv[1:], open_window)


if __name__ == "__main__":
    sys.exit(main())
