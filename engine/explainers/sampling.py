"""Asking a game for its Shapley values, with estimates on the way, and so that it can be gone on with later."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import DataError
from engine.explainers.attribution import Attribution, attribute
from engine.explainers.base import UNWATCHED, Watch
from engine.explainers.coalitions import Doubles, choose_coalitions
from engine.explainers.games import Game
from engine.progress import ProgressMeter
from engine.results import BoolArray

FIRST_LOOK = 100
"""Samples before the first estimate, and between two at least."""
GROWTH = 4
"""An estimate costs more with more samples, so the next one is due after this part more of them."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What was asked of a game and what it answered: all that is needed to go on.

    Attributes:
        masks: (n, M) bool coalitions.
        values: (n,) of those.
        nobody, everybody: the values of the two ends.
    """

    masks: BoolArray
    values: Doubles
    nobody: float
    everybody: float

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """To be saved."""
        return {"masks": self.masks, "values": self.values, "ends": np.array([self.nobody, self.everybody])}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "Samples":
        """What was saved.

        Raises:
            DataError: these are no such arrays.
        """
        try:
            masks, values, ends = (arrays[name] for name in ("masks", "values", "ends"))
            good = masks.dtype == np.bool_ and masks.ndim == 2 and values.shape == masks.shape[:1]
            good = good and ends.shape == (2,) and values.dtype == ends.dtype == np.float64
        except KeyError:
            good = False
        if not good:
            raise DataError("These are no samples of Kernel SHAP", advice="Start without stored samples")
        return cls(masks, values, float(ends[0]), float(ends[1]))


@dataclass(frozen=True, slots=True)
class Estimate:
    """Where the sampling is.

    Attributes:
        found: values and standard errors after the last look.
        samples: all that were asked for so far, those given back as stored among them.
        passes: crops that went through the network in this run.
    """

    found: Attribution
    samples: Samples
    passes: int


def sample(
    game: Game,
    budget: int,
    tolerance: float,
    seed: int,
    *,
    stored: Samples | None = None,
    watch: Watch = UNWATCHED,
) -> Generator[Estimate, None, Estimate]:
    """An estimate after each batch, until all standard errors are small or the budget is spent.

    Args:
        budget: samples at most.
        tolerance: all standard errors below this share of the largest value end it; 0 never.
        seed: of the coalitions.
        stored: of an earlier run on the same game. They are taken in whole batches as far as they are the same
            coalitions, so that what comes out is, to the last bit, what one run without a break gives.

    Raises:
        DeviceError: not even one crop fits into memory.
        CancelledError: cancelled between two batches.
    """
    coalitions = choose_coalitions(game.players, budget, seed)
    masks = coalitions.masks
    batch, ends = game.batch, np.repeat([[False], [True]], game.players, axis=1)
    kept, passes = 0, 0
    if stored is not None and stored.masks.shape[1] == game.players:
        kept = _same(stored.masks, masks)
        nobody, everybody = stored.nobody, stored.everybody
    else:
        nobody, everybody = game(ends).tolist()
        passes = 2 * game.passes
    meter = ProgressMeter("Explaining", len(masks), "samples", watch.report)
    values = np.zeros(len(masks))
    done = 0
    found = attribute(coalitions, values[:0], nobody, everybody)
    due = FIRST_LOOK
    while done < len(masks) and not _settled(found, tolerance):
        end = min(done + batch, len(masks))
        if stored is not None and end <= kept:
            values[done:end] = stored.values[done:end]
        else:
            watch.check()
            values[done:end] = game(masks[done:end])
            passes += (end - done) * game.passes
        done = end
        if done >= due or done == len(masks):
            found = attribute(coalitions, values[:done], nobody, everybody)
            due = done + max(FIRST_LOOK, done // GROWTH)
        meter.update(done, partial(_told, found))
        if done > kept or done == len(masks):
            yield Estimate(found, Samples(masks[:done], values[:done].copy(), nobody, everybody), passes)
    return Estimate(found, Samples(masks[:done], values[:done], nobody, everybody), passes)


def _same(stored: BoolArray, masks: BoolArray) -> int:
    """How many coalitions from the first on are those of the other."""
    count = min(len(stored), len(masks))
    differ = np.flatnonzero((stored[:count] != masks[:count]).any(axis=1))
    return int(differ[0]) if len(differ) else count


def _settled(found: Attribution, tolerance: float) -> bool:
    return bool(found.errors.max() < tolerance * np.abs(found.values).max())


def _told(found: Attribution) -> str:
    worst = float(found.errors.max())
    return f"standard error up to {worst:.3f}" if np.isfinite(worst) else ""
