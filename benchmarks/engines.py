"""A whole `analyze` with torch and with ONNX Runtime, by turns, each run in a process of its own.

    python benchmarks/engines.py [VIDEO ...] [--runs 5] [--threads 1] [--detector frame-mobile]

Without a VIDEO a clip of a moving face is made (1080p, 6 s). Every frame is scored, nothing is kept but the
exported network, which a first run that is not counted makes. Times are of all threads of a process, from its
start: so importing and loading count, and other work on the machine counts little. The first scores are told with
the first segment.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ENGINES = ("torch", "onnxruntime")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("videos", nargs="*", type=Path, metavar="VIDEO")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--detector", default="frame-mobile")
    parser.add_argument("--child", choices=ENGINES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(analysed(args.videos[0], args.detector, args.child)))
        return
    with tempfile.TemporaryDirectory() as folder:
        videos = args.videos or [made(Path(folder))]
        print("| video | engine | processor, s | least | to the first scores, s | least | torch / this |")
        print("|---|---|---|---|---|---|---|")
        for video in videos:
            compare(args, video, Path(folder))


def compare(args: argparse.Namespace, video: Path, cache: Path) -> None:
    """Rows of one video."""
    environment = os.environ | {"OMP_NUM_THREADS": str(args.threads), "XDG_CACHE_HOME": str(cache)}
    taken: dict[str, list[tuple[float, float]]] = {engine: [] for engine in ENGINES}
    for run in range(args.runs + 1):
        for engine in ENGINES if run % 2 else ENGINES[::-1]:
            words = [__file__, str(video), "--detector", args.detector, "--child", engine]
            done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, check=True)
            if run:
                taken[engine].append(tuple(json.loads(done.stdout)))
    base = statistics.median(whole for whole, _ in taken["torch"])
    for engine, runs in taken.items():
        whole, first = zip(*runs, strict=True)
        row = [video.name, engine]
        row += [f"{each(times):.2f}" for times in (whole, first) for each in (statistics.median, min)]
        print(f"| {' | '.join(row)} | {base / statistics.median(whole):.2f} |", flush=True)


def analysed(video: Path, detector: str, engine: str) -> tuple[float, float]:
    """Seconds of the processor from the start of this process: to the end of an analysis, to its first scores."""
    import queue

    from engine.runtime.engine import Engine
    from engine.runtime.protocol import AnalyzeRequest, Event, Failed, Finished, SegmentAnalyzed

    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    worker = Engine(events.put, "cpu")
    worker.submit(AnalyzeRequest(video, detector, device="cpu", engine=engine))
    first = 0.0
    while not isinstance(event := events.get(), Finished):
        if isinstance(event, Failed):
            raise event.error
        if isinstance(event, SegmentAnalyzed) and not first:
            first = time.process_time()
    whole = time.process_time()
    worker.stop()
    return whole, first


def made(folder: Path) -> Path:
    from benchmarks.analyze import make_clip

    path = folder / "face-1080p.mp4"
    make_clip(path, 6)
    return path


if __name__ == "__main__":
    main()
