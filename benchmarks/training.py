"""How fast batches are made and learnt from: crops per second, of one core and of the device.

    python benchmarks/training.py [--detector frame-mobile] [--size 224] [--pairs 16] [--steps 8] [--device auto]
                                  [--data DIR]

Without --data on drawn faces of 288 px, as prepared faces are, read from PNG files. The first row makes batches in
this process, on one thread; the second takes training steps on batches that are made already; the third does both
at a time as a training does, with `--workers` processes that make batches. A crop is a real or a forged one, both
count. Prints a Markdown table.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests" / "engine" / "training")]

from cartoons import POINTS, SIDE, draw_face  # noqa: E402

from engine.detectors.devices import has_fast_bf16, resolve_device  # noqa: E402
from engine.detectors.specs import detector_spec  # noqa: E402
from engine.training.datasets import read_dataset  # noqa: E402
from engine.training.datasets.base import Dataset, Item  # noqa: E402
from engine.training.faces.store import gather_faces  # noqa: E402
from engine.training.frames.task import FrameTask  # noqa: E402
from engine.training.loop.trainer import Trainer  # noqa: E402
from engine.training.recipes import FRAMES_PER_CLIP, default_config, pretrained_trunk  # noqa: E402

FACE = 288


def drawn(root: Path, persons: int = 40) -> Dataset:
    """Stills of cartoon persons, a fifth of them held out."""
    rng = np.random.default_rng(0)
    items = []
    for k in range(persons):
        path = root / f"{k}.png"
        cv2.imwrite(str(path), cv2.resize(draw_face(rng), (FACE, FACE))[..., ::-1])
        split = "validation" if k % 5 == 0 else "train"
        points = (POINTS * FACE / SIDE)[None].astype(np.float32)
        items.append(Item(path.stem, path, "still", 0, (path.stem,), split, "drawn", points=points))
    return Dataset("drawn", root, tuple(items))


def per_second(work: Callable[[int], object], steps: int, crops: int, device: torch.device) -> tuple[float, float]:
    """Crops per second of `work(number)` and per second of processor time, after two rounds that do not count."""
    for number in range(2):
        work(number)
    _wait(device)
    begun, busy = time.perf_counter(), time.process_time()
    for number in range(2, steps + 2):
        work(number)
    _wait(device)
    done = steps * crops
    return done / (time.perf_counter() - begun), done / (time.process_time() - busy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default="frame-mobile")
    parser.add_argument("--size", type=int)
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    device, spec = resolve_device(args.device), detector_spec(args.detector)
    with tempfile.TemporaryDirectory() as folder:
        data = read_dataset(args.data) if args.data else drawn(Path(folder))
        config = replace(
            default_config(data, args.size or spec.size, 1, trained=pretrained_trunk(spec.id, data) is not None),
            pairs=args.pairs,
            steps=args.steps + 2,
            warm_up=1,
            workers=args.workers,
            validate_every=10**6,
            validation_pairs=1,
            bf16=has_fast_bf16(device),
        )
        stores = [gather_faces(data, data.part(part), FRAMES_PER_CLIP) for part in ("train", "validation")]
        task = FrameTask(spec.build(config.size).to(device), *stores, config)
        trainer = Trainer(task, config, Path(folder) / "run")
        batches = task.batches()
        crops = 2 * args.pairs
        made = per_second(batches.__getitem__, args.steps, crops, device)
        batch = batches[0]
        learnt = per_second(lambda _: trainer._train_step(batch, None), args.steps, crops, device)  # noqa: SLF001
        whole = Trainer(task, config, Path(folder) / "whole")
        stamps: list[float] = []
        whole.run(progress=lambda _: stamps.append(time.perf_counter()), cancel=None)
        both = (args.steps + 1) * crops / (stamps[-1] - stamps[0]) if len(stamps) > 1 else 0.0
    width = "bf16" if config.bf16 else "float32"
    cores = torch.get_num_threads()
    print(f"{args.detector}, {config.size} px, {args.pairs} pairs a step, {width}, {device}, {cores} threads\n")
    print("| what | crops a second | crops a second of processor time |\n|---|---|---|")
    print(f"| making batches, one core | {made[0]:.1f} | {made[1]:.1f} |")
    print(f"| training steps alone | {learnt[0]:.1f} | {learnt[1]:.1f} |")
    print(f"| both, {args.workers} processes making batches | {both:.1f} |  |")


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
