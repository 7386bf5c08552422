"""What prototypes say for fake and for real, from stored similarities alone: rows, and sums that are the logits.

The one place where the window leaves out prototypes that the reviewer has excluded. Any thread.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.detectors.prototype_evidence import evidence, logits
from engine.results import FloatArray, Prototype

MOST = 12
"""Prototypes that are shown one by one."""
DIGITS = 3
"""Decimals of what is shown."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one prototype says.

    Attributes:
        index: its column in SIMILARITY.
        similarity: in [0, 1]; of several clips their mean.
        fake, real: what it adds to both logits; 0 if it is excluded.
    """

    index: int
    prototype: Prototype
    similarity: float
    fake: float
    real: float
    excluded: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What all prototypes say of some clips; of several clips everything is a mean.

    Attributes:
        shares: of the prototypes that weigh most, in this order.
        others: how many more there are.
        fake, real: the logits, without what is excluded; all shares and `rest` add up to them.
        clips: how many.
    """

    shares: tuple[Share, ...]
    others: int
    fake: float
    real: float
    clips: int

    @property
    def logit(self) -> float:
        """Of fake against real, in the precision in which scores are kept."""
        return float(np.float32(self.fake - self.real))

    @property
    def probability(self) -> float:
        """That of the logit; of several clips it is not the mean of their probabilities."""
        return 1 / (1 + math.exp(-self.logit)) if self.logit > -700 else 0.0

    @property
    def rest(self) -> tuple[float, float]:
        """What the others add to the logits of fake and of real."""
        return (
            self.fake - math.fsum(share.fake for share in self.shares),
            self.real - math.fsum(share.real for share in self.shares),
        )

    @property
    def shown_rest(self) -> tuple[float, float]:
        """`rest` as it is shown: the rounded shares and this add up to the rounded logits, to the last digit."""
        return (
            _difference(self.fake, [share.fake for share in self.shares]),
            _difference(self.real, [share.real for share in self.shares]),
        )


def evidence_of(
    similarities: FloatArray,
    prototypes: Sequence[Prototype],
    excluded: Collection[int] = (),
    most: int = MOST,
) -> Evidence | None:
    """What prototypes say of one clip or, as a mean, of several. None of no clip.

    Args:
        similarities: (N, m), rows of a face's SIMILARITY; rows with nan count as not there.
        excluded: numbers of prototypes that shall have no say.
        most: shares that are told one by one: those that move the score most, or would if they had a say.
    """
    known = similarities[~np.isnan(similarities).any(axis=1)]
    if not len(known):
        return None
    weights = weights_of(prototypes)
    shares = evidence(known, weights, excluded).mean(axis=0)
    real, fake = logits(known, weights, excluded).mean(axis=0).tolist()
    similarity = known.mean(axis=0, dtype=np.float64)
    force = np.abs(weights[1] - weights[0]) * similarity
    first = np.argsort(-force, kind="stable")[:most].tolist()
    return Evidence(
        tuple(
            Share(j, prototypes[j], float(similarity[j]), float(shares[1, j]), float(shares[0, j]), j in excluded)
            for j in first
        ),
        len(prototypes) - len(first),
        fake,
        real,
        len(known),
    )


def weights_of(prototypes: Sequence[Prototype]) -> npt.NDArray[np.float64]:
    """(2, m): what a similarity of 1 adds to the logits of real and of fake."""
    return np.array([prototype.weights for prototype in prototypes], np.float64).T


def strongest(
    similarities: FloatArray,
    prototypes: Sequence[Prototype],
    excluded: Collection[int] = (),
    most: int = MOST,
) -> tuple[int, ...]:
    """Those whose evidence is largest in any of the clips (N, m), descending; fakes before reals."""
    known = similarities[~np.isnan(similarities).any(axis=1)]
    if not len(known):
        return ()
    weights = weights_of(prototypes)
    force = np.abs(weights[1] - weights[0]) * known.max(axis=0)
    chosen = [j for j in np.argsort(-force, kind="stable").tolist() if j not in excluded][:most]
    return tuple(sorted(chosen, key=lambda j: prototypes[j].label != "fake"))  # stable


def _difference(total: float, parts: Sequence[float]) -> float:
    return round(round(total, DIGITS) - math.fsum(round(part, DIGITS) for part in parts), DIGITS)
