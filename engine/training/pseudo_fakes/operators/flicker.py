"""The patch changes its colour and strength from frame to frame (SPEC section 6, step 3e)."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.results import FloatArray
from engine.training.pseudo_fakes.operators.plan import ClipFaces, Footage, Plan


@dataclass(frozen=True, slots=True)
class Flicker:
    """Brightness, tint and blend ratio vary.

    Attributes:
        mode: "noise": anew in each frame; "switch": between two settings, in runs of frames.
        gain, tint, ratio: deviation of each from its mean.
        longest: frames of the longest run of "switch"; the shortest has 2.
        seed: of the noise or the runs.
    """

    mode: Literal["noise", "switch"]
    gain: float
    tint: float
    ratio: float
    longest: int
    seed: int


def draw_flicker(rng: np.random.Generator, footage: Footage) -> Flicker:
    """Deviations of 1 to 4 %; runs of up to half a second."""
    gain, tint, ratio = np.exp(rng.uniform(np.log(0.01), np.log(0.04), 3)).tolist()
    return Flicker(
        mode="noise" if rng.random() < 0.6 else "switch",
        gain=gain,
        tint=tint,
        ratio=ratio,
        longest=max(3, round(footage.fps / 2)),
        seed=int(rng.integers(2**31)),
    )


def flicker(plan: Plan, faces: ClipFaces, drawn: Flicker) -> Plan:
    """Noise or a square wave on gain, tint and ratio; the ratio stays at most 1 by what is made of it."""
    rng = np.random.default_rng(drawn.seed)
    if drawn.mode == "noise":
        course = rng.standard_normal((len(faces), 3)).astype(np.float32)
    else:
        signs = rng.choice([-1.0, 1.0], 3)
        course = _square_wave(rng, len(faces), drawn.longest)[:, None] * signs.astype(np.float32)
    return replace(
        plan,
        gain=plan.gain * (1 + drawn.gain * course[:, 0]),
        tint=plan.tint + drawn.tint * course[:, 1],
        ratio=plan.ratio * (1 + drawn.ratio * course[:, 2]),
    )


def _square_wave(rng: np.random.Generator, length: int, longest: int) -> FloatArray:
    """(length,) of 1 and -1 in runs of 2 to `longest`."""
    runs = rng.integers(2, longest + 1, size=length // 2 + 1)
    signs = np.resize(np.array([1.0, -1.0], np.float32), len(runs))
    return np.repeat(signs, runs)[:length]
