"""Make the pictures of pseudo-fakes.md from the demonstration clip's face, which is scikit-image's.

    python docs/make_pseudo_fake_sheets.py

One sheet per operator: five successive frames; their forgeries; the masks; the differences, amplified.
"""

from pathlib import Path

import cv2
import numpy as np

from engine.exports import demo_clip
from engine.training.pseudo_fakes.clip_points import fitted_points, smoothed
from engine.training.pseudo_fakes.clips import KNOWN, SWAP, ClipConfig, draw_clip_forgery
from engine.training.pseudo_fakes.rendering import forge_clip
from engine.training.pseudo_fakes.swap import Donor

OUT = Path(__file__).parent / "pseudo-fakes"
FRAMES, SHOWN, EDGE, AMPLIFIED = 24, 5, 140, 4
FIRST = 30
SEEDS = {"jitter": 3, "drift": 8, "feature-drift": 1, "desynchronisation": 16, "flicker": 3, "partial": 1, SWAP: 7}
CUT = (slice(70, 420), slice(145, 495))


def five(number: int) -> np.ndarray:
    """The five landmarks of a frame of the demonstration clip, whose pose is known."""
    pose = demo_clip._pose(number)  # noqa: SLF001 - these pictures are the clip's own
    picture = np.array([*demo_clip.EYES, [222.0, 124.0], [206.0, 146.0], [238.0, 147.0]])
    return (picture - pose[:, 2]) @ np.linalg.inv(pose[:, :2]).T


def other_person(frames: np.ndarray) -> np.ndarray:
    """The same head, mirrored, dyed and stretched, as there is no second person who may be shown."""
    other = cv2.GaussianBlur(frames[0][:, ::-1], (0, 0), 1.2).astype(np.float32)
    return np.clip(other * [0.8, 0.9, 1.05] + [0, 6, 10], 0, 255).astype(np.uint8)


def sheet(name: str, frames: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The sheet of one operator."""
    rng = np.random.default_rng(SEEDS.get(name, 3))
    forgery = draw_clip_forgery(rng, ClipConfig(exactly=(name,), dense=False), demo_clip.RATE)
    mirrored = points.copy()
    mirrored[..., 0] = demo_clip.WIDTH - mirrored[..., 0]
    donor = Donor(other_person(frames)[None], mirrored[:1][:, MIRROR]) if name == SWAP else None
    made = forge_clip(frames, points, forgery, demo_clip.RATE, donor)
    first = max(0, int(np.flatnonzero(made.frame_labels)[0]) - 2) if name == "partial" else 8
    rows = []
    for t in range(first, first + SHOWN):
        difference = AMPLIFIED * (made.frames[t].astype(int) - frames[t])
        mask = np.repeat(made.masks[t][..., None] * 255, 3, axis=2)
        shown = (frames[t], made.frames[t], mask, np.clip(128 + difference, 0, 255))
        cells = [cv2.resize(p[CUT].astype(np.uint8), (EDGE, EDGE), interpolation=cv2.INTER_AREA) for p in shown]
        rows.append(np.concatenate(cells, axis=0))
    return np.concatenate(rows, axis=1)


MIRROR = [
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1), *range(45, 41, -1), 47, 46,
    *range(39, 35, -1), 41, 40, *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1),
]  # fmt: skip
"""Where each landmark lies in a mirrored face."""


def main() -> None:
    OUT.mkdir(exist_ok=True)
    picture = demo_clip._picture()  # noqa: SLF001
    numbers = range(FIRST, FIRST + FRAMES)
    frames = np.stack([demo_clip._view(picture, number) for number in numbers])  # noqa: SLF001
    points = smoothed(fitted_points(np.stack([five(number) for number in numbers]).astype(np.float32)))
    for name in KNOWN:
        made = sheet(name, frames, points)
        cv2.imwrite(str(OUT / f"{name}.jpg"), made[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 68])


if __name__ == "__main__":
    main()
