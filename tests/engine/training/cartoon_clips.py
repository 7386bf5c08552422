"""Clips of cartoon faces whose landmarks are known, and a data set of them."""

from pathlib import Path

import av
import numpy as np
from cartoons import POINTS, draw_face

from engine.training.datasets.base import Dataset, Item

FRAMES = 64


def write_clip(path: Path, frames: list[np.ndarray]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12", "preset": "ultrafast"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))


def draw_clips(root: Path, persons: int = 7) -> Dataset:
    """A clip of 64 frames per person, the last two held out; persons 0, 1 and the last have a forgery."""
    root.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    items = []
    for k in range(persons):
        face, split = draw_face(rng), "train" if k < persons - 2 else "validation"
        shifts = np.round(4 * np.sin(np.arange(FRAMES) / 7)).astype(int)
        frames = [np.roll(face, shift, axis=1) for shift in shifts]
        points = (POINTS[None] + np.stack([shifts, 0 * shifts], axis=1)[:, None]).astype(np.float32)
        for label in (0, 1) if k in (0, 1, persons - 1) else (0,):
            made = frames
            if label:
                made = [frame.copy() for frame in frames]
                for frame in made:
                    frame[60:110, 50:110] = 255 - frame[60:110, 50:110]
            path = root / f"{k}_{label}.mp4"
            write_clip(path, made)
            original = f"{k}_0" if label else ""
            items.append(
                Item(path.stem, path, "clip", label, (f"p{k}",), split, "drawn", original=original, points=points)
            )
    return Dataset("drawn", root, tuple(items))
