"""Asking a game for its Shapley values, with estimates on the way, and so that it can be gone on with later."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.explainers.attribution import Attribution, attribute
from engine.explainers.base import UNWATCHED, Watch
from engine.explainers.coalitions import choose_coalitions
from engine.explainers.games import Game
from engine.explainers.samples import Samples
from engine.progress import ProgressMeter
from engine.results import BoolArray, FloatArray

FIRST_LOOK = 100
"""Samples before the first estimate, and between two at least."""
GROWTH = 4
"""An estimate costs more with more samples, so the next one is due after this part more of them."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Where the sampling is.

    Attributes:
        found: K times values and standard errors, after the last look: one for each value of the game.
        samples: all that were asked for so far, those given back as stored among them.
        most: how many there will be at most.
        passes: crops that went through the network for them, in all runs.
        fresh: those of this run.
        look: the values and standard errors of all samples so far, which takes a moment.
    """

    found: Sequence[Attribution]
    samples: Samples
    most: int
    passes: int
    fresh: int
    look: Callable[[], Sequence[Attribution]]


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

    A game of several values is asked once for all of them, and each has Shapley values of its own.

    When to end is asked at looks alone, whose places hang on the numbers of samples: so neither a break nor the
    time that anything takes changes what comes out.

    Args:
        budget: samples at most.
        tolerance: all standard errors below this share of the largest Shapley value, for each value of the game,
            end it; 0 never.
        seed: of the coalitions.
        stored: of an earlier run on the same game. They are taken in whole batches as far as they are the same
            coalitions, so that what comes out is, to the last bit, what one run without a break gives: the score
            of a crop may differ in its last bits with the crops beside it.

    Raises:
        DeviceError: not even one crop fits into memory.
        CancelledError: cancelled between two batches.
    """
    began = time.perf_counter()
    coalitions = choose_coalitions(game.players, budget, seed)
    masks = coalitions.masks
    batch, ends = game.batch, np.repeat([[False], [True]], game.players, axis=1)
    if stored is not None and stored.masks.shape[1] == game.players:
        kept, fresh = _same(stored.masks, masks), 0
        if not kept == len(masks) == len(stored.masks):
            kept -= kept % batch
        nobody, everybody, seconds = stored.nobody, stored.everybody, stored.first(kept).seconds
    else:
        kept, fresh, seconds = 0, 2 * game.passes, 0.0
        nobody, everybody = game(ends).astype(np.float32)
    meter = ProgressMeter("Explaining", len(masks), "samples", watch.report)
    values = np.zeros((len(masks), len(everybody)), np.float32)
    if stored is not None:
        values[:kept] = stored.values[:kept]

    def estimate(found: Sequence[Attribution], done: int) -> Estimate:
        so_far = values[:done].copy()
        samples = Samples(masks[:done], so_far, nobody, everybody, seconds)
        look = partial(_attribute, so_far)
        return Estimate(found, samples, len(masks), (done + 2) * game.passes, fresh, look)

    def _attribute(so_far: FloatArray) -> Sequence[Attribution]:
        found = []
        for each, low, high in zip(so_far.T.astype(np.float64), nobody.tolist(), everybody.tolist(), strict=True):
            watch.check()
            found.append(attribute(coalitions, each, low, high))
        return found

    done = 0
    found = _attribute(values[:0])
    due = FIRST_LOOK
    while done < len(masks) and not _settled(found, tolerance):
        end = min(done + batch, len(masks))
        if end > kept:
            watch.check()
            values[done:end] = game(masks[done:end])
            fresh += (end - done) * game.passes
        done = end
        looked = done >= due or done == len(masks)
        if looked:
            found = _attribute(values[:done])
            due = done + max(FIRST_LOOK, done // GROWTH)
        meter.update(done, partial(_told, found))
        if done > kept or looked:
            now = time.perf_counter()
            seconds, began = seconds + now - began, now
            yield estimate(found, done)
            began = time.perf_counter()
    return estimate(found, done)


def _same(stored: BoolArray, masks: BoolArray) -> int:
    """How many coalitions from the first on are those of the other."""
    count = min(len(stored), len(masks))
    differ = np.flatnonzero((stored[:count] != masks[:count]).any(axis=1))
    return int(differ[0]) if len(differ) else count


def _settled(found: Sequence[Attribution], tolerance: float) -> bool:
    return all(each.errors.max() < tolerance * np.abs(each.values).max() for each in found)


def _told(found: Sequence[Attribution]) -> str:
    worst = max(float(each.errors.max()) for each in found)
    return f"standard error up to {worst:.3f}" if np.isfinite(worst) else ""
