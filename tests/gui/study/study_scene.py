"""A small study of real clips: every picture is of one grey that tells its frame, its corner tells its clip."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from engine.evaluation.study.pairs import Pair
from engine.evaluation.study.study_file import StudyFile
from engine.runtime.study_making import Choice, make_study
from engine.video.writer import ClipWriter

EXPLAINERS = ("gradcam", "shap", "ltpa", "attention")
STEP = 8
"""Grey values between two frames."""
APART = 14
"""Grey values between the corners of two clips of a study: 0 to 238 for three sections."""


def write_clip(path: Path, rate: int, frames: int, size: tuple[int, int] = (96, 96), corner: int = 0) -> None:
    """Grey 16 + 8 n; the upper left quarter is of the grey `corner`, which tells clips apart."""
    width, height = size
    with ClipWriter(path, width, height, Fraction(1, rate), rate=rate, threads=1) as writer:
        for number in range(frames):
            picture = np.full((height, width, 3), 16 + STEP * number, np.uint8)
            picture[: height // 4, : width // 4] = corner
            writer.write(picture, number, 1)


def number_of(grey: int) -> int:
    return round((grey - 16) / STEP)


def corner_of(section: int, name: str, explainers: tuple[str, ...] = EXPLAINERS) -> int:
    """Grey of the corner of one clip of `make`."""
    names = ("real", "fake", *explainers)
    return APART * (section * len(names) + names.index(name))


def make(folder: Path, sections: int = 3, explainers: tuple[str, ...] = EXPLAINERS) -> StudyFile:
    """A study with clips of half a second."""
    pairs = []
    for n in range(sections):
        clips = {}
        for name in ("real", "fake", *explainers):
            clips[name] = folder / f"{n}-{name}.mp4"
            write_clip(clips[name], 10, 5, corner=corner_of(n, name, explainers))
        real, fake = clips.pop("real"), clips.pop("fake")
        pairs.append(Pair(f"s{n}", real, fake, (f"person {n}",), clips))
    return make_study(pairs, folder / "study.tellstudy", Choice("Which explanations convince?", seed=5))
