"""How quickly the window comes, shows a dropped video and scores it; absences of its event loop; its memory.

    python benchmarks/window.py [--runs 3] [--only start clip-720p clip-1080p cold long]

Every run is a process of its own: the real program with settings, case and caches of a fresh user, on Qt's
offscreen screen. Times are taken from outside (the start of the process) or from the drop, to the end of the
painting. Prints a table in Markdown. The clips are made in a temporary folder: the long one takes 250 MB there.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
RATE = 25
PLAYED_SECONDS, SEEKS, SEEK_SECONDS = 20.0, 20, 0.4
AFTER_ANALYSIS_SECONDS = 1.0
PATIENCE_SECONDS = 180


def make_clip(path: Path, width: int, height: int, seconds: float, crf: int = 23) -> None:
    """One face that fills about a third of the height, under a slow pan."""
    import av
    import cv2
    import numpy as np
    from skimage.data import astronaut

    picture = astronaut()
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": str(crf), "g": "50"}
        zoom = height / 300
        for frame in range(round(seconds * RATE)):
            turn = 2 * np.pi * frame / (4 * RATE)
            move = [222 + 12 * np.sin(turn), 125 + 8 * np.cos(turn)]
            affine = np.array([[zoom, 0, width / 2 - zoom * move[0]], [0, zoom, height / 2 - zoom * move[1]]])
            scene = cv2.warpAffine(picture, affine, (width, height), borderMode=cv2.BORDER_REPLICATE)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene, format="rgb24")))
        container.mux(stream.encode())


def make_long_clip(path: Path, seconds: int) -> None:
    """Some seconds of 1080p, with their packets again and again until it is long enough."""
    import av

    part = path.with_name("part.mp4")
    make_clip(part, 1920, 1080, 4, crf=34)
    with av.open(part) as source, av.open(path, "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        base = source.streams.video[0].time_base
        packets = [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in source.demux(video=0) if p.size]
        length = round(len(packets) / RATE / base)
        for again in range(seconds // 4):
            for data, pts, dts, key in packets:
                packet = av.Packet(data)
                packet.stream, packet.time_base, packet.is_keyframe = stream, base, key
                packet.pts, packet.dts = pts + again * length, dts + again * length
                container.mux_one(packet)
    part.unlink()


def child(scenario: str, clip: Path | None, started: float) -> None:
    """The program itself, watched; prints one line of JSON.

    Args:
        scenario: start, warm (dropped when the engine is up), cold (dropped at once) or long.
        started: when the process was started, on time.monotonic.
    """
    sys.path.insert(0, str(PROJECT))
    from event_loop import LoopWatch
    from PySide6.QtCore import QEvent, QMimeData, QObject, QPointF, Qt, QTimer, QUrl
    from PySide6.QtGui import QDropEvent

    import gui.app

    found: dict[str, Any] = {}

    class Watched(gui.app.MainWindow):  # type: ignore[misc,valid-type]
        """Reports, and does what the scenario wants."""

        def __init__(self, session: Any) -> None:
            super().__init__(session)
            self.watch = LoopWatch(self)
            self.session, self.dropped_at, self.later = session, 0.0, QTimer(self)
            self.player.picture.installEventFilter(self)
            self.later.timeout.connect(self.seek)
            QTimer.singleShot(PATIENCE_SECONDS * 1000, self, self.end)

        def event(self, event: QEvent) -> bool:
            done = bool(super().event(event))
            if event.type() == QEvent.Type.Paint and "start" not in found:
                found["start"] = time.monotonic() - started
                QTimer.singleShot(0, self, self.begin)
            return done

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if (
                event.type() == QEvent.Type.Paint
                and watched is self.player.picture
                and (self.session.shown is not None or self.session.current.look is not None)
                and "first frame" not in found
            ):
                QTimer.singleShot(0, self, lambda: self.note("first frame"))
            return bool(super().eventFilter(watched, event))

        def note(self, what: str) -> None:
            found.setdefault(what, time.monotonic() - self.dropped_at)

        def begin(self) -> None:
            self.watch.start()
            if scenario == "start":
                self.end()
            elif scenario == "cold":
                self.drop()
            else:
                self.session.detectors_changed.connect(lambda: QTimer.singleShot(2000, self, self.drop))

        def drop(self) -> None:
            session = self.session
            session.results_changed.connect(self.on_results)
            session.media_changed.connect(lambda: self.note("opened") if session.media is not None else None)
            session.analysis_changed.connect(self.on_analysis)
            self.watch.gaps.clear()
            data = QMimeData()
            data.setUrls([QUrl.fromLocalFile(str(clip))])
            self.dropped_at = time.monotonic()
            centre = QPointF(self.rect().center())
            copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
            self.dropEvent(QDropEvent(centre, copy, data, left, none))
            if scenario == "long":
                QTimer.singleShot(round(PLAYED_SECONDS * 1000), self, self.start_seeking)

        def on_results(self) -> None:
            if any(len(track.spans) for track in self.session.results or ()):
                self.note("first scores")

        def on_analysis(self) -> None:
            if self.session.analysis.state.value == "done" and "analysed" not in found:
                self.note("analysed")
                QTimer.singleShot(round(AFTER_ANALYSIS_SECONDS * 1000), self, self.end)
            elif self.session.analysis.state.value == "failed":
                found["failed"] = str(self.session.analysis.error)
                self.end()

        def start_seeking(self) -> None:
            self.session.pause()
            random.seed(0)
            self.seeks = 0
            self.later.start(round(SEEK_SECONDS * 1000))

        def seek(self) -> None:
            if self.seeks == SEEKS:
                self.end()
            self.seeks += 1
            self.session.go_to(random.randrange(self.session.frames))

        def end(self) -> None:
            if "gap" in found:
                return
            self.later.stop()
            self.watch.stop()
            gap, held = self.watch.longest(), self.watch.longest_held()
            found["gap"], found["held"], found["own work"] = (
                gap.wall,
                held.held,
                max(g.cpu for g in self.watch.gaps),
            )
            found["gaps"] = sum(g.wall > 0.05 for g in self.watch.gaps)
            found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            found["dropped frames"] = self.session.dropped_frames
            print(json.dumps(found), flush=True)
            self.close()

    gui.app.MainWindow = Watched  # type: ignore[misc]
    gui.app.run([])


def run(scenario: str, clip: Path | None, home: Path) -> dict[str, float]:
    """One process; what it found."""
    folders = {f"XDG_{name}_HOME": str(home / name) for name in ("CONFIG", "DATA", "CACHE")}
    command = [sys.executable, __file__, "--child", scenario, "--clip", str(clip or ""), "--started"]
    done = subprocess.run(
        [*command, str(time.monotonic())],
        env={**os.environ, **folders, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"{scenario} ended with {done.returncode}\n{done.stderr}")
    found: dict[str, float] = json.loads(lines[-1])
    if "failed" in found:
        raise SystemExit(f"{scenario}: {found['failed']}")
    return found


def table(name: str, runs: Sequence[dict[str, float]], rows: Sequence[tuple[str, str, str, float]]) -> None:
    """Lines of the table: (figure, key, unit, limit); limit 0 where there is none."""
    for figure, key, unit, limit in rows:
        values = [found[key] for found in runs if key in found]
        if not values:
            print(f"| {name} | {figure} | - | - | |")
            continue
        scale, form = {"s": (1, ".2f"), "ms": (1000, ".0f"), "GiB": (2**-30, ".2f"), "": (1, ".0f")}[unit]
        middle, worst = (f"{v * scale:{form}}" for v in (statistics.median(values), max(values)))
        wanted = f"≤ {limit * scale:g} {unit}" if limit else ""
        print(f"| {name} | {figure} | {middle} {unit} | {worst} {unit} | {wanted} |")


FIRST = ("drop to first frame on the screen", "first frame", "s", 0.5)
OPENED = ("drop to indexed", "opened", "s", 0.0)
SCORES = ("drop to first scores", "first scores", "s", 5.0)
DONE = ("drop to end of analysis", "analysed", "s", 0.0)
GAPS = [
    ("longest absence of the event loop", "gap", "ms", 0.05),
    ("absences over 50 ms", "gaps", "", 0.0),
    ("longest, waits for a processor taken off", "held", "ms", 0.0),
    ("longest work of the thread itself", "own work", "ms", 0.0),
]
MEMORY = ("peak memory", "memory", "GiB", 3 * 2.0**30)


def main() -> None:
    names = ("start", "clip-720p", "clip-1080p", "cold", "long")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="processes per scenario (the long one runs once)")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--hours", type=float, default=2.0, help="length of the long clip")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--clip", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--started", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.clip, options.started)
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)

        def several(scenario: str, make: Callable[[Path], None] | None, count: int) -> list[dict[str, float]]:
            clip = work / f"{scenario}.mp4" if make else None
            if make and clip:
                make(clip)
            return [run(scenario, clip, work / f"{scenario}{n}{time.monotonic_ns()}") for n in range(count)]

        print("| scenario | figure | median | worst | wanted |\n|---|---|---|---|---|")
        if "start" in options.only:
            runs = several("start", None, options.runs)
            table("start", runs, [("start of the process to painted window", "start", "s", 3.0)])
        for name, size in (("clip-720p", (1280, 720)), ("clip-1080p", (1920, 1080))):
            if name in options.only:
                runs = several("warm", lambda path, size=size: make_clip(path, *size, 10), options.runs)
                table(f"{name}, 10 s", runs, [FIRST, OPENED, SCORES, DONE, *GAPS, MEMORY])
        if "cold" in options.only:
            runs = several("cold", lambda path: make_clip(path, 1920, 1080, 10), options.runs)
            table("clip-1080p, 10 s, dropped as the window appears", runs, [FIRST, SCORES, *GAPS])
        if "long" in options.only:
            runs = several("long", lambda path: make_long_clip(path, round(options.hours * 3600)), 1)
            table(f"1080p, {options.hours:g} h", runs, [FIRST, OPENED, SCORES, *GAPS, MEMORY])


if __name__ == "__main__":
    main()
