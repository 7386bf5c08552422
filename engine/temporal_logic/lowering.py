"""From the syntax tree to an expression over a trace: App. B, with negation drawn down to the predicates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from engine.errors import SpecificationError
from engine.results import IntArray
from engine.temporal_logic import syntax as s
from engine.temporal_logic.expression import Apply, Constant, Constraint, Extremum, Index, Kind, Node, Table
from engine.temporal_logic.extrema import along, combined, negative, over, position, stretch
from engine.temporal_logic.trace import Trace

_NEGATED: Mapping[s.Relation, s.Relation] = {
    "<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "!=", "!=": "=",
}  # fmt: skip
_OPERATIONS = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
_NAMES = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}


@dataclass(frozen=True, slots=True)
class Instance:
    """A formula's unknowns, filled in: on which trace, for which class, with which parameters."""

    trace: Trace
    own: str | None
    parameters: Mapping[str, float]

    def class_named(self, name: str) -> str:
        """fake or real. Raises SpecificationError for `own` and `other` where no class is given."""
        if name not in (s.OWN, s.OTHER):
            return name
        if self.own is None:
            raise SpecificationError(
                f"The formula speaks of its {name} class, but {self.trace.name} has no prediction",
                advice="Say for which class it is to be checked",
            )
        return self.own if name == s.OWN else other_class(self.own)

    def is_predicted(self, atom: s.ClassIs) -> bool:
        """The value of a Class predicate. Raises SpecificationError without a prediction."""
        if self.trace.predicted is None:
            raise SpecificationError(
                f"The formula asks for the class of {self.trace.name}, which has no prediction",
                advice="Give the predicted class, fake or real",
            )
        return (self.trace.predicted == self.class_named(atom.name)) != atom.negated

    def members(self, set_name: str) -> IntArray:
        """Positions of the prototypes of a named set. Raises SpecificationError where there is none."""
        return self.trace.members(self.class_named(set_name))


def other_class(name: str) -> str:
    """real for fake, fake for real."""
    return "real" if name == "fake" else "fake"


def lowered(formula: s.Formula, instance: Instance, now: Index) -> Node:
    """The robustness of a formula at the steps of `now`.

    Raises:
        SpecificationError: it speaks of a series, set or class that the trace does not have.
    """
    return _Lowering(instance).formula(formula, _Environment({}, {}, now), positive=True)


@dataclass(frozen=True, slots=True)
class _Environment:
    times: Mapping[str, Index]
    prototypes: Mapping[str, Index]
    now: Index


