"""P000 App. B word for word: a slow recursion over the syntax tree, with the tables of SPEC's Boolean cases.

It knows nothing of the evaluator: no arrays, no indices, one Python number after another.
"""

import math
from collections.abc import Mapping

from engine.temporal_logic import syntax as s
from engine.temporal_logic.trace import Trace

INF = math.inf


def value(
    node: s.Formula,
    trace: Trace,
    own: str = "fake",
    parameters: Mapping[str, float] | None = None,
    step: int = 0,
    env: Mapping[str, int] | None = None,
) -> float:
    """[node](trace, step, env); env holds steps and positions of prototypes by name."""
    bound = dict(env or {})

    def at(other: s.Formula, when: int, more: Mapping[str, int] | None = None) -> float:
        return value(other, trace, own, parameters, when, {**bound, **(more or {})})

    def term(each: s.Term) -> float:
        match each:
            case s.Number(number):
                return number
            case s.Parameter(name):
                return (parameters or {})[name]
            case s.TimeVariable(name):
                return bound[name]
            case s.Length():
                return len(trace)
            case s.Stride():
                return trace.stride
            case s.FrameOf(name):
                return int(trace.frames[bound[name]])
            case s.Series(name, time):
                return float(trace.series[name][step if time is None else bound[time]])
            case s.Similarity(time, prototype):
                return float(trace.similarity[bound[time], bound[prototype]])
            case s.Negative(inner):
                return -term(inner)
            case s.Absolute(inner):
                return abs(term(inner))
            case s.Arithmetic("+", left, right):
                return term(left) + term(right)
            case s.Arithmetic("-", left, right):
                return term(left) - term(right)
            case s.Arithmetic("*", left, right):
                return term(left) * term(right)
            case s.Arithmetic("/", left, right):
                return term(left) / term(right)
        raise AssertionError(each)

    def true(held: bool) -> float:
        return INF if held else -INF

    def members(name: str) -> list[int]:
        return [int(each) for each in trace.sets[class_of(name)]]

    def class_of(name: str) -> str:
        return {"own": own, "other": "real" if own == "fake" else "fake"}.get(name, name)

    last = len(trace)
    match node:
        case s.Truth(held):
            return true(held)
        case s.Comparison():
            left, right = term(node.left), term(node.right)
            if not node.is_predicate:
                return true(
                    {
                        "<": left < right, "<=": left <= right, ">": left > right,
                        ">=": left >= right, "=": left == right, "!=": left != right,
                    }[node.relation]
                )  # fmt: skip
            if node.relation in (">", ">="):
                return left - right
            if node.relation in ("<", "<="):
                return right - left
            return -abs(left - right) if node.relation == "=" else abs(left - right)
        case s.ClassIs(name, negated):
            return true((trace.predicted == class_of(name)) != negated)
        case s.Member(prototype, name, negated):
            return true((bound[prototype] in members(name)) != negated)
        case s.Not(inner):
            return -at(inner, step)
        case s.And(formulas):
            return min(at(each, step) for each in formulas)
        case s.Or(formulas):
            return max(at(each, step) for each in formulas)
        case s.Implies(left, right):
            return max(-at(left, step), at(right, step))
        case s.Until(left, right):
            return max(min([at(right, j), *(at(left, k) for k in range(step, j))]) for j in range(step, last))
        case s.Since(left, right):
            return max(
                min([at(right, j), *(at(left, k) for k in range(j + 1, step + 1))]) for j in range(step + 1)
            )
        case s.Eventually(inner):
            return max(at(inner, j) for j in range(step, last))
        case s.Always(inner):
            return min(at(inner, j) for j in range(step, last))
        case s.Once(inner):
            return max(at(inner, j) for j in range(step + 1))
        case s.Historically(inner):
            return min(at(inner, j) for j in range(step + 1))
        case s.Freeze(time, inner):
            return at(inner, step, {time: step})
        case s.Exists():
            return max((at(node.formula, step, {node.prototype: k}) for k in members(node.set_name)), default=-INF)
        case s.ForAll():
            return min((at(node.formula, step, {node.prototype: k}) for k in members(node.set_name)), default=INF)
    raise AssertionError(node)
