"""The robustness of a formula on a trace, and the witness: where the value comes from."""

from dataclasses import dataclass

import numpy as np

from engine.errors import SpecificationError
from engine.progress import CancelToken, ProgressCallback
from engine.temporal_logic.arrays import Range, Ranges, whole
from engine.temporal_logic.evaluating import BUDGET, Evaluator
from engine.temporal_logic.expression import Apply, Constant, Index, Kind, Node, Reduce, Scan, Stretch, Table
from engine.temporal_logic.lowering import Instance, lowered
from engine.temporal_logic.syntax import Formula
from engine.temporal_logic.trace import Values


@dataclass(frozen=True, slots=True)
class Binding:
    """What a variable, or a temporal operator whose time was not frozen, stood for where the value was decided.

    Attributes:
        names: its variables, none for a time that was not frozen.
        position: a step or the position of a prototype.
    """

    kind: Kind
    names: tuple[str, ...]
    position: int


class Robustness:
    """One formula on one trace. For one thread.

    Raises:
        SpecificationError: the formula speaks of what the trace does not have.
    """

    def __init__(
        self,
        formula: Formula,
        instance: Instance,
        *,
        budget: int = BUDGET,
        cancel: CancelToken | None = None,
        report: ProgressCallback | None = None,
    ) -> None:
        self._now = Index(Kind.TIME, np.arange(len(instance.trace), dtype=np.int64))
        self._node = lowered(formula, instance, self._now)
        self._evaluator = Evaluator(budget, cancel, report)
        self._known: dict[int, float] = {}

    def at(self, step: int = 0) -> float:
        """The value at a step. Raises CancelledError, and SpecificationError for numbers beyond all bounds."""
        if step not in self._known:
            self._known[step] = float(self._values(_one(step))[0])
        return self._known[step]

    def curve(self) -> Values:
        """(T,) float64: the value at every step. Raises as `at`."""
        return self._values(whole(self._now.domain))

    def _values(self, steps: Range) -> Values:
        with np.errstate(over="ignore", invalid="ignore"):
            found = self._evaluator.value(self._node, {self._now: steps}).values
        if np.isnan(found).any():
            raise SpecificationError(
                "The formula makes numbers too large to compare", advice="Choose smaller factors"
            )
        values: Values = np.broadcast_to(found, (len(steps),))
        return values

    def witness(self, step: int = 0) -> tuple[Binding, ...]:
        """What the indices stood for where the value of a step was decided, the outermost first.

        Of several places with the same value it is the first. Raises as `at`.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            found = _Walk(self._evaluator).down(self._node, {self._now: _one(step)}, self.at(step))
        if self._now.names:
            found.insert(0, Binding(Kind.TIME, tuple(self._now.names), step))
        return tuple(found)


def robustness(formula: Formula, instance: Instance) -> float:
    """The value at frame 0: the trace satisfies the formula if and only if it is above 0."""
    return Robustness(formula, instance).at()


def _one(position: int) -> Range:
    return whole(np.array([position], np.int64))


class _Walk:
    """Goes from the whole to the part that decides it, with one position for each index."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    def down(self, node: Node, point: Ranges, value: float) -> list[Binding]:
        """The bindings below a node, whose value at a point is known."""
        match node:
            case Apply() if node.operation in ("min", "max"):
                for each in sorted(node.arguments, key=lambda each: len(each.indices)):
                    if self._value(each, point) == value:
                        return self.down(each, point, value)
                raise AssertionError("no argument has the value of all")
            case Apply():
                return [
                    binding
                    for each in node.arguments
                    if not isinstance(each, Constant | Table)
                    for binding in self.down(each, point, self._value(each, point))
                ]
            case Reduce():
                return self._chosen(node.body, node.index, whole(node.domain), value, point)
            case Scan():
                return self._chosen(node.body, node.source, _reached(node, point), value, point)
            case Stretch():
                return self._stretched(node, point, value)
            case _:
                return []

    def _stretched(self, node: Stretch, point: Ranges, value: float) -> list[Binding]:
        steps = _reached(node, point)
        inside = {**point, node.source: steps}
        positions = steps.positions
        left = self._along(node.left, node.source, inside)
        right = self._along(node.right, node.source, inside)
        if node.past:
            positions, left, right = positions[::-1], left[::-1], right[::-1]
        before = np.minimum.accumulate(np.concatenate([[np.inf], left[:-1]]))
        end = int(np.argmax(np.minimum(before, right) == value))
        if right[end] == value:
            return self._bound(node.right, node.source, int(positions[end]), point, value)
        return self._bound(node.left, node.source, int(positions[np.argmax(left[:end] == value)]), point, value)

    def _chosen(self, body: Node, index: Index, among: Range, value: float, point: Ranges) -> list[Binding]:
        values = self._along(body, index, {**point, index: among})
        return self._bound(body, index, int(among.positions[np.argmax(values == value)]), point, value)

    def _bound(self, body: Node, index: Index, position: int, point: Ranges, value: float) -> list[Binding]:
        binding = Binding(index.kind, tuple(index.names), position)
        return [binding, *self.down(body, {**point, index: _one(position)}, value)]

    def _along(self, body: Node, index: Index, inside: Ranges) -> Values:
        found = self._evaluator.value(body, inside)
        values: Values = np.broadcast_to(found.values.reshape(-1), (len(inside[index]),))
        return values

    def _value(self, node: Node, point: Ranges) -> float:
        return float(self._evaluator.value(node, point).values.reshape(()))


def _reached(node: Scan | Stretch, point: Ranges) -> Range:
    """The steps that an operator at a point looks at."""
    now, domain = int(point[node.target].positions[0]), node.source.domain
    return Range(domain, 0, now + 1) if node.past else Range(domain, now, len(domain))
