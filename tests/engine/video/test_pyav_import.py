"""PyAV from several threads at once, in a fresh interpreter each time: nobody's import fails."""

import subprocess
import sys

RACE = """
import importlib, sys, threading
from engine.video.pyav import import_pyav

sys.setswitchinterval(1e-5)
start, failures = threading.Barrier(3), []

def bring(name):
    start.wait()
    try:
        import_pyav()
        importlib.import_module(name)
    except Exception as error:
        failures.append(repr(error))

names = ("engine.video.media", "engine.video.writer", "engine.video.audio")
threads = [threading.Thread(target=bring, args=(name,)) for name in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit("; ".join(failures) or 0)
"""


def test_threads_that_import_it_at_once_wait_for_each_other() -> None:
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", RACE], check=False, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
