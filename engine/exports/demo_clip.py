"""The demonstration clip: a face from a picture that ships inside scikit-image, animated, with one forged span.

The picture shows the astronaut Eileen Collins (NASA, public domain). Nobody's video is used: the program makes the
clip, forges a part of it, and keeps the truth about the forgery beside it.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from engine.case.codec import pack
from engine.exports.files import Staging, sha256
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import BoolArray, Picture
from engine.video.writer import ClipWriter

WIDTH, HEIGHT = 640, 480
FRAMES, RATE = 200, 25
FORGED = (80, 140)
"""First and last forged frame."""
SEED = 20

# Places in the picture, pixels.
FACE = np.array([222.0, 125.0])
INNER = np.array([33.0, 40.0])
"""Half axes of the ellipse that is replaced: from the brows to the lower lip."""
EYES = np.array([[199.0, 101.0], [244.0, 103.0]])
MOUTH = np.array([222.0, 146.0])
SCALE = 2.05
"""Pixels of the clip per pixel of the picture."""

Points = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DemoClip:
    """Where the clip and its truth lie: `mask` holds frames (F,) and masks (F, H, W) bool of the forged pixels."""

    clip: Path
    mask: Path
    truth: Path


def make_demo_clip(
    out: Path, *, cancel: CancelToken | None = None, progress: ProgressCallback | None = None
) -> DemoClip:
    """Write demo.mp4, demo_mask.npz and demo.json into a folder; the same on every machine up to the encoder.

    Raises:
        ExportError: the disk is full or the place cannot be written; nothing is left behind.
        CancelledError: cancelled.
    """
    made = DemoClip(out / "demo.mp4", out / "demo_mask.npz", out / "demo.json")
    meter = ProgressMeter("Making the demonstration clip", FRAMES, "frames", progress)
    rng = np.random.default_rng(SEED)
    picture = _picture()
    masks: list[BoolArray] = []
    with Staging() as staging:
        staging.folder(out)
        with ClipWriter(made.clip, WIDTH, HEIGHT, Fraction(1, RATE), rate=RATE) as writer:
            for number in range(FRAMES):
                if cancel is not None:
                    cancel.check()
                pixels = _view(picture, number)
                if FORGED[0] <= number <= FORGED[1]:
                    pixels, mask = _forge(pixels, number, rng)
                    masks.append(mask)
                writer.write(_noisy(pixels, rng), number, 1)
                meter.update(number + 1)
            digest = sha256(writer.complete())
            frames = np.arange(FORGED[0], FORGED[1] + 1)
            staging.write(made.mask, pack({"frames": frames, "masks": np.stack(masks)}))
            staging.write_json(
                made.truth,
                {
                    "clip": made.clip.name,
                    "sha256": digest,
                    "mask": made.mask.name,
                    "frames": FRAMES,
                    "rate": RATE,
                    "forged": [list(FORGED)],
                    "labels": [int(FORGED[0] <= n <= FORGED[1]) for n in range(FRAMES)],
                    "forgery": "inner face blurred, recoloured, shifted anew in each frame, blended in softly",
                    "seed": SEED,
                    "picture": "skimage.data.astronaut (Eileen Collins, NASA, public domain)",
                },
            )
    return made


def _picture() -> Picture:
    from skimage.data import astronaut  # a second to import, and needed here alone

    pixels: Picture = astronaut()  # type: ignore[no-untyped-call]
    return pixels


def _pose(number: int) -> npt.NDArray[np.float64]:
    """(2, 3) affine from the clip to the picture: a slow pan, zoom and nod."""
    t = number / FRAMES * 2 * np.pi
    zoom = SCALE * (1 + 0.06 * np.sin(t + 0.4))
    angle = 0.055 * np.sin(1.5 * t)
    centre = FACE + np.array([9 * np.sin(t), 6 + 4 * np.sin(2 * t)])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    shift = centre - turn @ (np.array([WIDTH, HEIGHT]) / 2)
    return np.column_stack([turn, shift])


def _places(number: int) -> Points:
    """(H, W, 2) where in the picture each pixel of a frame comes from, with blinks and a moving mouth."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) + np.float32(0.5)
    pose = _pose(number).astype(np.float32)
    places = np.stack([x, y], axis=-1) @ pose[:, :2].T + pose[:, 2]
    t = number / RATE
    blink = np.float32(np.exp(-(((t % 2.7) - 1.2) ** 2) / 0.006))
    speech = np.float32(1.5 * (1 + np.sin(2 * np.pi * 2.1 * t)) * (0.6 + 0.4 * np.sin(2 * np.pi * 0.31 * t)))
    for eye in EYES:
        away = places - eye.astype(np.float32)
        near = np.exp(-((away[..., 0] / 14) ** 2) - (away[..., 1] / 8) ** 2)
        places[..., 1] -= blink * near * (5 - 0.4 * away[..., 1])  # the lid from above comes over the eye
    away = places - MOUTH.astype(np.float32)
    near = np.exp(-((away[..., 0] / 24) ** 2) - (away[..., 1] / 13) ** 2)
    places[..., 1] -= speech * near * np.tanh(away[..., 1] / 6)
    return places


def _view(picture: Picture, number: int) -> Picture:
    places = _places(number) - np.float32(0.5)  # OpenCV puts pixel centres at whole numbers
    view = cv2.remap(picture, places[..., 0], places[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(view, np.uint8)


def _forge(pixels: Picture, number: int, rng: np.random.Generator) -> tuple[Picture, BoolArray]:
    """A frame with its inner face replaced, and the pixels that count as forged (blended in by half or more)."""
    pose = _pose(number)
    middle = np.linalg.solve(pose[:, :2], FACE - pose[:, 2])
    zoom = 1 / np.sqrt(np.linalg.det(pose[:, :2]))
    jitter = np.asarray(
        cv2.getRotationMatrix2D(middle.tolist(), float(rng.normal(0, 0.8)), float(rng.normal(1.03, 0.01))),
        np.float64,
    )
    jitter[:, 2] += rng.normal(0, 1.6, 2)
    patch = cv2.GaussianBlur(pixels, (0, 0), 1.5)
    patch = cv2.warpAffine(
        patch, jitter, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    recoloured = patch * np.array([1.04, 0.97, 0.93], np.float32) + np.array([5, 0, -3], np.float32)
    angle = float(np.degrees(np.arctan2(-pose[1, 0], pose[0, 0])))
    sharp = np.zeros((HEIGHT, WIDTH), np.float32)
    axes = tuple(np.round(INNER * zoom).astype(int).tolist())
    cv2.ellipse(sharp, np.round(middle).astype(int).tolist(), axes, angle, 0, 360, 1.0, -1, cv2.LINE_AA)
    alpha = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 4.0), np.float32)
    return _bytes(pixels + (recoloured - pixels) * alpha[..., None]), alpha >= 0.5


def _noisy(pixels: Picture, rng: np.random.Generator) -> Picture:
    """Some noise, as any camera makes it; without it the encoder would make still stretches perfect copies."""
    return _bytes(pixels + np.float32(1.5) * rng.standard_normal(pixels.shape, np.float32))


def _bytes(pixels: npt.NDArray[Any] | cv2.typing.MatLike) -> Picture:
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
