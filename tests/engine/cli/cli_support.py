"""Running the command line, in this process with a fake worker or in a child as a user would."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


def main_py(*words: object, code: str | None = None) -> subprocess.CompletedProcess[str]:
    """`python main.py WORDS` in a child; with `code`, that Python program instead of main.py."""
    start = ["main.py"] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *start, *map(str, words)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,  # far beyond what a busy machine takes: pytest's own bound is nearer
        check=False,
        env=child_environment(),
    )


def child_environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"}
