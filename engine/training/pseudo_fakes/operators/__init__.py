"""The temporal operators by id, so that some can be held out of training (SPEC section 6, steps 3 and 5)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.training.pseudo_fakes.operators import features, flicker, movement, timing
from engine.training.pseudo_fakes.operators.plan import ClipFaces, Footage, Plan


@dataclass(frozen=True, slots=True)
class Operator:
    """One temporal operator.

    Attributes:
        does: what it does, for people.
        parameters: its frozen dataclass.
        draw: random parameters for some footage.
        apply: the plan it makes of a plan.
    """

    does: str
    parameters: type
    draw: Callable[[np.random.Generator, Footage], Any]
    apply: Callable[[Plan, ClipFaces, Any], Plan]


OPERATORS: dict[str, Operator] = {
    "jitter": Operator(
        "the patch trembles: shifted, turned and scaled anew in each frame",
        movement.Jitter,
        movement.draw_jitter,
        movement.jitter,
    ),
    "drift": Operator(
        "the patch wanders slowly over the face", movement.Drift, movement.draw_drift, movement.drift
    ),
    "feature-drift": Operator(
        "eyes, brows, nose and mouth wander independently of each other",
        features.FeatureDrift,
        features.draw_feature_drift,
        features.feature_drift,
    ),
    "desynchronisation": Operator(
        "mouth or eyes move too early, too late, too much or too little",
        features.Desynchronisation,
        features.draw_desynchronisation,
        features.desynchronisation,
    ),
    "flicker": Operator(
        "brightness, tint and strength of the patch vary from frame to frame",
        flicker.Flicker,
        flicker.draw_flicker,
        flicker.flicker,
    ),
    "temporal-resolution": Operator(
        "the patch has fewer frames than the video: repeated, interpolated or averaged",
        timing.TemporalResolution,
        timing.draw_temporal_resolution,
        timing.temporal_resolution,
    ),
    "partial": Operator("only a run of frames is forged", timing.Partial, timing.draw_partial, timing.partial),
}
"""In the order in which they are applied."""
