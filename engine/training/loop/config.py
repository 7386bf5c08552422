"""How a network is trained, whatever it looks at: steps, optimiser, schedule, average, validation, seed."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args, get_origin

OptimiserName = Literal["adamw", "adam", "sgd"]
ScheduleName = Literal["linear", "cosine", "plateau", "constant"]

_LATER = frozenset({"workers", "steps", "epochs", "patience", "cool_down"})
"""What may change between a run and its resumption, as long as the learning rate has not begun to fall."""


@dataclass(frozen=True)
class LoopConfig:
    """One run. Every field is a key of a recipe.

    Attributes:
        steps: in all.
        epochs: if above 0, `steps` is this many times as many batches as show each training video once.
        optimiser: adam adds the decay to the gradient, adamw takes it off the weights; sgd has Nesterov's
            momentum.
        learning_rate, weight_decay: of the optimiser; biases and normalisations never decay.
        momentum: of sgd.
        schedule: after the warm-up; linear: level, then a straight fall to nothing over the last `cool_down`;
            cosine: half a cosine down to nothing; plateau: times `plateau_factor` whenever `plateau_patience`
            validations in a row bring nothing better; constant.
        warm_up: steps in which the rate rises in a straight line.
        cool_down: share of the steps in which the linear schedule falls.
        plateau_factor, plateau_patience, plateau_cooldown: of the plateau schedule, the latter two in validations;
            during the cool-down after a fall none counts as bad.
        minimum_rate: below which plateau does not fall.
        gradient_norm: to which longer gradients are cut; 0: never.
        average: decay of the running average of the weights, which is what is kept; 0: the last weights are.
        frozen_statistics: whether batch normalisations keep the statistics they came with.
        validate_every: steps.
        patience: validations without a better figure before it stops.
        seed: of everything.
        bf16: whether the forward pass runs in bfloat16, where the device is fast at it.
        workers: processes that make batches; 0 makes them in this one.
    """

    steps: int = 2400
    epochs: int = 0
    optimiser: OptimiserName = "adamw"
    learning_rate: float = 5e-4
    weight_decay: float = 0.02
    momentum: float = 0.9
    schedule: ScheduleName = "linear"
    warm_up: int = 100
    cool_down: float = 0.3
    plateau_factor: float = 0.1
    plateau_patience: int = 10
    plateau_cooldown: int = 0
    minimum_rate: float = 0.0
    gradient_norm: float = 5.0
    average: float = 0.997
    frozen_statistics: bool = False
    validate_every: int = 200
    patience: int = 10
    seed: int = 1
    bf16: bool = True
    workers: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError for settings that make no sense, the message beginning with their name."""
        for field in fields(self):
            if get_origin(field.type) is Literal and getattr(self, field.name) not in get_args(field.type):
                raise ValueError(f"{field.name} must be one of {', '.join(get_args(field.type))}")
        _within(self, 1, None, "steps", "validate_every", "patience", "plateau_patience")
        _within(self, 0, None, "epochs", "warm_up", "plateau_cooldown", "gradient_norm", "seed", "workers")
        _within(self, 0, None, "weight_decay", "minimum_rate")
        _within(self, 0, 1, "cool_down", "momentum", "average", "plateau_factor")
        if self.learning_rate <= 0:
            raise ValueError("learning_rate must lie above 0")
        if self.average == 1 or self.plateau_factor == 0:
            raise ValueError("average must lie below 1 and plateau_factor above 0")

    def rate_factor(self, name: str) -> float:  # noqa: ARG002 - here all are alike
        """What the learning rate of a parameter is multiplied with, by its name in the trained module."""
        return 1.0

    def fingerprint(self) -> str:
        """Of all that shapes a run before its learning rate falls."""
        plain = {name: value for name, value in asdict(self).items() if name not in _LATER}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _within(config: Any, low: float, high: float | None, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if value < low or (high is not None and value > high):
            span = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
            raise ValueError(f"{name} must be {span}, not {value}")
