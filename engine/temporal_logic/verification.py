"""Checks a specification on a trace: the verdict, the robustness behind it, and what decided it."""

import math
from collections.abc import Mapping

from engine.progress import CancelToken, ProgressCallback
from engine.results import Verdict, Verification, Witness, WitnessPoint
from engine.temporal_logic import syntax as s
from engine.temporal_logic.expression import Kind
from engine.temporal_logic.lowering import Instance, other_class
from engine.temporal_logic.printer import printed
from engine.temporal_logic.robustness import Binding, Robustness
from engine.temporal_logic.specification import Specification
from engine.temporal_logic.trace import Trace


def verify(
    specification: Specification,
    trace: Trace,
    *,
    own: str | None = None,
    settings: Mapping[str, float] | None = None,
    cancel: CancelToken | None = None,
    report: ProgressCallback | None = None,
) -> Verification:
    """Check one specification on one trace, at its first step.

    Args:
        own: the class for which it is checked, if it says `own` or `other`; the predicted one for None.
        settings: parameters that differ from their defaults.

    Raises:
        UsageError: there is no such parameter, or a value is out of range.
        SpecificationError: the formula speaks of what the trace does not have.
        CancelledError: cancelled.
    """
    parameters = specification.settings(settings)
    own = own or trace.predicted
    instance = Instance(trace, own, parameters)
    checked = Robustness(specification.formula, instance, cancel=cancel, report=report)
    value = checked.at()
    verdict: Verdict = "satisfied" if value > 0 else "violated"
    if value > 0 and _guard_fails(specification.formula, instance):
        verdict = "not applicable"
    return Verification(
        specification=specification.name,
        formula=printed(specification.formula),
        parameters=parameters,
        own_class=own if specification.has_classes else None,
        predicted=trace.predicted,
        verdict=verdict,
        robustness=value,
        witness=_witness(checked.witness(), trace) if math.isfinite(value) else None,
    )


def _witness(bindings: tuple[Binding, ...], trace: Trace) -> Witness:
    points = []
    for each in bindings:
        if each.kind is Kind.TIME:
            points.append(WitnessPoint(each.names, each.position, int(trace.frames[each.position]), None))
        else:
            points.append(WitnessPoint(each.names, None, None, trace.prototypes[each.position]))
    times = [point for point in points if point.step is not None]
    first = times[0] if times else WitnessPoint((), 0, int(trace.frames[0]), None)
    prototype = next((point.prototype for point in points if point.prototype is not None), None)
    return Witness(first.step or 0, first.frame or 0, prototype, tuple(points))


def _guard_fails(formula: s.Formula, instance: Instance) -> bool:
    """Whether the formula is true because of the predicted class alone, and for the other class would not be."""
    if not any(isinstance(part, s.ClassIs) for part in s.walk(formula)):
        return False
    predicted = instance.trace.predicted or ""
    return (
        _by_class(formula, instance, predicted) is True
        and _by_class(formula, instance, other_class(predicted)) is not True
    )


def _by_class(node: s.Formula, instance: Instance, predicted: str) -> bool | None:
    """Truth of a formula as far as a predicted class decides it, whatever else may be; None where it does not."""

    def of(other: s.Formula) -> bool | None:
        return _by_class(other, instance, predicted)

    match node:
        case s.Truth():
            return node.value
        case s.ClassIs():
            return (predicted == instance.class_named(node.name)) != node.negated
        case s.Comparison() | s.Member():
            return None
        case s.Not():
            return _not(of(node.formula))
        case s.And():
            return _all([of(each) for each in node.formulas])
        case s.Or():
            return _any([of(each) for each in node.formulas])
        case s.Implies():
            return _any([_not(of(node.left)), of(node.right)])
        case s.Until() | s.Since():
            return of(node.right)
        case s.Exists():
            return of(node.formula) if len(instance.members(node.set_name)) else False
        case s.ForAll():
            return of(node.formula) if len(instance.members(node.set_name)) else True
        case _:
            return of(node.formula)


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _all(values: list[bool | None]) -> bool | None:
    if False in values:
        return False
    return None if None in values else True


def _any(values: list[bool | None]) -> bool | None:
    return _not(_all([_not(value) for value in values]))
