"""What was asked of a game and what it answered: as it is kept to go on from, and as a map that still grows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.errors import DataError
from engine.results import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Samples:
    """All that is needed to go on.

    Attributes:
        masks: (n, M) bool coalitions.
        values: (n, K) float32 of those, as many for each as the game has.
        nobody, everybody: (K,) float32, the values of the two ends.
        seconds: what it took to ask, in all runs.
    """

    masks: BoolArray
    values: FloatArray
    nobody: FloatArray
    everybody: FloatArray
    seconds: float = 0.0

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """To be saved: a bit per player and four bytes per value for each sample."""
        return {
            "masks": np.packbits(self.masks, axis=1),
            "players": np.array(self.masks.shape[1], np.int64),
            "values": self.values,
            "ends": np.stack([self.nobody, self.everybody]),
            "seconds": np.array(self.seconds),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> "Samples":
        """What was saved.

        Raises:
            DataError: these are no such arrays.
        """
        try:
            packed, values, ends = (arrays[name] for name in ("masks", "values", "ends"))
            if values.ndim == ends.ndim == 1:  # as laid down while games had one value
                values, ends = values[:, None], ends[:, None]
            players, seconds = int(arrays["players"].item()), float(arrays["seconds"].item())
            good = packed.dtype == np.uint8 and packed.shape == (len(values), (players + 7) // 8)
            good = good and ends.shape == (2, *values.shape[1:]) and values.ndim == 2
            good = good and values.dtype == ends.dtype == np.float32
        except (KeyError, ValueError):
            good = False
        if not good:
            raise DataError("These are no samples of Kernel SHAP", advice="Start without stored samples")
        masks = np.unpackbits(packed, axis=1, count=players).astype(np.bool_)
        return cls(masks, values, ends[0], ends[1], seconds)

    def first(self, count: int) -> "Samples":
        """The first of them; the seconds are shared out evenly."""
        part = self.seconds * count / max(1, len(self.values))
        return Samples(self.masks[:count], self.values[:count], self.nobody, self.everybody, part)


class SampleMemory(Protocol):
    """Where samples are kept between runs.

    `rows` are the crops of a game among those that are explained together.
    """

    def recall(self, rows: range, game: str) -> Samples | None:
        """What is kept of a game, whose name stands for all on which its values and their order depend."""

    def keep(self, rows: range, game: str, samples: Samples) -> None:
        """Keep them in the place of fewer ones of the same game."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What the samples so far say of the crops of one game.

    Attributes:
        rows: the R crops among those that are explained together.
        values: (R, h, w) float32 as in a finished map.
        errors: (R, h, w) float32 standard errors, inf while they cannot be told.
        logits: (R,) float32.
        passes: (R,) int64, in all runs.
        seconds: (R,) float32, in all runs.
        samples, most: how many were asked for so far, and how many there will be at most.
    """

    rows: range
    values: FloatArray
    errors: FloatArray
    logits: FloatArray
    passes: npt.NDArray[np.int64]
    seconds: FloatArray
    samples: int
    most: int
