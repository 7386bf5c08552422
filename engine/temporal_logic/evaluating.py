"""Computes expressions with numpy, a bounded number of elements at a time.

What is reduced away is never there as a whole: where an array would be larger than the budget, one of its indices
is split, and what does not hang on that index is computed once beforehand. Results are the same, bit for bit.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod

import numpy as np

from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.temporal_logic.arrays import (
    EXTREMA,
    Labelled,
    Range,
    Ranges,
    aligned,
    gathered,
    in_order,
    joined,
    running,
    stretched,
    stretched_from,
    whole,
)
from engine.temporal_logic.expression import (
    DUAL,
    NEUTRAL,
    Apply,
    Constant,
    Constraint,
    Index,
    Node,
    Reduce,
    Scan,
    Stretch,
    Table,
    parts,
)
from engine.temporal_logic.syntax import Relation

BUDGET = 1 << 18
"""Elements of an array that is to be reduced: 2 MiB, which stay in a core's cache."""
HELD = 1 << 22
"""Elements of a result that is kept while an index is split."""

_UFUNCS = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "negative": np.negative,
    "absolute": np.absolute,
}
_RELATIONS: Mapping[Relation, np.ufunc] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "=": np.equal,
    "!=": np.not_equal,
}


class Evaluator:
    """For one thread.

    Args:
        budget: elements of the arrays that are to be reduced, about.
        cancel: looked at between two blocks.
        report: told of the blocks of the outermost split.
    """

    def __init__(
        self, budget: int = BUDGET, cancel: CancelToken | None = None, report: ProgressCallback | None = None
    ) -> None:
        self._budget, self._cancel, self._report = budget, cancel, report
        self._held: dict[Node, tuple[Labelled, Ranges]] = {}
        self._splits = 0

    def value(self, node: Node, ranges: Ranges) -> Labelled:
        """The values of a node for the positions that `ranges` gives to each of its indices.

        Raises:
            CancelledError: cancelled between two blocks.
        """
        if node in self._held:
            return self._slice_of_held(node, ranges)
        match node:
            case Constant():
                return Labelled(np.array(node.value), ())
            case Table():
                return Labelled(gathered(node, ranges), node.axes)
            case Constraint():
                (left, right), axes = aligned([self.value(node.left, ranges), self.value(node.right, ranges)])
                return Labelled(np.where(_RELATIONS[node.relation](left, right), np.inf, -np.inf), axes)
            case Apply():
                return self._applied(node, ranges)
            case Reduce():
                return self._reduced(node, {**ranges, node.index: whole(node.domain)})
            case Scan() | Stretch():
                return self._along(node, {**ranges, node.source: whole(node.source.domain)})

    def _applied(self, node: Apply, ranges: Ranges) -> Labelled:
        found = [self.value(each, ranges) for each in node.arguments]
        if node.operation in ("min", "max"):
            found.sort(key=lambda each: each.values.size)  # the large ones once
        arrays, axes = aligned(found)
        if node.operation not in ("min", "max"):
            return Labelled(_UFUNCS[node.operation](*arrays), axes)
        ufunc = EXTREMA["min" if node.operation == "min" else "max"]
        result = arrays[0]
        for array in arrays[1:]:
            result = ufunc(result, array)
        return Labelled(result, axes)

    # Reducing

    def _reduced(self, node: Reduce, inside: Ranges) -> Labelled:
        inside = {**inside, node.index: self._narrowed(node, inside)}
        split = self._to_split(node.body.indices, inside)
        if split is None:
            body = self.value(node.body, inside)
            axis = body.axes.index(node.index)
            axes = (*body.axes[:axis], *body.axes[axis + 1 :])
            return Labelled(EXTREMA[node.extremum].reduce(body.values, axis=axis), axes)
        result: Labelled | None = None
        found: list[Labelled] = []
        for piece in self._pieces((node.body,), node.body.indices, inside, split):
            part = self._reduced(node, piece)
            if split is not node.index:
                found.append(part)
            elif result is None:
                result = part
            else:
                result = Labelled(EXTREMA[node.extremum](result.values, part.values), part.axes)
        return result or joined(found, split)

    def _narrowed(self, node: Reduce, inside: Ranges) -> Range:
        """The positions of the index, without those at both ends that conditions on times rule out for all others.

        Where the blocks are small, as after a split, a window of time leaves few of them.
        """
        dual, now = DUAL[node.extremum], inside[node.index]
        if not isinstance(node.body, Apply) or node.body.operation != dual:
            return now
        first, last = 0, len(now) - 1
        for condition in node.body.arguments:
            size = prod(len(inside[each]) for each in condition.indices)
            if isinstance(condition, Constraint) and node.index in condition.indices and size <= self._budget:
                found = self.value(condition, inside)
                others = tuple(at for at, axis in enumerate(found.axes) if axis is not node.index)
                left = np.flatnonzero((found.values == NEUTRAL[dual]).any(axis=others))
                if not len(left):  # one position says as well as all that there is nothing to find
                    return Range(now.domain, now.start, now.start + 1)
                first, last = max(first, int(left[0])), min(last, int(left[-1]))
        if first > last:
            return Range(now.domain, now.start, now.start + 1)
        return Range(now.domain, now.start + first, now.start + last + 1)

    def _to_split(self, indices: frozenset[Index], ranges: Ranges, never: Index | None = None) -> Index | None:
        """The index with most positions, the oldest of equals; None where all fits into the budget."""
        if prod(len(ranges[each]) for each in indices) <= self._budget:
            return None
        able = [each for each in indices if len(ranges[each]) > 1 and each is not never]
        return min(able, key=lambda each: (-len(ranges[each]), each.number), default=None)

    def _pieces(
        self, bodies: Sequence[Node], indices: frozenset[Index], ranges: Ranges, split: Index
    ) -> Iterator[Ranges]:
        """The ranges block by block, while what hangs not on the block is held."""
        now = ranges[split]
        others = prod(len(ranges[each]) for each in indices if each is not split)
        length = max(1, self._budget // others)
        meter = ProgressMeter("Checking", len(now), "steps", None if self._splits else self._report)
        self._splits += 1
        try:
            with self._holding(bodies, ranges, split):
                for start in range(now.start, now.stop, length):
                    if self._cancel is not None:
                        self._cancel.check()
                    stop = min(start + length, now.stop)
                    yield {**ranges, split: Range(now.domain, start, stop)}
                    meter.update(stop - now.start)
        finally:
            self._splits -= 1

    @contextmanager
    def _holding(self, bodies: Sequence[Node], ranges: Ranges, split: Index) -> Iterator[None]:
        mine = []
        try:
            for body in bodies:
                for node, known in self._independent(body, ranges, split):
                    self._held[node] = (self.value(node, known), known)
                    mine.append(node)
            yield
        finally:
            for node in mine:
                del self._held[node]

    def _independent(self, node: Node, ranges: Ranges, split: Index) -> Iterator[tuple[Node, Ranges]]:
        """The largest parts that would cost the same again in every block, and for which there is room."""
        if node in self._held:
            return
        if isinstance(node, Reduce | Scan | Stretch):
            carried = isinstance(node, Scan | Stretch) and node.target is split
            if (carried or split not in node.indices) and prod(len(ranges[each]) for each in node.indices) <= HELD:
                yield node, ranges
                return
            own = node.index if isinstance(node, Reduce) else node.source
            domain = node.domain if isinstance(node, Reduce) else own.domain
            ranges = {**ranges, own: whole(domain)}
        for part in parts(node):
            yield from self._independent(part, ranges, split)

    def _slice_of_held(self, node: Node, ranges: Ranges) -> Labelled:
        kept, then = self._held[node]
        places = tuple(
            slice(ranges[axis].start - then[axis].start, ranges[axis].stop - then[axis].start)
            for axis in kept.axes
        )
        return Labelled(kept.values[places], kept.axes)

    # Along the steps

    def _along(self, node: Scan | Stretch, inside: Ranges) -> Labelled:
        bodies = (node.body,) if isinstance(node, Scan) else (node.left, node.right)
        indices = frozenset((node.source,)).union(*(body.indices for body in bodies))
        split = self._to_split(indices, inside, never=node.source)
        if split is not None:
            found = [self._along(node, piece) for piece in self._pieces(bodies, indices, inside, split)]
            return joined(found, split)
        arrays, axes = aligned([self.value(body, inside) for body in bodies], node.source)
        axis = axes.index(node.source)
        wanted = inside[node.target].positions
        steps = np.moveaxis(np.stack(np.broadcast_arrays(*arrays)), axis + 1, 1)  # (1 or 2, T, ...)
        rest = (*axes[:axis], *axes[axis + 1 :])
        if isinstance(node, Scan):
            return in_order(running(node.extremum, steps[0], past=node.past)[wanted], (node.target, *rest))
        if node.target not in rest:
            return in_order(stretched(steps, wanted, past=node.past), (node.target, *rest))
        own = rest.index(node.target)
        result = stretched_from(np.moveaxis(steps, own + 2, 2), wanted, past=node.past)
        return in_order(result, (node.target, *rest[:own], *rest[own + 1 :]))
