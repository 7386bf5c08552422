"""A process that writes into a case is killed, really: nothing that was reported stored is lost."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.case.case_file import CaseFile

PROJECT = Path(__file__).resolve().parents[3]
WRITER = """
import sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from engine.case.case_file import CaseFile
from engine.results import VideoIdentity

with CaseFile.open_or_create(Path(sys.argv[1])) as case:
    video = case.put_video(VideoIdentity("/e/a.mp4", "a" * 64, 1, 10**6, 1.0, False, 1, 1, Fraction(1, 25)))
    done = {span.first for span in case.list_results(video, "c", "w", "s")}
    number = 0
    while True:
        if number not in done:
            x = np.random.default_rng(number).random(40_000)
            case.put_result(video, "c", "w", "s", number, number, {"x": x}, {"n": number})
            case.note("stored", {"n": number})
            print(number, flush=True)
        number += 1
"""


def write_and_kill(path: Path, results: int, delay: float) -> list[int]:
    """The results a child reported as stored before it was killed in the middle of its work."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        reported = [int(child.stdout.readline()) for _ in range(results)]
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split("\n")
        child.wait()
        assert child.returncode == -signal.SIGKILL
    return reported + [int(line) for line in rest[:-1] if line]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_kill_loses_nothing_but_the_span_in_work(tmp_path: Path) -> None:
    path = tmp_path / "a.tell"
    random.seed(1)
    stored: list[int] = []
    for _ in range(3):
        fresh = write_and_kill(path, results=4, delay=random.random() * 0.03)
        assert not set(fresh) & set(stored), "it went on instead of doing the same again"
        stored += fresh
        with sqlite3.connect(path) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        raw.close()
        with CaseFile.open(path) as case:
            (video,) = case.videos()
            found = {span.first for span in case.list_results(video.id, "c", "w", "s")}
            assert set(stored) <= found
            assert len(found - set(stored)) <= 1, "at most the one whose report was cut off"
            stored = sorted(found)
            for number in stored:
                result = case.get_result(video.id, "c", "w", "s", number, number)
                assert result is not None
                assert np.array_equal(result.arrays["x"], np.random.default_rng(number).random(40_000))
            case.verify_log()
    assert stored == list(range(len(stored)))
