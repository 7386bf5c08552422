"""The derived operators spelt out in the few that P000 eq 9 has, and in `since`, which it lacks."""

from engine.temporal_logic import syntax as s

_TRUE = s.Truth(value=True)


def core(formula: s.Formula) -> s.Formula:
    """The same formula in true, predicates, not, or, until, since, constraints, x. and exists alone."""
    match formula:
        case s.Truth():
            return formula if formula.value else s.Not(_TRUE)
        case s.Comparison():
            return formula
        case s.ClassIs() | s.Member():
            return _positive(formula)
        case s.Not():
            return s.Not(core(formula.formula))
        case s.Or():
            return s.Or(tuple(core(each) for each in formula.formulas))
        case s.And():
            return s.Not(s.Or(tuple(s.Not(core(each)) for each in formula.formulas)))
        case s.Implies():
            return s.Or((s.Not(core(formula.left)), core(formula.right)))
        case s.Until():
            return s.Until(core(formula.left), core(formula.right))
        case s.Since():
            return s.Since(core(formula.left), core(formula.right))
        case s.Eventually():
            return s.Until(_TRUE, core(formula.formula))
        case s.Always():
            return s.Not(s.Until(_TRUE, s.Not(core(formula.formula))))
        case s.Once():
            return s.Since(_TRUE, core(formula.formula))
        case s.Historically():
            return s.Not(s.Since(_TRUE, s.Not(core(formula.formula))))
        case s.Freeze():
            return s.Freeze(formula.time, core(formula.formula))
        case s.Exists():
            return _exists(formula, core(formula.formula))
        case s.ForAll():
            return s.Not(_exists(formula, s.Not(core(formula.formula))))


def _positive(atom: s.ClassIs | s.Member) -> s.Formula:
    if not atom.negated:
        return atom
    if isinstance(atom, s.ClassIs):
        return s.Not(s.ClassIs(atom.name))
    return s.Not(s.Member(atom.prototype, atom.set_name))


def _exists(quantifier: s.Exists | s.ForAll, body: s.Formula) -> s.Exists:
    """Over all prototypes: those of a named set are those of which it is true that they are members."""
    if quantifier.set_name != s.ALL:
        member = s.Member(quantifier.prototype, quantifier.set_name)
        body = s.Not(s.Or((s.Not(member), s.Not(body))))
    return s.Exists(quantifier.prototype, body, quantifier.time)