class _Lowering:
    def __init__(self, instance: Instance) -> None:
        self._instance, self._trace = instance, instance.trace
        self._steps = np.arange(len(instance.trace), dtype=np.int64)

    def formula(self, node: s.Formula, env: _Environment, *, positive: bool) -> Node:
        """The value of a formula, or of its negation."""
        match node:
            case s.Truth():
                return _truth(node.value == positive)
            case s.Comparison():
                return self._comparison(node, env, positive=positive)
            case s.ClassIs():
                return _truth(self._instance.is_predicted(node) == positive)
            case s.Member():
                return self._member(node, env, positive=positive)
            case s.Not():
                return self.formula(node.formula, env, positive=not positive)
            case s.And() | s.Or():
                extremum: Extremum = "min" if isinstance(node, s.And) == positive else "max"
                return combined(extremum, [self.formula(each, env, positive=positive) for each in node.formulas])
            case s.Implies():
                sides = [
                    self.formula(node.left, env, positive=not positive),
                    self.formula(node.right, env, positive=positive),
                ]
                return combined("max" if positive else "min", sides)
            case s.Until() | s.Since():
                return self._stretch(node, env, positive=positive)
            case s.Eventually() | s.Always() | s.Once() | s.Historically():
                return self._temporal(node, env, positive=positive)
            case s.Freeze():
                if node.time not in env.now.names:
                    env.now.names.append(node.time)
                inner = replace(
                    env, times={**env.times, node.time: env.now}, prototypes=_without(env.prototypes, node.time)
                )
                return self.formula(node.formula, inner, positive=positive)
            case s.Exists() | s.ForAll():
                return self._quantifier(node, env, positive=positive)

    def _temporal(
        self, node: s.Eventually | s.Always | s.Once | s.Historically, env: _Environment, *, positive: bool
    ) -> Node:
        source = Index(Kind.TIME, self._steps)
        body = self.formula(node.formula, replace(env, now=source), positive=positive)
        extremum: Extremum = "max" if isinstance(node, s.Eventually | s.Once) == positive else "min"
        return along(extremum, source, env.now, body, past=isinstance(node, s.Once | s.Historically))

    def _stretch(self, node: s.Until | s.Since, env: _Environment, *, positive: bool) -> Node:
        source = Index(Kind.TIME, self._steps)
        inner = replace(env, now=source)
        left = self.formula(node.left, inner, positive=True)
        right = self.formula(node.right, inner, positive=True)
        found = stretch(left, right, source, env.now, past=isinstance(node, s.Since))
        return found if positive else negative(found)

    def _quantifier(self, node: s.Exists | s.ForAll, env: _Environment, *, positive: bool) -> Node:
        members = self._instance.members(node.set_name)
        index = Index(Kind.PROTOTYPE, members, [node.prototype])
        inner = replace(
            env, prototypes={**env.prototypes, node.prototype: index}, times=_without(env.times, node.prototype)
        )
        body = self.formula(node.formula, inner, positive=positive)
        return over("max" if isinstance(node, s.Exists) == positive else "min", index, members, body)

    def _member(self, node: s.Member, env: _Environment, *, positive: bool) -> Node:
        members = self._instance.members(node.set_name)
        inside = np.isin(np.arange(len(self._trace.prototypes)), members) != node.negated
        values = np.where(inside == positive, np.inf, -np.inf)
        return Table(values, (env.prototypes[node.prototype],), boolean=True)

    def _comparison(self, node: s.Comparison, env: _Environment, *, positive: bool) -> Node:
        left, right = self._term(node.left, env), self._term(node.right, env)
        if not node.is_predicate:
            return Constraint(left, node.relation if positive else _NEGATED[node.relation], right)
        if node.relation in ("=", "!="):
            apart = Apply("absolute", (Apply("subtract", (left, right)),))
            return apart if (node.relation == "!=") == positive else Apply("negative", (apart,))
        if (node.relation in ("<", "<=")) == positive:
            left, right = right, left
        return Apply("subtract", (left, right))

    def _term(self, term: s.Term, env: _Environment) -> Node:
        trace = self._trace
        match term:
            case s.Number():
                return Constant(term.value)
            case s.Parameter():
                if term.name not in self._instance.parameters:
                    raise SpecificationError(f"The parameter {term.name} has no value", advice="Give it one")
                return Constant(float(self._instance.parameters[term.name]))
            case s.TimeVariable():
                return position(env.times[term.name])
            case s.Length():
                return Constant(float(len(trace)))
            case s.Stride():
                return Constant(float(trace.stride))
            case s.FrameOf():
                return Table(trace.frames.astype(np.float64), (env.times[term.time],))
            case s.Series():
                return Table(trace.values_of(term.name), (env.now if term.time is None else env.times[term.time],))
            case s.Similarity():
                return Table(trace.similarity, (env.times[term.time], env.prototypes[term.prototype]))
            case s.Negative():
                return self._unary("negative", term.term, env)
            case s.Absolute():
                return self._unary("absolute", term.term, env)
            case s.Arithmetic():
                return self._arithmetic(term, env)

    def _unary(self, operation: str, term: s.Term, env: _Environment) -> Node:
        inner = self._term(term, env)
        if isinstance(inner, Constant):
            return Constant(abs(inner.value) if operation == "absolute" else -inner.value)
        return negative(inner) if operation == "negative" else Apply("absolute", (inner,))

    def _arithmetic(self, term: s.Arithmetic, env: _Environment) -> Node:
        left, right = self._term(term.left, env), self._term(term.right, env)
        if term.operator == "/" and isinstance(right, Constant) and right.value == 0:
            raise SpecificationError("The formula divides by 0", advice="Choose other parameters")
        if isinstance(left, Constant) and isinstance(right, Constant):
            value = float(_OPERATIONS[term.operator](left.value, right.value))
            if not np.isfinite(value):
                _too_large()
            return Constant(value)
        return Apply(_NAMES[term.operator], (left, right))  # type: ignore[arg-type] # one of the operations


def _truth(value: bool) -> Constant:
    return Constant(np.inf if value else -np.inf)


def _without(names: Mapping[str, Index], name: str) -> dict[str, Index]:
    return {key: index for key, index in names.items() if key != name}


def _too_large() -> NoReturn:
    raise SpecificationError("A number of the formula is too large", advice="Choose smaller numbers")
