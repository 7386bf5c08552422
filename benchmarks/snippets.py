"""What snippet detectors cost on this processor: a whole clip of U = 8 x T = 4, and all of a video.

    python benchmarks/snippets.py [--threads 1] [--rounds 5] [--video-seconds 10] [--only clip dense]

Random weights: they cost what trained ones do. The first table holds ResNet-50 with Intra- and Inter-SIM against
ResNet-50 alone on the same 32 crops, in float32 and bf16, folded as detectors are; the second scores all frames of
a made video of one face by the compact detector and by frame-mobile, faces and decoding included. Passes go by
turns; given are medians of the processor time of all threads together and of the time that passed, and the median
of the ratios within a turn, which other work on the machine moves least. Prints tables in Markdown.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SNIPPETS, FRAMES, SIZE = 8, 4, 224
RATE, WIDTH, HEIGHT = 25, 640, 360

Taken = tuple[float, float]
"""Seconds of the processor and of the clock."""


def by_turns(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[Taken]]:
    """Each work once per round, after one pass that does not count."""
    taken: dict[str, list[Taken]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            before = time.process_time(), time.perf_counter()
            work()
            after = time.process_time(), time.perf_counter()
            if number:
                taken[name].append((after[0] - before[0], after[1] - before[1]))
    return taken


def median(taken: Sequence[Taken], which: int) -> float:
    return statistics.median(each[which] for each in taken)


def clip_table(rounds: int) -> None:
    """ResNet-50 with and without modules, in both precisions."""
    import torch

    from engine.detectors.folding import fold_batch_norm
    from engine.networks.snippets.config import SnippetConfig
    from engine.networks.snippets.network import build_snippet_network

    clip = torch.randn(1, SNIPPETS, FRAMES, 3, SIZE, SIZE)
    works: dict[str, Callable[[], object]] = {}
    for modules in (False, True):
        network = build_snippet_network(SnippetConfig("resnet50", size=SIZE, intra=modules, inter=modules)).eval()
        fold_batch_norm(network)
        network = network.to(memory_format=torch.channels_last)
        for bf16 in (False, True):
            name = f"{'with modules' if modules else 'alone'}, {'bf16' if bf16 else 'float32'}"

            def score(network: Any = network, bf16: bool = bf16) -> object:
                with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                    return network(clip)

            works[name] = score
    taken = by_turns(works, rounds)
    print("| ResNet-50 | processor | clock | against alone | bf16 against float32 |")
    print("|---|---|---|---|---|")
    for name, each in taken.items():
        precision = name.split(", ")[1]
        alone, exact = taken[f"alone, {precision}"], taken[name.replace("bf16", "float32")]
        print(
            f"| {name} | {median(each, 0):.2f} s | {median(each, 1):.2f} s | {ratio(each, alone):.2f} | "
            f"{ratio(each, exact):.2f} |",
            flush=True,
        )


def ratio(taken: Sequence[Taken], other: Sequence[Taken]) -> float:
    """Median of the ratios of processor time within a round."""
    return statistics.median(mine[0] / theirs[0] for mine, theirs in zip(taken, other, strict=True))


def dense_table(rounds: int, seconds: int) -> None:
    """The compact snippet detector beside the compact frame detector on all frames of one video."""
    from analyze import random_weights

    from engine import paths
    from engine.detectors.registry import load_detector
    from engine.faces.detector import FaceDetector
    from engine.progress import CancelToken
    from engine.runtime.scoring import score_media
    from engine.video.media import open_media

    faces, works = FaceDetector("cpu"), {}

    def score(detector: Any, path: Path) -> object:
        return score_media(open_media(path), detector, faces, 1, CancelToken())

    with tempfile.TemporaryDirectory(prefix="tellframe-") as name:
        folder = Path(name)
        os.environ["XDG_DATA_HOME"] = str(folder)
        path = write_video(folder / "face.mp4", seconds)
        for each in ("frame-mobile", "snippet-compact"):
            random_weights(paths.weights_dirs()[0], each)
            works[each] = partial(score, load_detector(each, "cpu", "float32"), path)
        taken = by_turns(works, rounds)
    print("| detector, every frame | processor | clock | processor, times the video | against frame-mobile |")
    print("|---|---|---|---|---|")
    for name, each in taken.items():
        times = median(each, 0) / seconds
        print(
            f"| {name} | {median(each, 0):.1f} s | {median(each, 1):.1f} s | {times:.2f} | "
            f"{ratio(each, taken['frame-mobile']):.2f} |",
            flush=True,
        )


def write_video(path: Path, seconds: int) -> Path:
    """A public portrait that sways, in a frame of 640 x 360."""
    import numpy as np
    import skimage.data

    from engine.evaluation.wrapped import encode_clip

    portrait = np.ascontiguousarray(skimage.data.astronaut()[:HEIGHT, 40:440])

    def picture(number: int) -> Any:
        frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        left = 120 + round(20 * np.sin(number / 12))
        frame[:, left : left + portrait.shape[1]] = portrait
        return frame

    encode_clip(path, (picture(number) for number in range(seconds * RATE)), (WIDTH, HEIGHT), 20)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--video-seconds", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=("clip", "dense"), default=["clip", "dense"])
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    import torch

    torch.set_num_threads(args.threads)
    print(f"torch {torch.__version__}, {args.threads} threads, load {os.getloadavg()[0]:.0f}\n")
    if "clip" in args.only:
        clip_table(args.rounds)
        print()
    if "dense" in args.only:
        dense_table(args.rounds, args.video_seconds)


if __name__ == "__main__":
    main()
