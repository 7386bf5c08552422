"""Arrays whose axes are indices, and what is done to them along the steps of a trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.results import IntArray
from engine.temporal_logic.expression import NEUTRAL, Extremum, Index, Table
from engine.temporal_logic.trace import Values

EXTREMA: Mapping[Extremum, np.ufunc] = {"min": np.minimum, "max": np.maximum}


@dataclass(frozen=True, slots=True)
class Range:
    """Some successive positions of a domain."""

    domain: IntArray
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def positions(self) -> IntArray:
        return self.domain[self.start : self.stop]


def whole(domain: IntArray) -> Range:
    return Range(domain, 0, len(domain))


Ranges = Mapping[Index, Range]


@dataclass(frozen=True, slots=True)
class Labelled:
    """An array whose axes are indices, in the order of their numbers."""

    values: Values
    axes: tuple[Index, ...]


def gathered(table: Table, ranges: Ranges) -> Values:
    """The part of a table; a view where the positions follow each other."""
    values = table.values
    for axis, index in enumerate(table.axes):
        positions = ranges[index].positions
        first, last = int(positions[0]), int(positions[-1])
        if last - first + 1 == len(positions):
            values = values[(slice(None),) * axis + (slice(first, last + 1),)]
        else:
            values = values.take(positions, axis=axis)
    return values


def aligned(found: Sequence[Labelled], *more: Index) -> tuple[list[Values], tuple[Index, ...]]:
    """The arrays with the axes of all of them and more, of length 1 where they had none."""
    axes = tuple(sorted({axis for each in found for axis in each.axes} | set(more), key=lambda axis: axis.number))
    return [
        each.values[tuple(slice(None) if axis in each.axes else None for axis in axes)] for each in found
    ], axes


def in_order(values: Values, axes: tuple[Index, ...]) -> Labelled:
    """With the axes in the order of their numbers."""
    order = sorted(range(len(axes)), key=lambda at: axes[at].number)
    return Labelled(values.transpose(order), tuple(axes[at] for at in order))


def joined(found: Sequence[Labelled], index: Index) -> Labelled:
    """Blocks that follow each other along an index."""
    axes = found[0].axes
    return Labelled(np.concatenate([each.values for each in found], axis=axes.index(index)), axes)


def running(extremum: Extremum, steps: Values, *, past: bool) -> Values:
    """(T, ...) -> the same: the extremum from each step to the end, or from the start to each step."""
    accumulate = EXTREMA[extremum].accumulate
    found: Values = accumulate(steps, axis=0) if past else accumulate(steps[::-1], axis=0)[::-1]
    return found


def stretched(steps: Values, wanted: IntArray, *, past: bool) -> Values:
    """(2, T, ...) of left and right -> (N, ...) at the wanted steps."""
    left, right = steps
    result = np.empty((len(wanted), *steps.shape[2:]))
    place = {int(step): at for at, step in enumerate(wanted)}
    current = np.full(steps.shape[2:], NEUTRAL["max"])
    for step in _order(steps.shape[1], past=past):
        current = np.maximum(right[step], np.minimum(left[step], current))
        if step in place:
            result[place[step]] = current
    return result


def stretched_from(steps: Values, wanted: IntArray, *, past: bool) -> Values:
    """(2, T, N, ...), whose n-th row is of the n-th wanted step -> (N, ...)."""
    left, right = steps
    result = np.empty(steps.shape[2:])
    place = {int(step): at for at, step in enumerate(wanted)}
    current = np.full(steps.shape[2:], NEUTRAL["max"])
    for step in _order(steps.shape[1], past=past):
        current = np.maximum(right[step], np.minimum(left[step], current))
        if step in place:
            result[place[step]] = current[place[step]]
    return result


def _order(steps: int, *, past: bool) -> range:
    return range(steps) if past else range(steps - 1, -1, -1)
