"""How many frames of 256 px are forged per second on one core, before encoding, by each operator and mixed.

    python benchmarks/pseudo_fakes.py [--clips 12] [--frames 32]

Processor time of this thread is counted, so that what else the machine does changes little. The face is that of
scikit-image's astronaut, 150 px wide, moving; drawn parameters as in training.
"""

import argparse
import time

import cv2
import numpy as np

from engine.training.faces.shape68 import MEAN_SHAPE
from engine.training.pseudo_fakes.clip_points import smoothed
from engine.training.pseudo_fakes.clips import SWAP, ClipConfig, draw_clip_forgery
from engine.training.pseudo_fakes.operators import OPERATORS
from engine.training.pseudo_fakes.recoding import draw_recoding, recode
from engine.training.pseudo_fakes.rendering import forge_clip
from engine.training.pseudo_fakes.swap import Donor

SIDE, FPS, TARGET = 256, 25.0, 60.0
POINTS = ((MEAN_SHAPE - 0.5) * 200 + SIDE / 2).astype(np.float32)
"""A face 148 px wide."""


def make_clip(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(T, 256, 256, 3) of a face that shifts and turns, and its landmarks (T, 68, 2)."""
    from skimage.data import astronaut

    face = cv2.resize(astronaut()[55:205, 147:297], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 6, 3)
    pictures, points = [], []
    for t in range(frames):
        turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), 5 * np.sin(t / 9 + phase[0]), 1.0)
        turn[:, 2] += 8 * np.sin(t / 7 + phase[1:])
        pictures.append(cv2.warpAffine(face, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT))
        points.append(POINTS @ turn[:, :2].T + turn[:, 2])
    return np.stack(pictures), np.stack(points).astype(np.float32)


def rate(config: ClipConfig, clips: int, frames: int) -> float:
    """Frames per second of processor time."""
    rng = np.random.default_rng(0)
    donor = Donor(*make_clip(16, 99))
    spent = 0.0
    for number in range(clips):
        pictures, points = make_clip(frames, number)
        started = time.thread_time()
        forge_clip(pictures, smoothed(points), draw_clip_forgery(rng, config, FPS), FPS, donor)
        spent += time.thread_time() - started
    return clips * frames / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--frames", type=int, default=32)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    print("| operator | forged frames per second |")
    print("|---|---|")
    for name in (*OPERATORS, SWAP):
        print(f"| {name} | {rate(ClipConfig(exactly=(name,)), args.clips, args.frames):.0f} |", flush=True)
    print(
        f"| whole face, no operator | {rate(ClipConfig(exactly=(), region='hull'), args.clips, args.frames):.0f} |"
    )
    mixed = rate(ClipConfig(swapped=0.2), 3 * args.clips, args.frames)
    print(f"| mixed (1 in 5 another person's) | {mixed:.0f} |")
    print(f"\nAt least {TARGET:.0f} are required of the mixed draw: {'met' if mixed >= TARGET else 'MISSED'}.")
    rng, spent = np.random.default_rng(0), 0.0
    for number in range(args.clips):
        pictures, _ = make_clip(args.frames, number)
        started = time.thread_time()
        recode(pictures, draw_recoding(rng), FPS)
        spent += time.thread_time() - started
    print(f"Encoding and decoding as evidence: {args.clips * args.frames / spent:.0f} frames per second.")


if __name__ == "__main__":
    main()
