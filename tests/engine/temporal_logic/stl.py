"""Formulas in the words of rtamt, with parentheses everywhere, so that no rule of precedence matters."""

from engine.temporal_logic import syntax as s

_WORDS = {
    s.Eventually: "eventually", s.Always: "always", s.Once: "once", s.Historically: "historically", s.Not: "not",
    s.Implies: "->", s.Until: "until", s.Since: "since", s.And: "and", s.Or: "or",
}  # fmt: skip


def stl(node: s.Formula) -> str:
    match node:
        case s.Comparison():
            relation = "==" if node.relation == "=" else node.relation
            return f"({_term(node.left)} {relation} {_term(node.right)})"
        case s.And() | s.Or():
            return "(" + f" {_WORDS[type(node)]} ".join(stl(each) for each in node.formulas) + ")"
        case s.Implies() | s.Until() | s.Since():
            return f"({stl(node.left)} {_WORDS[type(node)]} {stl(node.right)})"
        case _:
            return f"({_WORDS[type(node)]} ({stl(node.formula)}))"


def _term(term: s.Term) -> str:
    match term:
        case s.Number():
            return f"{term.value:.2f}"
        case s.Series():
            return term.name
        case s.Absolute():
            return f"abs({_term(term.term)})"
        case s.Arithmetic():
            return f"({_term(term.left)} {term.operator} {_term(term.right)})"
    raise AssertionError(term)
