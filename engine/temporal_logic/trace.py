"""What formulas are checked on: named series and the similarities of prototypes, step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from engine.errors import DataError, SpecificationError
from engine.results import IntArray, frozen
from engine.temporal_logic.syntax import ALL, CLASSES

Values = npt.NDArray[np.float64]
"""Robustness and what it is made of; infinite where a formula is true or false and no predicate decides."""

NO_SIMILARITY: Values = frozen(np.empty((0, 0)))


@dataclass(frozen=True, slots=True)
class Trace:
    """A finite trace of T steps, T at least 1. Made by `trace`, which checks it.

    Attributes:
        name: what it is of, for people.
        frames: (T,) int64, strictly increasing: the frame, or the first of the frames, that each step looks at.
        predicted: Class(V), one of CLASSES; None where nothing was predicted.
        series: (T,) float64 each, by name.
        ends: (T,) int64, the last of the frames that each step stands for.
        prototypes: m names, each once.
        similarity: (T, m) float64, S(t, p).
        sets: positions in `prototypes` by the name of their set; `fake`, `real` and `all` are always there.
    """

    name: str
    frames: IntArray
    predicted: str | None
    series: Mapping[str, Values]
    ends: IntArray
    prototypes: tuple[str, ...] = ()
    similarity: Values = field(default_factory=lambda: NO_SIMILARITY)
    sets: Mapping[str, IntArray] = field(default_factory=lambda: MappingProxyType({}))

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def stride(self) -> int:
        """The usual distance of two successive steps, in frames: the lower median; 1 for a single step."""
        distances = np.sort(np.diff(self.frames))
        return int(distances[(len(distances) - 1) // 2]) if len(distances) else 1

    @property
    def gaps(self) -> int:
        """Number of places where steps lie further apart than `stride`, with frames between them."""
        apart = np.diff(self.frames) > self.stride
        return int((apart & (self.frames[1:] - self.ends[:-1] > 1)).sum())

    def values_of(self, name: str) -> Values:
        """The series of a name. Raises SpecificationError where there is none."""
        if name not in self.series:
            known = ", ".join(self.series) or "no series at all"
            raise SpecificationError(f"{self.name} has no series {name}", advice=f"It has {known}")
        return self.series[name]

    def members(self, set_name: str) -> IntArray:
        """The positions of a named set's prototypes. Raises SpecificationError where there is no such set."""
        if not self.prototypes:
            raise SpecificationError(
                f"{self.name} has no prototypes",
                advice="Check a specification of series, or use a detector with prototypes",
            )
        if set_name not in self.sets:
            raise SpecificationError(
                f"{self.name} has no set of prototypes {set_name}", advice=f"It has {', '.join(sorted(self.sets))}"
            )
        return self.sets[set_name]


def make_trace(
    name: str,
    frames: npt.ArrayLike,
    predicted: str | None = None,
    series: Mapping[str, npt.ArrayLike] | None = None,
    similarity: Mapping[str, npt.ArrayLike] | None = None,
    prototypes: Mapping[str, Sequence[str]] | None = None,
    ends: npt.ArrayLike | None = None,
) -> Trace:
    """A trace, checked.

    Args:
        frames: (T,).
        similarity: (T,) for each prototype, by its name.
        prototypes: names of prototypes by set; `fake` and `real` are their classes, further sets may overlap.
        ends: (T,) last frame of each step; each stands for one frame if None.

    Raises:
        DataError: there is no step, the lengths differ, a value is not finite, or a name makes no sense.
    """
    steps = frozen(np.asarray(frames, np.int64))
    if steps.ndim != 1 or not len(steps):
        raise DataError(f"{name} has no step to check", advice="Analyse a video in which a face is seen")
    if (np.diff(steps) <= 0).any():
        raise DataError(f"The frames of {name} do not increase", advice="Give each step its own frame, in order")
    if predicted is not None and predicted not in CLASSES:
        raise DataError(f"{predicted} is no class", advice=f"Use one of {', '.join(CLASSES)}")
    curves = {key: _curve(name, key, values, len(steps)) for key, values in (series or {}).items()}
    known = {key: _curve(name, key, values, len(steps)) for key, values in (similarity or {}).items()}
    place = {key: number for number, key in enumerate(known)}
    sets = {ALL: frozen(np.arange(len(known), dtype=np.int64))}
    for key, members in {**dict.fromkeys(CLASSES, ()), **(prototypes or {})}.items():
        for member in members:
            if member not in place:
                raise DataError(
                    f"{name} has no similarity of the prototype {member}", advice="Add it, or take the name out"
                )
        sets[key] = frozen(np.array(sorted({place[member] for member in members}), np.int64))
    both = np.intersect1d(sets["fake"], sets["real"])
    if len(both):
        raise DataError(f"{list(place)[both[0]]} is a prototype of both classes", advice="Put it into one of them")
    matrix = np.stack(list(known.values()), axis=1) if known else NO_SIMILARITY
    return Trace(
        name,
        steps,
        predicted,
        MappingProxyType(curves),
        steps if ends is None else frozen(np.array(ends, np.int64)),
        tuple(known),
        frozen(matrix),
        MappingProxyType(sets),
    )


def _curve(trace: str, key: str, values: npt.ArrayLike, steps: int) -> Values:
    try:
        curve = np.array(values, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{key} of {trace} is no list of numbers", advice="Give a number for every step"
        ) from error
    if curve.shape != (steps,):
        raise DataError(
            f"{key} of {trace} has {curve.size} values, not {steps}", advice="Give a number for every step"
        )
    bad = np.flatnonzero(~np.isfinite(curve))
    if len(bad):
        raise DataError(
            f"{key} of {trace} is {curve[bad[0]]} at step {bad[0]}", advice="Give finite numbers alone"
        )
    return frozen(curve)
