"""The immutable syntax tree of TQTL: formulas and the terms that their predicates compare.

Two trees are equal when they say the same in the same words; where a part stood in the text does not matter.
`place` is its offset there, -1 if it was not parsed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal

Relation = Literal["<", "<=", ">", ">=", "=", "!="]
RELATIONS: tuple[Relation, ...] = ("<", "<=", ">", ">=", "=", "!=")

CLASSES = ("fake", "real")
OWN, OTHER = "own", "other"
"""The class for which a specification is checked, and the one that it is not: P000 writes F(R) and R(F)."""
ALL = "all"
"""The set of all prototypes."""


def _place() -> int:
    return field(default=-1, compare=False, repr=False)


# Terms


@dataclass(frozen=True, slots=True)
class Number:
    """Not negative; a minus sign is a Negative."""

    value: float


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    place: int = _place()


@dataclass(frozen=True, slots=True)
class TimeVariable:
    """A frozen time, as a number of steps from 0."""

    name: str
    place: int = _place()


@dataclass(frozen=True, slots=True)
class Length:
    """T, the number of steps of the trace."""


@dataclass(frozen=True, slots=True)
class Stride:
    """How many frames lie from one step of the trace to the next where no frame is missing."""


@dataclass(frozen=True, slots=True)
class FrameOf:
    """The number of the frame at a frozen time; it may jump where a face was not seen."""

    time: str
    place: int = _place()


@dataclass(frozen=True, slots=True)
class Series:
    """A named series at a frozen time; at the current time for None."""

    name: str
    time: str | None = None
    place: int = _place()


@dataclass(frozen=True, slots=True)
class Similarity:
    """S(t, p), eq 2."""

    time: str
    prototype: str
    place: int = _place()


@dataclass(frozen=True, slots=True)
class Negative:
    term: "Term"


@dataclass(frozen=True, slots=True)
class Absolute:
    term: "Term"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`/` divides by terms without series only."""

    operator: Literal["+", "-", "*", "/"]
    left: "Term"
    right: "Term"
    place: int = _place()


Term = (
    Number
    | Parameter
    | TimeVariable
    | Length
    | Stride
    | FrameOf
    | Series
    | Similarity
    | Negative
    | Absolute
    | Arithmetic
)

# Formulas


@dataclass(frozen=True, slots=True)
class Truth:
    value: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A predicate where a series or a similarity occurs in it; otherwise a constraint on time, true or false."""

    left: Term
    relation: Relation
    right: Term
    place: int = _place()

    @property
    def is_predicate(self) -> bool:
        return any(
            isinstance(part, Series | Similarity) for side in (self.left, self.right) for part in walk(side)
        )


@dataclass(frozen=True, slots=True)
class ClassIs:
    """Class(V) = one of CLASSES, OWN or OTHER."""

    name: str
    negated: bool = False
    place: int = _place()


@dataclass(frozen=True, slots=True)
class Member:
    """A prototype variable stands for a member of a named set."""

    prototype: str
    set_name: str
    negated: bool = False
    place: int = _place()


@dataclass(frozen=True, slots=True)
class Not:
    formula: "Formula"


@dataclass(frozen=True, slots=True)
class And:
    """Of two or more."""

    formulas: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Of two or more."""

    formulas: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Implies:
    left: "Formula"
    right: "Formula"


@dataclass(frozen=True, slots=True)
class Until:
    """Right holds at some step from now on, and left at every step before it, from now on."""

    left: "Formula"
    right: "Formula"


@dataclass(frozen=True, slots=True)
class Since:
    """Right held at some step up to now, and left at every step after it, up to now."""

    left: "Formula"
    right: "Formula"


@dataclass(frozen=True, slots=True)
class Eventually:
    formula: "Formula"


@dataclass(frozen=True, slots=True)
class Always:
    formula: "Formula"


@dataclass(frozen=True, slots=True)
class Once:
    formula: "Formula"


@dataclass(frozen=True, slots=True)
class Historically:
    formula: "Formula"


@dataclass(frozen=True, slots=True)
class Freeze:
    """x. formula: x is the current time in it."""

    time: str
    formula: "Formula"


@dataclass(frozen=True, slots=True)
class Exists:
    """Some prototype of a named set; `time` is the x of P000's p@x, which says no more than that x is bound."""

    prototype: str
    formula: "Formula"
    time: str | None = None
    set_name: str = ALL
    place: int = _place()


@dataclass(frozen=True, slots=True)
class ForAll:
    """Every prototype of a named set."""

    prototype: str
    formula: "Formula"
    time: str | None = None
    set_name: str = ALL
    place: int = _place()


Formula = (
    Truth
    | Comparison
    | ClassIs
    | Member
    | Not
    | And
    | Or
    | Implies
    | Until
    | Since
    | Eventually
    | Always
    | Once
    | Historically
    | Freeze
    | Exists
    | ForAll
)


def children(node: Formula | Term) -> Iterator[Formula | Term]:
    """The formulas and terms directly under a node, from left to right."""
    for each in fields(node):
        value = getattr(node, each.name)
        if isinstance(value, Formula | Term):
            yield value
        elif isinstance(value, tuple):
            yield from value


def walk(node: Formula | Term) -> Iterator[Formula | Term]:
    """A node and all under it."""
    yield node
    for child in children(node):
        yield from walk(child)


def uses_own_class(formula: Formula) -> bool:
    """Whether the formula speaks of the class for which it is checked, so that there is one for each class."""
    return any(
        (isinstance(part, ClassIs) and part.name in (OWN, OTHER))
        or (isinstance(part, Member | Exists | ForAll) and part.set_name in (OWN, OTHER))
        for part in walk(formula)
    )


def uses_prototypes(formula: Formula) -> bool:
    """Whether the formula speaks of prototypes, so that it can be checked only where there are some."""
    return any(isinstance(part, Exists | ForAll) for part in walk(formula))


def equalities(formula: Formula) -> list[Comparison]:
    """The predicates that ask for equality: their value is never above 0, so nothing ever satisfies them."""
    return [
        part
        for part in walk(formula)
        if isinstance(part, Comparison) and part.is_predicate and part.relation in ("=", "!=")
    ]
