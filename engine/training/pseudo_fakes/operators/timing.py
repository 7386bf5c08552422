"""The patch has fewer frames than the video, or is there for a part of it (SPEC section 6, steps 3f and 3g)."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.training.pseudo_fakes.operators.plan import ClipFaces, Footage, Plan


@dataclass(frozen=True, slots=True)
class TemporalResolution:
    """What is shown inside the mask: every second frame twice, every second frame interpolated from its
    neighbours, or the mean of three frames."""

    mode: Literal["repeat", "interpolate", "mean"]


@dataclass(frozen=True, slots=True)
class Partial:
    """A run of frames is forged, the others are as they were.

    Attributes:
        share: of the frames, (0, 1).
        place: of the run in what is left, 0 at the beginning, 1 at the end.
    """

    share: float
    place: float


def draw_temporal_resolution(rng: np.random.Generator, footage: Footage) -> TemporalResolution:  # noqa: ARG001
    """One of the three at random."""
    modes: tuple[Literal["repeat", "interpolate", "mean"], ...] = ("repeat", "interpolate", "mean")
    return TemporalResolution(modes[rng.integers(3)])


def temporal_resolution(plan: Plan, faces: ClipFaces, drawn: TemporalResolution) -> Plan:
    """Sources and weights of the patch; what other operators made the sources of these rows stays."""
    rows = np.arange(len(faces))
    odd = faces.in_run() % 2 == 1
    weights = plan.weights.copy()
    if drawn.mode == "repeat":
        columns = [np.where(odd, rows - 1, rows)] * 3
    elif drawn.mode == "interpolate":
        columns = [np.where(odd, rows - 1, rows), np.where(odd, rows + 1, rows), rows]
        weights[odd] = (0.5, 0.5, 0.0)
    else:
        columns = [rows - 1, rows, rows + 1]
        weights[:] = 1 / 3
    sources = [plan.sources[faces.within_runs(column), 0] for column in columns]
    return replace(plan, sources=np.stack(sources, axis=1), weights=weights)


def draw_partial(rng: np.random.Generator, footage: Footage) -> Partial:  # noqa: ARG001
    """10 to 60 % of the frames, anywhere."""
    return Partial(float(rng.uniform(0.1, 0.6)), float(rng.random()))


def partial(plan: Plan, faces: ClipFaces, drawn: Partial) -> Plan:
    """Only a run of at least one frame stays forged."""
    length = max(1, round(drawn.share * len(faces)))
    first = round(drawn.place * (len(faces) - length))
    rows = np.arange(len(faces))
    return replace(plan, active=plan.active & (rows >= first) & (rows < first + length))
