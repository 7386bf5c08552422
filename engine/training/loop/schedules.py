"""The learning rate of a step, from the settings, the step and the validations so far alone.

Nothing is carried along from step to step, so that a run that is taken up again has nothing to restore.
"""

import math
from collections.abc import Sequence

from engine.training.loop.config import LoopConfig


def learning_rate(config: LoopConfig, step: int, figures: Sequence[float] = ()) -> float:
    """Of one step.

    Args:
        step: from 0.
        figures: of the validations before this step, higher is better; only the plateau schedule looks at them.
    """
    rate = config.learning_rate * min(1.0, (step + 1) / max(1, config.warm_up))
    match config.schedule:
        case "linear":
            begin = falls_from(config)
            return rate * min(1.0, (config.steps - step) / max(1, config.steps - begin))
        case "cosine":
            after = max(0, step - config.warm_up) / max(1, config.steps - config.warm_up)
            return rate * (1 + math.cos(math.pi * after)) / 2
        case "plateau":
            floor = min(rate, config.minimum_rate)
            return max(floor, rate * config.plateau_factor ** falls(config, figures))
        case "constant":
            return rate


def falls_from(config: LoopConfig) -> int:
    """The first step whose rate hangs on the number of steps."""
    match config.schedule:
        case "linear":
            return round(config.steps * (1 - config.cool_down))
        case "cosine":
            return min(config.steps, config.warm_up)
        case "plateau" | "constant":
            return config.steps


def falls(config: LoopConfig, figures: Sequence[float]) -> int:
    """How often the plateau schedule has fallen after these validations."""
    best, bad, resting, count = -math.inf, 0, 0, 0
    for figure in figures:
        if figure > best:
            best, bad = figure, 0
        else:
            bad += 1
        if resting:
            resting, bad = resting - 1, 0
        if bad > config.plateau_patience:
            count, bad, resting = count + 1, 0, config.plateau_cooldown
    return count
