"""Deletion and insertion (Petsiuk et al. 2018, arXiv 1806.07421): does what a map calls important move the score?

Parts of a crop are painted with the crop's mean colour, as Kernel SHAP mutes them. A painted crop is a picture the
detector was not trained on: a curve says something only beside that of a random order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.explainers.superpixels import COMPACTNESS, mean_colour
from engine.results import FloatArray, IntArray, Picture

Score = Callable[[Picture], FloatArray]
"""Crops (N, S, S, 3) uint8 to logits (N,)."""

STEPS = 10
SUPERPIXELS = 50


@dataclass(frozen=True, slots=True)
class Curves:
    """Logits of one crop while it is painted, and while it is uncovered.

    Attributes:
        share: (K + 1,) of the crop that is painted or uncovered, 0 to 1.
        deletion, insertion: (K + 1,) float32 logits; deletion starts where insertion ends.
    """

    share: FloatArray
    deletion: FloatArray
    insertion: FloatArray

    @property
    def deletion_area(self) -> float:
        """Area under the fake probability: small if the first parts painted carry the score."""
        return area(self.share, probability(self.deletion))

    @property
    def insertion_area(self) -> float:
        """Area under the fake probability: large if the first parts shown are enough."""
        return area(self.share, probability(self.insertion))

    @property
    def logit_gain(self) -> float:
        """Area between the two curves of the logit: large and positive if the order is that of importance."""
        return area(self.share, self.insertion) - area(self.share, self.deletion)


def pixel_ranks(values: npt.NDArray[np.float32], rng: np.random.Generator) -> IntArray:
    """(S, S) place of every pixel in the order of falling value; equal values in an order drawn by chance."""
    order = np.lexsort((rng.random(values.size), -values.ravel()))
    ranks = np.empty(values.size, np.int64)
    ranks[order] = np.arange(values.size)
    return ranks.reshape(values.shape)


def block_ranks(values: npt.NDArray[np.float32], blocks: IntArray, rng: np.random.Generator) -> IntArray:
    """As `pixel_ranks`, whole blocks at a time by their mean value.

    Args:
        values: (S, S).
        blocks: (S, S) numbers of the blocks from 0.
        rng: orders blocks of equal mean.
    """
    sizes = np.bincount(blocks.ravel())
    means = np.bincount(blocks.ravel(), values.ravel()) / np.maximum(sizes, 1)
    order = np.lexsort((rng.random(len(means)), -means))
    ends = np.empty(len(means), np.int64)
    ends[order] = np.cumsum(sizes[order])
    return ends[blocks] - 1  # a block is painted once its last pixel's turn has come


def superpixels(crop: Picture) -> IntArray:
    """(S, S) numbers of the superpixels (SLIC) of a crop, from 0."""
    from skimage.segmentation import slic  # takes a while to import

    found = slic(crop, n_segments=SUPERPIXELS, compactness=COMPACTNESS, start_label=0, channel_axis=-1)
    return np.asarray(found, np.int64)


def painted(crop: Picture, covered: npt.NDArray[np.bool_]) -> Picture:
    """The crop with the covered pixels (S, S) in its mean colour."""
    return np.where(covered[..., None], mean_colour(crop[None]), crop)


def curves(score: Score, crop: Picture, ranks: IntArray, steps: int = STEPS) -> Curves:
    """Deletion and insertion of one crop, in equal shares of its pixels; 2 (steps + 1) forward passes.

    Whole blocks are painted at the step at which their last pixel is due: the share is that which is painted.
    """
    limits = [round(step * ranks.size / steps) for step in range(steps + 1)]
    covers = [ranks < limit for limit in limits]
    pictures = [painted(crop, cover) for cover in covers] + [painted(crop, ~cover) for cover in covers]
    logits = score(np.stack(pictures))
    share = np.array([cover.mean() for cover in covers], np.float32)
    return Curves(share, logits[: steps + 1], logits[steps + 1 :])


def area(share: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Under a curve from share 0 to 1, by the trapezoidal rule."""
    return float(np.trapezoid(np.asarray(values, np.float64), np.asarray(share, np.float64)))


def probability(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.asarray(logits, np.float64))))


def mean_curve(share: Sequence[FloatArray], values: Sequence[npt.ArrayLike]) -> npt.NDArray[np.float64]:
    """Mean of several curves at the shares 0, 1 / STEPS, ..., 1; straight lines join the points of each."""
    grid = np.linspace(0, 1, STEPS + 1)
    points = zip(share, values, strict=True)
    drawn = np.stack([np.interp(grid, x, np.asarray(y, np.float64)) for x, y in points])
    return np.asarray(drawn.mean(axis=0))
