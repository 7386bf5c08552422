"""What pairs of clips are made of: shares by source, operators, hard negatives."""

from collections import defaultdict
from dataclasses import dataclass

from engine.training.config import Mix
from engine.training.datasets.base import Dataset, Item
from engine.training.pseudo_fakes.clips import ClipConfig
from engine.training.pseudo_fakes.operators import OPERATORS

TRAINED = ("jitter", "drift", "feature-drift", "flicker", "partial")
"""Operators that are trained with; the others are held out (SPEC section 6, step 5: without d and f)."""
_GENUINE = 0.25


@dataclass(frozen=True)
class ClipMix(Mix):
    """What the pairs of a batch of clips are.

    Attributes:
        operators: ids of temporal operators that pseudo-fakes are made with, without "swap".
        without: share of pseudo-fakes without a temporal operator.
        swapped: share of pseudo-fakes with another person's face.
        hard_reals: share of pairs whose real clip is changed as a whole (shaken, flickering, smoothed ...); of
            half of these the forgery too, so that such a change alone tells nothing.
    """

    operators: tuple[str, ...] = TRAINED
    without: float = 0.15
    swapped: float = 0.25
    hard_reals: float = 0.25

    def __post_init__(self) -> None:
        unknown = [name for name in self.operators if name not in OPERATORS]
        if unknown:
            raise ValueError(f"operators must be some of {', '.join(OPERATORS)}, not {unknown[0]}")
        for name in ("without", "swapped", "hard_reals"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1")

    def forgeries(self, *, dense: bool) -> ClipConfig:
        """What is drawn; `dense` says whether the landmarks follow the expression."""
        return ClipConfig(operators=self.operators, none=self.without, swapped=self.swapped, dense=dense)

    @property
    def held_out(self) -> tuple[str, ...]:
        """The temporal operators that are not trained with."""
        return tuple(name for name in OPERATORS if name not in self.operators)


def default_clip_mix(dataset: Dataset) -> ClipMix:
    """A quarter genuine pairs where there are forged clips, the rest pseudo-fakes, by persons per source.

    Forged clips without an original are left out where there are some with one: they would be told apart by their
    source.
    """
    train = [item for item in dataset.part("train") if item.kind in ("clip", "sequence")]
    paired = [item for item in train if item.label and item.original]
    forged = paired or [item for item in train if item.label]
    genuine, pseudo = _persons(forged), _persons([item for item in train if not item.label])
    share = _GENUINE if genuine else 0.0
    return ClipMix(
        genuine={source: share * part for source, part in genuine.items()},
        pseudo={source: (1 - share) * part for source, part in pseudo.items()},
    )


def _persons(items: list[Item]) -> dict[str, float]:
    """Each source's share of the persons."""
    persons: dict[str, set[str]] = defaultdict(set)
    for item in items:
        persons[item.source].update(item.persons or (item.name,))
    whole = sum(len(names) for names in persons.values())
    return {source: len(names) / whole for source, names in sorted(persons.items())}
