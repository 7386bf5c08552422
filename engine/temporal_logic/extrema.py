"""Expressions made small while they are made: minima and maxima are drawn as far inside as they may be.

min over p of (a - b(p)) is a - max over p of b(p), and so for all that only rises, or only falls, with b. Rounding
rises with what is rounded, so the value stays the same, bit for bit, while whole indices vanish from the arrays.
"""

from collections.abc import Callable

import numpy as np

from engine.results import IntArray
from engine.temporal_logic.arrays import whole
from engine.temporal_logic.evaluating import Evaluator
from engine.temporal_logic.expression import (
    DUAL,
    NEUTRAL,
    Apply,
    Constant,
    Constraint,
    Extremum,
    Index,
    Node,
    Reduce,
    Scan,
    Stretch,
    Table,
    is_boolean,
)
from engine.temporal_logic.syntax import Relation

_End = Callable[[Extremum, Node], Node]
"""Makes the node for an extremum that can be drawn no further inside."""


def combined(extremum: Extremum, nodes: list[Node]) -> Node:
    """The smallest, or largest, of some nodes; of none it is the neutral one."""
    flat: list[Node] = []
    for node in nodes:
        flat += node.arguments if isinstance(node, Apply) and node.operation == extremum else [node]
    if any(isinstance(node, Constant) and node.value == -NEUTRAL[extremum] for node in flat):
        return Constant(-NEUTRAL[extremum])
    flat = [node for node in flat if not (isinstance(node, Constant) and node.value == NEUTRAL[extremum])]
    if len(flat) < 2:
        return flat[0] if flat else Constant(NEUTRAL[extremum])
    return Apply(extremum, tuple(flat))


def over(extremum: Extremum, index: Index, domain: IntArray, body: Node) -> Node:
    """The extremum over some positions of an index, none perhaps."""
    if not len(domain):
        return Constant(NEUTRAL[extremum])
    return _drawn_in(extremum, index, body, lambda end, rest: _reduced(end, index, domain, rest))


def along(extremum: Extremum, source: Index, target: Index, body: Node, *, past: bool) -> Node:
    """The extremum over all steps from target on, or up to it: always, eventually, historically, once."""

    def end(extremum: Extremum, rest: Node) -> Node:
        if target not in rest.indices:
            return Scan(extremum, source, target, past, rest)
        # A time was frozen, so that every target has values of its own: steps on its wrong side count for nothing.
        relation: Relation = ("<=" if past else ">=") if extremum == "max" else (">" if past else "<")
        side = Constraint(position(source), relation, position(target))
        return _reduced(extremum, source, source.domain, combined(DUAL[extremum], [side, rest]))

    return _drawn_in(extremum, source, body, end)


def stretch(left: Node, right: Node, source: Index, target: Index, *, past: bool) -> Node:
    """Until, or since."""
    if source not in right.indices:  # then no step is better than the current one
        return right
    if isinstance(left, Constant) and left.value == np.inf:
        return along("max", source, target, right, past=past)
    return Stretch(left, right, source, target, past)


def negative(node: Node) -> Node:
    if isinstance(node, Constant):
        return Constant(-node.value)
    if isinstance(node, Apply) and node.operation == "negative":
        return node.arguments[0]
    return Apply("negative", (node,))


def position(time: Index) -> Table:
    """The number of a step."""
    return Table(time.domain.astype(np.float64), (time,))


def _drawn_in(extremum: Extremum, index: Index, body: Node, end: _End) -> Node:
    """The extremum over an index that has one position at least."""
    if index not in body.indices:
        return body
    if not isinstance(body, Apply):
        return end(extremum, body)
    match body.operation:
        case "negative":
            return negative(_drawn_in(DUAL[extremum], index, body.arguments[0], end))
        case "min" | "max" if body.operation == extremum:
            return combined(extremum, [_drawn_in(extremum, index, each, end) for each in body.arguments])
        case "min" | "max":
            free = [each for each in body.arguments if index not in each.indices]
            if free:
                bound = combined(DUAL[extremum], [each for each in body.arguments if index in each.indices])
                return combined(DUAL[extremum], [*free, _drawn_in(extremum, index, bound, end)])
        case "absolute":
            inner = body.arguments[0]
            if extremum == "max" and _opens(inner, index):
                return combined(
                    "max", [_drawn_in("max", index, inner, end), negative(_drawn_in("min", index, inner, end))]
                )
        case _:
            if _opens(body, index):
                return _through_arithmetic(extremum, index, body, end)
    return end(extremum, body)


def _opens(node: Node, index: Index) -> bool:
    """Whether arithmetic rises or falls with one argument that alone hangs on an index."""
    if not isinstance(node, Apply):
        return False
    match node.operation:
        case "negative":
            return _opens(node.arguments[0], index)
        case "add" | "subtract":
            return sum(index in each.indices for each in node.arguments) == 1
        case "multiply" | "divide":
            return sum(isinstance(each, Constant) for each in node.arguments) == 1 and (
                node.operation == "multiply" or isinstance(node.arguments[1], Constant)
            )
        case _:
            return False


def _through_arithmetic(extremum: Extremum, index: Index, body: Apply, end: _End) -> Node:
    left, right = body.arguments
    at = 0 if index in left.indices else 1
    falls = body.operation == "subtract" and at == 1
    if body.operation in ("multiply", "divide"):
        factor = body.arguments[1 - at]
        falls = isinstance(factor, Constant) and factor.value < 0
    inner = _drawn_in(DUAL[extremum] if falls else extremum, index, body.arguments[at], end)
    return Apply(body.operation, (inner, right) if at == 0 else (left, inner))


def _reduced(extremum: Extremum, index: Index, domain: IntArray, body: Node) -> Node:
    """Conditions on the index alone choose its positions, instead of being computed with every one."""
    dual = DUAL[extremum]
    if isinstance(body, Apply) and body.operation == dual:
        conditions = [each for each in body.arguments if each.indices == {index} and is_boolean(each)]
        rest = [each for each in body.arguments if each not in conditions]
        if conditions and rest:
            met = Evaluator().value(combined(dual, conditions), {index: whole(domain)}).values
            return over(extremum, index, domain[met == NEUTRAL[dual]], combined(dual, rest))
    return Reduce(extremum, index, domain, body)
