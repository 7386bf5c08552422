"""How quickly and how exactly frames come: random seeks, single steps and dragging, ours beside two others.

    python benchmarks/scrub.py [--seconds 20] [--accesses 60] [--seeks 150] [--clips DIR]

Makes its own 1080p H.264 clips, key frames 250 and 60 apart, in which every frame shows its number: with B-frames
(half of the pictures are then built on by no other, as in most files) and without, as some cameras write. Ours is
read through the exact reader and through the player's FrameServer; beside it OpenCV's CAP_PROP_POS_FRAMES and the
plain way of PyAV (seek, decode until the wanted time). The ways take turns, so that other load on the machine hits
all alike. Prints Markdown tables; times in milliseconds, picture as an RGB array included.
"""

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "engine" / "video")]

from video_clips import Clip, make_clip, read_number  # noqa: E402

from engine.results import Picture  # noqa: E402
from engine.video.media import Media, open_media  # noqa: E402
from engine.video.server import Delivery, FrameServer  # noqa: E402

Read = Callable[[int], Picture]

CODINGS = {"with B-frames": "bframes=3:b-adapt=0:b-pyramid=normal", "without B-frames": "bframes=0"}


class OpenCV:
    """Frames by CAP_PROP_POS_FRAMES."""

    def __init__(self, path: Path) -> None:
        self._capture = cv2.VideoCapture(str(path))
        self._next = 0

    def read(self, index: int) -> Picture:
        if index != self._next:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, index)
        self._next = index + 1
        _, picture = self._capture.read()
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


class PlainPyAV:
    """Seek to the frame's time at a constant rate, decode until it is reached."""

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path))
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"

    def read(self, index: int) -> Picture:
        stream: Any = self._stream
        pts = int(index / stream.average_rate / stream.time_base)
        self._container.seek(pts, stream=stream)
        for frame in self._container.decode(stream):
            if frame.pts >= pts:
                return frame.to_ndarray(format="rgb24")
        raise LookupError(index)


