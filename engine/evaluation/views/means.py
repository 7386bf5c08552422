"""Means of both classes over videos, place by place, with intervals of a bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.evaluation.bootstrap import DRAWS, LEVEL, draw, units
from engine.evaluation.detection import Array

_AT_A_TIME = 1 << 20


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean (K,) over videos with its pointwise percentile interval; nan where no video has a value.

    Attributes:
        videos: (K,) how many have one.
    """

    value: Array
    low: Array
    high: Array
    videos: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassMeans:
    """Of real and of forged videos, and forged less real.

    Attributes:
        over: what was resampled, "videos" or "persons".
    """

    real: Mean
    fake: Mean
    difference: Mean
    over: str


def class_means(
    values: npt.ArrayLike,
    labels: npt.ArrayLike,
    persons: Sequence[Sequence[str]],
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> ClassMeans:
    """Means of each class, every video counting once; intervals as those of all figures (see bootstrap).

    Args:
        values: (V, K), nan where a video has no value.
        labels: (V,) 1 = fake.
        persons: (V,) everyone in each video.
    """
    table, fake = np.asarray(values, np.float64), np.asarray(labels).astype(np.bool_)
    unit = units(fake, range(len(fake)), persons)
    known = ~np.isnan(table)
    filled = np.where(known, table, 0.0)
    drawn = draw(unit, fake, draws, np.random.default_rng(seed))[:, unit.group]
    sides = {}
    for name, rows in (("real", ~fake), ("fake", fake)):
        value = _ratio(np.ones((1, int(rows.sum()))), filled[rows], known[rows])[0]
        step = max(1, _AT_A_TIME // max(1, table.shape[1]))
        parts = [_ratio(drawn[at : at + step][:, rows], filled[rows], known[rows]) for at in range(0, draws, step)]
        sides[name] = value, np.concatenate(parts), known[rows].sum(axis=0)
    (real, real_drawn, n_real), (forged, fake_drawn, n_fake) = sides["real"], sides["fake"]
    return ClassMeans(
        _mean(real, real_drawn, n_real, level),
        _mean(forged, fake_drawn, n_fake, level),
        _mean(forged - real, fake_drawn - real_drawn, np.minimum(n_real, n_fake), level),
        unit.over,
    )


def _ratio(weights: npt.ArrayLike, filled: Array, known: npt.NDArray[np.bool_]) -> Array:
    """(D, V) weights of videos, (V, K) values -> (D, K) weighted means, nan where no weight is left."""
    drawn = np.asarray(weights, np.float64)
    total, count = drawn @ filled, drawn @ known.astype(np.float64)
    found: Array = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return found


def _mean(value: Array, drawn: Array, videos: npt.NDArray[np.int64], level: float) -> Mean:
    low, high = np.full(len(value), np.nan), np.full(len(value), np.nan)
    for at in range(len(value)):
        defined = drawn[~np.isnan(drawn[:, at]), at]
        if len(defined):
            low[at], high[at] = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Mean(value, low, high, videos)
