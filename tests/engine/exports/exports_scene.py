"""A small video of varying rate and what an analysis of it may have found, for the tests of exports."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from engine.rendering.scene import Scene
from engine.results import Explanation, FaceTrack, Provenance, Scores
from engine.video.writer import ClipWriter

PTS = [0, 40, 80, 140, 150, 300, 340, 380, 900, 940, 980, 1020]
BASE = Fraction(1, 1000)
PROVENANCE = Provenance(
    "frame-mobile",
    "0123456789abcdef" * 4,
    {"every": 1, "crop": {"size": 224}},
    "cpu",
    "float32",
    {"torch": "2"},
    3,
)


def make_video(path: Path, width: int = 321, height: int = 241) -> Path:
    """Frames of noise blocks, each different, PTS apart."""
    with ClipWriter(path, width, height, BASE) as writer:
        for number, pts in enumerate(PTS):
            blocks = np.random.default_rng(number).integers(40, 200, (9, 11, 3), dtype=np.uint8)
            picture = np.repeat(np.repeat(blocks, 27, 0), 30, 1)[:height, :width]
            writer.write(picture, pts, 40)
    return path


def make_scene(width: int, height: int, first: int = 2, last: int = 9) -> Scene:
    """One face from frame 1 to 10 without 6, scored; maps on frames 3 and 8."""
    frames = np.array([1, 2, 3, 4, 5, 7, 8, 9, 10])
    boxes = np.tile(np.array([100, 60, 200, 180], np.float32), (9, 1)) + frames[:, None].astype(np.float32)
    track = FaceTrack(
        0, frames, boxes, np.zeros((9, 5, 2), np.float32), np.ones(9, np.float32), np.ones(9, bool), boxes
    )
    probability = np.linspace(0.1, 0.9, 9, dtype=np.float32)
    scores = Scores("frame-mobile", 0, np.stack([frames, frames], 1), probability, probability, PROVENANCE)
    return Scene(
        width, height, first, last, [track], [scores], [make_explanation([3, 8])], "frame-mobile",
        PROVENANCE.weights_sha256, "gradcam",
    )  # fmt: skip


def make_explanation(frames: list[int], track: int = 0, explainer: str = "gradcam") -> Explanation:
    n = len(frames)
    rng = np.random.default_rng(track)
    affine = np.tile(np.array([[14, 0, 100], [0, 17, 60]], np.float32), (n, 1, 1))
    return Explanation(
        explainer, "frame-mobile", track, np.array(frames, np.int64), np.array([PTS[f] for f in frames], np.int64),
        rng.standard_normal((n, 7, 7)).astype(np.float32), affine, rng.random(n).astype(np.float32), True,
        PROVENANCE,
    )  # fmt: skip
