"""How fast a 1080p clip with one face is analysed on every frame, where the time goes, and the naive way.

    python benchmarks/analyze.py [--random-weights] [--seconds 12] [--detector frame-mobile] [--skip-naive]

Ours is the engine as the window uses it: real thread, real events, a case file. The naive way is that of public
face-forensics scripts: OpenCV reads a frame, MTCNN looks at all of it, the crop goes through the network alone.
Both use the same weights and the same number of threads, in this order, in one process.
"""

import argparse
import os
import queue
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

FPS = 25


def make_clip(path: Path, seconds: float) -> int:
    """A face of about 300 px that moves and turns a little before a background that moves, too; its frames."""
    from skimage.data import astronaut

    picture = astronaut()
    head = picture[0:240, 110:330]
    rng = np.random.default_rng(0)
    wall = cv2.resize(rng.integers(40, 200, (34, 60, 3), np.uint8), (2400, 1360), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros(head.shape[:2], np.float32)
    cv2.ellipse(mask, (112, 120), (100, 116), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 4)[..., None]
    count = round(seconds * FPS)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.options = {"preset": "fast", "crf": "20", "g": "60"}
        for frame in range(count):
            t = frame / FPS
            scene = wall[100 + int(60 * np.sin(t / 2)) :][:1080, 200 + int(150 * np.cos(t / 3)) :][:, :1920].copy()
            turn = cv2.getRotationMatrix2D((110, 120), 6 * np.sin(t * 1.3), 2.3 + 0.15 * np.sin(t))
            turn[:, 2] += (850 + 250 * np.sin(t * 0.7), 420 + 80 * np.cos(t * 0.9))
            face = cv2.warpAffine(head, turn, (1920, 1080), flags=cv2.INTER_LINEAR)
            share = cv2.warpAffine(mask, turn, (1920, 1080))[..., None]
            scene = (scene * (1 - share) + face * share + rng.normal(0, 2, (1080, 1920, 1))).clip(0, 255)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene.astype(np.uint8), format="rgb24")))
        container.mux(stream.encode())
    return count


