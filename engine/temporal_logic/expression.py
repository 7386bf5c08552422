"""Formulas as numeric expressions over indices: what the evaluator computes, and the witness walks through.

Every temporal operator and every quantifier has an index of its own; a frozen time is another name for the index
of the time at which it was frozen. So the value of a part hangs on the indices that occur in it, and on nothing
else.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import Literal

import numpy as np

from engine.results import IntArray
from engine.temporal_logic.syntax import Relation
from engine.temporal_logic.trace import Values

Extremum = Literal["min", "max"]
DUAL: dict[Extremum, Extremum] = {"min": "max", "max": "min"}
NEUTRAL: dict[Extremum, float] = {"min": np.inf, "max": -np.inf}
"""The extremum of nothing."""

_numbers = count()


class Kind(Enum):
    TIME = "time"
    PROTOTYPE = "prototype"


@dataclass(eq=False, slots=True)
class Index:
    """A time (a step) or a prototype (its position) over which something is computed.

    Attributes:
        domain: (N,) int64, all that it can stand for.
        names: the variables that stand for it, the outermost first.
        number: where its axis lies: times before prototypes, each kind in the order of their making.
    """

    kind: Kind
    domain: IntArray
    names: list[str] = field(default_factory=list)
    number: tuple[bool, int] = field(init=False)

    def __post_init__(self) -> None:
        self.number = (self.kind is Kind.PROTOTYPE, next(_numbers))


Indices = frozenset[Index]


@dataclass(frozen=True, eq=False, slots=True)
class Constant:
    value: float
    indices: Indices = frozenset()


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """Values by one or two indices, in the order of `axes`. `boolean`: plus or minus infinity everywhere."""

    values: Values
    axes: tuple[Index, ...]
    boolean: bool = False

    @property
    def indices(self) -> Indices:
        return frozenset(self.axes)


@dataclass(frozen=True, eq=False, slots=True)
class Constraint:
    """Plus infinity where the relation of two finite expressions holds, minus infinity elsewhere."""

    left: "Node"
    relation: Relation
    right: "Node"
    indices: Indices = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "indices", self.left.indices | self.right.indices)


@dataclass(frozen=True, eq=False, slots=True)
class Apply:
    """An operation on every element; min and max take two arguments or more."""

    operation: Literal["min", "max", "add", "subtract", "multiply", "divide", "negative", "absolute"]
    arguments: tuple["Node", ...]
    indices: Indices = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "indices", frozenset().union(*(each.indices for each in self.arguments)))


@dataclass(frozen=True, eq=False, slots=True)
class Reduce:
    """The extremum of the body over the positions `domain` of an index; they are one at least."""

    extremum: Extremum
    index: Index
    domain: IntArray
    body: "Node"
    indices: Indices = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "indices", self.body.indices - {self.index})


@dataclass(frozen=True, eq=False, slots=True)
class Scan:
    """The extremum of the body over all steps `source` from `target` on, or up to it; target is not in body."""

    extremum: Extremum
    source: Index
    target: Index
    past: bool
    body: "Node"
    indices: Indices = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "indices", (self.body.indices - {self.source}) | {self.target})


@dataclass(frozen=True, eq=False, slots=True)
class Stretch:
    """Until (since, if `past`): max over source from target on of min(right, min of left on the way there)."""

    left: "Node"
    right: "Node"
    source: Index
    target: Index
    past: bool
    indices: Indices = field(init=False)

    def __post_init__(self) -> None:
        inside = self.left.indices | self.right.indices
        object.__setattr__(self, "indices", (inside - {self.source}) | {self.target})


Node = Constant | Table | Constraint | Apply | Reduce | Scan | Stretch


def parts(node: Node) -> Iterator[Node]:
    """The nodes directly under a node."""
    match node:
        case Constraint() | Stretch():
            yield from (node.left, node.right)
        case Apply():
            yield from node.arguments
        case Reduce() | Scan():
            yield node.body


def is_boolean(node: Node) -> bool:
    """Whether its values are infinite everywhere."""
    match node:
        case Constant():
            return bool(np.isinf(node.value))
        case Table():
            return node.boolean
        case Constraint():
            return True
        case Apply():
            return node.operation in ("min", "max", "negative") and all(
                is_boolean(each) for each in node.arguments
            )
        case Reduce() | Scan():
            return is_boolean(node.body)
        case Stretch():
            return is_boolean(node.left) and is_boolean(node.right)
