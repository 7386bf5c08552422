"""Features of the face move against each other, or at the wrong time (SPEC section 6, steps 3c and 3d).

After feature drift (StA's video-level blending) and the broken correlation of regions (KiMoI), written afresh.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.results import FloatArray
from engine.training.faces.shape68 import MEAN_SHAPE, similarity, transform
from engine.training.pseudo_fakes.operators.plan import FEATURES, ClipFaces, Footage, Plan, autoregressive

_STEADY = (*range(17), *range(27, 31))  # the jaw's outline and the bridge of the nose tell where the head is


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """Each feature moves by an AR(1) process of its own.

    Attributes:
        amplitude: deviation in distances between the eyes.
        rho: correlation from frame to frame.
        seed: of the processes.
    """

    amplitude: float
    rho: float
    seed: int


@dataclass(frozen=True, slots=True)
class Desynchronisation:
    """One feature moves as it does at another time, or too much or too little.

    Attributes:
        mode: "shift" morphs the feature to its landmarks `frames` later; "scale" multiplies its movement about its
            mean by `factor`; "retime" shows the pixels of `frames` later, brought onto the frame's landmarks:
            for landmarks that carry no expression.
        feature: "mouth" or "eyes" (with brows); unused by "retime".
        frames: later, -4 to 4, not 0.
        factor: of "scale".
    """

    mode: Literal["shift", "scale", "retime"]
    feature: Literal["mouth", "eyes"]
    frames: int
    factor: float


def draw_feature_drift(rng: np.random.Generator, footage: Footage) -> FeatureDrift:  # noqa: ARG001
    """Parameters within the ranges of the SPEC."""
    return FeatureDrift(
        amplitude=float(np.exp(rng.uniform(np.log(0.003), np.log(0.02)))),
        rho=float(rng.uniform(0.8, 0.98)),
        seed=int(rng.integers(2**31)),
    )


def feature_drift(plan: Plan, faces: ClipFaces, drawn: FeatureDrift) -> Plan:
    """Independent processes of the six features added to the morph."""
    rng = np.random.default_rng(drawn.seed)
    course = autoregressive(rng, len(faces), 2 * len(FEATURES), drawn.rho) * drawn.amplitude
    course *= faces.interocular()[:, None]
    offsets = plan.offsets.copy()
    for number, part in enumerate(FEATURES.values()):
        offsets[:, part] += course[:, None, 2 * number : 2 * number + 2]
    return replace(plan, offsets=offsets)


def draw_desynchronisation(rng: np.random.Generator, footage: Footage) -> Desynchronisation:
    """Parameters within the ranges of the SPEC; "retime" for landmarks that carry no expression."""
    mode: Literal["shift", "scale"] = "shift" if rng.random() < 0.5 else "scale"
    factor = rng.uniform(0.5, 0.8) if rng.random() < 0.5 else rng.uniform(1.25, 1.6)
    return Desynchronisation(
        mode=mode if footage.dense else "retime",
        feature="mouth" if rng.random() < 0.7 else "eyes",
        frames=int(rng.choice([-4, -3, -2, -1, 1, 2, 3, 4])),
        factor=float(factor),
    )


def desynchronisation(plan: Plan, faces: ClipFaces, drawn: Desynchronisation) -> Plan:
    """The feature's landmarks, or the patch's source, of another time."""
    rows = np.arange(len(faces))
    later = faces.within_runs(rows + drawn.frames)
    if drawn.mode == "retime":
        return replace(plan, sources=np.repeat(later[:, None], 3, axis=1), aligned=True)
    course, heads = _within_head(faces.points)
    if drawn.mode == "shift":
        wanted = course[later]
    else:
        mean = course.mean(axis=0, keepdims=True)
        wanted = mean + drawn.factor * (course - mean)
    offsets = plan.offsets.copy()
    chosen = slice(48, 68) if drawn.feature == "mouth" else [*range(17, 27), *range(36, 48)]
    offsets[:, chosen] += np.einsum("tki,tji->tkj", (wanted - course)[:, chosen], heads[:, :, :2])
    return replace(plan, offsets=offsets)


def _within_head(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(T, 68, 2) in the coordinates of the mean shape, free of the head's movement, and (T, 2, 3) maps back."""
    steady = list(_STEADY)
    forth = [similarity(each[steady], MEAN_SHAPE[steady]) for each in points]
    back = [similarity(MEAN_SHAPE[steady], each[steady]) for each in points]
    course = [transform(affine, each) for affine, each in zip(forth, points, strict=True)]
    return np.stack(course), np.stack(back)
