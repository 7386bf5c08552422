"""The patch as a whole moves against the face: jitter and drift (SPEC section 6, steps 3a and 3b)."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.results import FloatArray
from engine.training.pseudo_fakes.operators.plan import ClipFaces, Footage, Plan, autoregressive


@dataclass(frozen=True, slots=True)
class Jitter:
    """An independent movement in each frame; deviations.

    Attributes:
        shift: widths of the face.
        degrees, scale: of turn and size.
        seed: of the noise.
    """

    shift: float
    degrees: float
    scale: float
    seed: int


@dataclass(frozen=True, slots=True)
class Drift:
    """A slow movement; deviations as in Jitter.

    Attributes:
        kind: an AR(1) process, or a sinusoid per component.
        rho: correlation from frame to frame of the process.
        hertz: of the sinusoids.
    """

    shift: float
    degrees: float
    scale: float
    kind: Literal["ar1", "sinusoid"]
    rho: float
    hertz: float
    seed: int


def draw_jitter(rng: np.random.Generator, footage: Footage) -> Jitter:  # noqa: ARG001 - all draw alike
    """Parameters within the ranges of the SPEC."""
    return Jitter(*_deviations(rng), seed=int(rng.integers(2**31)))


def jitter(plan: Plan, faces: ClipFaces, drawn: Jitter) -> Plan:
    """White noise added to the movement."""
    noise = np.random.default_rng(drawn.seed).standard_normal((len(faces), 4)).astype(np.float32)
    return replace(plan, motion=plan.motion + noise * _scales(drawn))


def draw_drift(rng: np.random.Generator, footage: Footage) -> Drift:  # noqa: ARG001
    """Parameters within the ranges of the SPEC."""
    return Drift(
        *_deviations(rng),
        kind="ar1" if rng.random() < 0.5 else "sinusoid",
        rho=float(rng.uniform(0.8, 0.98)),
        hertz=float(rng.uniform(0.3, 3.0)),
        seed=int(rng.integers(2**31)),
    )


def drift(plan: Plan, faces: ClipFaces, drawn: Drift) -> Plan:
    """A process or sinusoids of the drawn deviation added to the movement."""
    rng = np.random.default_rng(drawn.seed)
    if drawn.kind == "ar1":
        course = autoregressive(rng, len(faces), 4, drawn.rho)
    else:
        seconds = np.arange(len(faces))[:, None] / faces.fps
        turns = drawn.hertz * seconds + rng.random(4)
        course = np.sqrt(2) * np.sin(2 * np.pi * turns)
    return replace(plan, motion=(plan.motion + course * _scales(drawn)).astype(np.float32))


def _deviations(rng: np.random.Generator) -> tuple[float, float, float]:
    """Shift, degrees and scale, together small or together large."""
    share = float(rng.random())
    within = np.clip(share + rng.uniform(-0.25, 0.25, 3), 0, 1)
    low, high = np.array([0.002, 0.2, 0.002]), np.array([0.015, 1.0, 0.01])
    shift, degrees, scale = (low + within * (high - low)).tolist()
    return shift, degrees, scale


def _scales(drawn: Jitter | Drift) -> FloatArray:
    return np.array([drawn.shift, drawn.shift, drawn.degrees, drawn.scale], dtype=np.float32)