class Served:
    """Frames through the player's server, waiting for each exact one."""

    def __init__(self, media: Media) -> None:
        self._arrived = threading.Condition()
        self._deliveries: list[tuple[float, Delivery]] = []
        self.server = FrameServer(media, self._take)

    def _take(self, delivery: Delivery) -> None:
        with self._arrived:
            self._deliveries.append((time.perf_counter(), delivery))
            self._arrived.notify()

    def ask(self, index: int, *, dragging: bool = False) -> tuple[float, float, Delivery]:
        """Seconds until the first picture and until the exact one, and that one."""
        with self._arrived:
            self._deliveries.clear()
        asked = time.perf_counter()
        self.server.request(index, dragging=dragging)
        with self._arrived:
            self._arrived.wait_for(lambda: any(d.exact and d.requested == index for _, d in self._deliveries), 30)
            first = self._deliveries[0][0]
            exact_at, exact = self._deliveries[-1]
        return first - asked, exact_at - asked, exact


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=20, help="length of each clip")
    parser.add_argument("--accesses", type=int, default=60, help="steps and drags")
    parser.add_argument("--seeks", type=int, default=150, help="random seeks: their median hangs on the sample")
    parser.add_argument("--clips", type=Path, help="keep the clips here and use them again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.clips or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for apart in (60, 250):
            for coding in CODINGS:
                path = clip_with_keys(folder, apart, coding, given.seconds)
                measure(path, f"Key frames {apart} apart, {coding}", given.accesses, given.seeks)
    return 0


def clip_with_keys(folder: Path, apart: int, coding: str, seconds: int) -> Path:
    path = folder / f"keys{apart}-{coding.replace(' ', '-')}-{seconds}s.mp4"
    if not path.exists():
        groups = f"keyint={apart}:min-keyint={apart}:scenecut=0:{CODINGS[coding]}"
        options = {"preset": "veryfast", "x264-params": groups}
        clip = Clip(width=1920, height=1080, frames=25 * seconds, options=options, picture=moving_picture)
        make_clip(path, clip)
    return path


def moving_picture(number: int, width: int, height: int) -> Picture:
    """The number's blocks over a picture with detail and motion, as costly to decode as filmed material."""
    generator = np.random.default_rng(1)
    texture = generator.integers(40, 216, (height // 8, width // 8, 3), np.uint8)
    large = cv2.resize(texture, (width, height), interpolation=cv2.INTER_CUBIC)
    large = np.roll(large, (2 * number, 5 * number), (0, 1))
    noise = np.random.default_rng(number).integers(-6, 7, (height, width, 1), np.int16)
    picture = np.clip(large + noise, 0, 255).astype(np.uint8)
    for bit in range(12):
        left, right = width * bit // 12, width * (bit + 1) // 12
        white = bool(number >> (11 - bit) & 1)
        picture[: height // 4, left:right] = 235 if white else 20
        picture[height // 4 : height // 2, left:right] = 20 if white else 235
    return picture


def measure(path: Path, title: str, accesses: int, seeks: int) -> None:
    media = open_media(path)
    count = len(media.index)
    reader = media.reader(stepping=True)
    served = Served(media)
    others: dict[str, Read] = {"OpenCV": OpenCV(path).read, "plain PyAV": PlainPyAV(path).read}
    ways: dict[str, Read] = {"Tellframe reader": lambda i: reader.read(i).pixels, **others}
    chooser = random.Random(title)
    print(f"\n### {title} ({count} frames, {media.width}x{media.height})\n")
    print("| access | way | median | p95 | worst | wrong frames | OpenCV's median / ours |")
    print("|---|---|---|---|---|---|---|")
    try:
        random_order = [chooser.randrange(count) for _ in range(seeks)]
        report("random exact seek", in_turns(ways, random_order))
        forward = list(range(count // 3, count // 3 + accesses))
        report("step forward", in_turns({"Tellframe window": exact_from(served), **others}, forward, pause=0.01))
        backward = forward[::-1]
        report("step backward", in_turns({"Tellframe window": exact_from(served), **others}, backward, pause=0.01))
        report("drag, first picture", {"Tellframe window": drag(served, chooser, count, accesses)})
    finally:
        reader.close()
        served.server.close()


def exact_from(served: Served) -> Read:
    def read(index: int) -> Picture:
        delivery = served.ask(index)[2]
        if delivery.frame is None:
            raise LookupError(index)
        return delivery.frame.pixels

    return read


def in_turns(
    ways: dict[str, Read], order: Iterable[int], pause: float = 0.0
) -> dict[str, list[tuple[float, bool]]]:
    """Seconds and rightness of each access, for each way; the ways take turns at every access."""
    taken: dict[str, list[tuple[float, bool]]] = {name: [] for name in ways}
    for index in order:
        for name, read in ways.items():
            started = time.perf_counter()
            picture = read(index)
            taken[name].append((time.perf_counter() - started, read_number(picture) == index))
        time.sleep(pause)
    return taken


def drag(served: Served, chooser: random.Random, count: int, accesses: int) -> list[tuple[float, bool]]:
    taken = []
    for _ in range(accesses):
        index = chooser.randrange(count)
        first, _, delivery = served.ask(index, dragging=True)
        right = delivery.frame is not None and read_number(delivery.frame.pixels) == index
        taken.append((first, right))
    return taken


def report(access: str, taken: dict[str, list[tuple[float, bool]]]) -> None:
    medians = {name: statistics.median(t for t, _ in times) for name, times in taken.items()}
    for name, times in taken.items():
        values = sorted(1000 * t for t, _ in times)
        p95 = values[min(len(values) - 1, int(0.95 * len(values)))]
        wrong = sum(not right for _, right in times)
        ratio = (
            f"{medians['OpenCV'] / medians[name]:.2f}" if name.startswith("Tell") and "OpenCV" in medians else ""
        )
        middle = statistics.median(values)
        print(f"| {access} | {name} | {middle:.1f} | {p95:.1f} | {values[-1]:.1f} | {wrong} | {ratio} |")


if __name__ == "__main__":
    sys.exit(main())