class Stopwatch:
    """Wall and processor seconds of functions, by name; for functions that do not call each other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)

    def watch(self, owner: Any, name: str, label: str) -> None:
        call = getattr(owner, name)

        def timed(*args: Any, **options: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return call(*args, **options)
            finally:
                self.seconds[label] += time.perf_counter() - wall
                self.cpu[label] += time.thread_time() - cpu

        setattr(owner, name, timed)


@contextmanager
def measured() -> Iterator[Callable[[], tuple[float, float]]]:
    """Gives a function that tells (wall, processor) seconds since the start."""

    def now() -> tuple[float, float]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return time.perf_counter(), usage.ru_utime + usage.ru_stime

    start = now()
    yield lambda: tuple(b - a for a, b in zip(start, now(), strict=True))  # type: ignore[return-value]


def ours(clip: Path, case: Path, detector: str, count: int) -> float:
    from engine.case import case_file
    from engine.detectors import frame
    from engine.faces import detector as face_detector
    from engine.runtime import pictures, worker  # noqa: F401 - the worker is loaded before the clock starts
    from engine.runtime.engine import Engine
    from engine.runtime.protocol import (
        AnalysisDone,
        AnalyzeRequest,
        DetectorsRequest,
        Failed,
        Finished,
        SegmentAnalyzed,
    )
    from engine.video import video_reader

    watch = Stopwatch()
    watch.watch(video_reader.VideoReader, "decode", "decode")
    watch.watch(pictures.PictureThread, "_look", "reduce")
    watch.watch(pictures, "cut_all", "crops (with RGB)")
    watch.watch(face_detector.FaceDetector, "detect", "faces")
    watch.watch(frame.FrameDetector, "score_crops", "network")
    watch.watch(case_file.CaseFile, "put_result", "store")
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    engine = Engine(events.put, "cpu")
    try:
        engine.submit(DetectorsRequest())
        while not isinstance(events.get(), Finished):
            pass
        with measured() as elapsed:
            engine.submit(AnalyzeRequest(clip, detector, case=case))
            first = done = None
            while True:
                event = events.get()
                if isinstance(event, Failed):
                    raise SystemExit(str(event.error) + event.details)
                if isinstance(event, SegmentAnalyzed) and first is None:
                    first = elapsed()[0]
                if isinstance(event, AnalysisDone):
                    done = event
                if isinstance(event, Finished):
                    break
            wall, cpu = elapsed()
    finally:
        engine.stop()
    scored = sum(len(s.spans) for s in done.scores)
    print(
        f"ours:  {wall:6.2f} s for {count} frames, {scored} scores, {len(done.tracks)} face(s); "
        f"first scores after {first:.2f} s"
    )
    print(
        f"       {count / FPS / wall:.2f} x real time, {count / wall:.1f} frames/s, "
        f"{cpu / count * 1000:.1f} ms of processor a frame"
    )
    print(
        "       share of the parts (they run beside each other; processor time of their own thread in brackets):"
    )
    for label, seconds in watch.seconds.items():
        print(
            f"         {label:18s} {seconds / count * 1000:6.2f} ms a frame, {seconds / wall:5.1%} of the time"
            f"  ({watch.cpu[label] / count * 1000:.2f} ms)"
        )
    return wall


def naive(clip: Path, detector_id: str, count: int) -> float:
    """What the public scripts do, with the same weights."""
    import torch
    from facenet_pytorch import MTCNN
    from PIL import Image

    from engine.detectors.cards import load_card
    from engine.detectors.registry import weights_folder
    from engine.detectors.specs import SPECS
    from engine.detectors.weights import load_state

    folder = weights_folder(detector_id)
    if folder is None:
        raise SystemExit(f"{detector_id} has no weights; add --random-weights")
    card = load_card(folder)
    network = SPECS[detector_id].build(card.size)
    load_state(folder, card, network)
    network.eval()
    mtcnn = MTCNN(select_largest=True, device="cpu")
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (card.mean, card.std))
    scores = []
    with measured() as elapsed, torch.no_grad():
        capture = cv2.VideoCapture(str(clip))
        while True:
            good, bgr = capture.read()
            if not good:
                break
            image = Image.fromarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
            boxes, _ = mtcnn.detect(image)
            if boxes is None:
                continue
            crop = image.crop(tuple(int(v) for v in boxes[0])).resize((card.size, card.size))
            x = (torch.from_numpy(np.array(crop)).permute(2, 0, 1).float() / 255 - mean) / std
            scores.append(torch.sigmoid(network(x[None])).item())
        capture.release()
        wall, cpu = elapsed()
    print(f"naive: {wall:6.2f} s for {count} frames, {len(scores)} scores")
    print(
        f"       {count / FPS / wall:.2f} x real time, {count / wall:.1f} frames/s, "
        f"{cpu / count * 1000:.1f} ms of processor a frame"
    )
    return wall


def random_weights(folder: Path, detector_id: str) -> None:
    """Random weights with a card, as the user's own, for timing alone."""
    import torch

    from engine.detectors.specs import SPECS
    from engine.detectors.weights import save_weights

    torch.manual_seed(0)
    network = SPECS[detector_id].build(SPECS[detector_id].size)
    card = {
        "id": detector_id,
        "architecture": SPECS[detector_id].architecture,
        "size": network.size,
        "margin": 0.0,
        "classes": ["real", "fake"],
        "mean": list(network.input_mean),
        "std": list(network.input_std),
        "date": "2025-01-01",
        "trustworthy": False,
        "trust_reason": "random weights, for timing",
    }
    save_weights(folder / detector_id, network, card, torch.float16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--detector", default="frame-mobile")
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--random-weights", action="store_true", help="time without trained weights")
    parser.add_argument("--skip-naive", action="store_true")
    parser.add_argument("--keep", type=Path, help="keep the clip there, and use it if it is there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variable in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            os.environ[variable] = str(folder / variable)
        from engine import paths
        from engine.runtime import worker  # noqa: F401 - before torch: it sets how threads wait

        if args.random_weights:
            random_weights(paths.weights_dirs()[0], args.detector)
        clip = args.keep or folder / "clip.mp4"
        count = round(args.seconds * FPS)
        if not clip.is_file():
            make_clip(clip, args.seconds)
        mine = ours(clip, folder / "case.tell", args.detector, count)
        if not args.skip_naive:
            print(f"ours is {naive(clip, args.detector, count) / mine:.1f} times as fast")


if __name__ == "__main__":
    main()
