"""Start Tellframe: `python main.py [VIDEO ...]` opens the window, `python main.py --help` lists the commands."""

import faulthandler
import sys


def main() -> int:
    """Run the command line; the exit status is 0, 1, 2 or 130 (see README)."""
    faulthandler.enable()
    from engine.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
