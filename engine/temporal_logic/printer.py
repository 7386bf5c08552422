"""Formulas as text, in Unicode or in ASCII; parsing the text gives the same formula."""

from collections.abc import Mapping

from engine.temporal_logic import syntax as s

_ASCII = {
    s.Not: "not",
    s.And: "and",
    s.Or: "or",
    s.Implies: "->",
    s.Until: "until",
    s.Since: "since",
    s.Eventually: "eventually",
    s.Always: "always",
    s.Once: "once",
    s.Historically: "historically",
    s.Exists: "exists",
    s.ForAll: "forall",
    s.Member: "in",
    s.Truth: "true",
}
_UNICODE = _ASCII | {
    s.Not: "¬",
    s.And: "∧",
    s.Or: "∨",
    s.Implies: "→",
    s.Until: "U",
    s.Eventually: "◇",
    s.Always: "□",
    s.Once: "◇⁻",
    s.Historically: "□⁻",
    s.Exists: "∃",
    s.ForAll: "∀",
    s.Member: "∈",
    s.Truth: "⊤",
}
_RELATIONS = {"<=": "≤", ">=": "≥", "!=": "≠"}
_SETS = {"fake": "P_F", "real": "P_R", s.ALL: "P"}

_IMPLIES, _OR, _AND, _STRETCH, _UNARY = range(5)
"""How tightly formulas bind, loosest first."""


def printed(formula: s.Formula, *, ascii_only: bool = False) -> str:
    """The text of a formula, on one line."""
    return _Printer(_ASCII if ascii_only else _UNICODE, unicode=not ascii_only).formula(formula, _IMPLIES)


def shown_set(name: str) -> str:
    """P_F, P_R, P or P_ and the name."""
    return _SETS.get(name, f"P_{name}")


class _Printer:
    def __init__(self, words: Mapping[type, str], *, unicode: bool) -> None:
        self._words, self._unicode = words, unicode

    def formula(self, node: s.Formula, tightness: int) -> str:
        """With parentheses where a neighbour that binds so tightly would tear it apart."""
        text, own = self._formula(node)
        return text if own >= tightness else f"({text})"

    def _formula(self, node: s.Formula) -> tuple[str, int]:
        """The text and how tightly it binds. What reaches to the right as far as it can binds loosest."""
        word = self._words.get(type(node), "")
        match node:
            case s.Truth():
                return (word if node.value else "⊥" if self._unicode else "false"), _UNARY
            case s.Comparison():
                return f"{_sum(node.left)} {self._relation(node.relation)} {_sum(node.right)}", _UNARY
            case s.ClassIs():
                return f"Class {self._relation('!=' if node.negated else '=')} {node.name}", _UNARY
            case s.Member():
                absent = "∉" if self._unicode else "not in"
                return f"{node.prototype} {absent if node.negated else word} {shown_set(node.set_name)}", _UNARY
            case s.Not() | s.Eventually() | s.Always() | s.Once() | s.Historically():
                gap = (
                    ""
                    if self._unicode and not isinstance(node.formula, s.Comparison | s.Member | s.ClassIs)
                    else " "
                )
                return f"{word}{gap}{self.formula(node.formula, _UNARY)}", _UNARY
            case s.And():
                return f" {word} ".join(self.formula(each, _STRETCH) for each in node.formulas), _AND
            case s.Or():
                return f" {word} ".join(self.formula(each, _AND) for each in node.formulas), _OR
            case s.Implies():
                return f"{self.formula(node.left, _OR)} {word} {self.formula(node.right, _IMPLIES)}", _IMPLIES
            case s.Until() | s.Since():
                return f"{self.formula(node.left, _UNARY)} {word} {self.formula(node.right, _UNARY)}", _STRETCH
            case s.Freeze():
                return f"{node.time}. {self.formula(node.formula, _IMPLIES)}", _IMPLIES
            case s.Exists() | s.ForAll():
                at = "" if node.time is None else f"@{node.time}"
                within = "" if node.set_name == s.ALL else f" {self._words[s.Member]} {shown_set(node.set_name)}"
                gap = "" if self._unicode else " "
                return f"{word}{gap}{node.prototype}{at}{within}, {self.formula(node.formula, _IMPLIES)}", _IMPLIES

    def _relation(self, relation: str) -> str:
        return _RELATIONS.get(relation, relation) if self._unicode else relation


def _sum(term: s.Term) -> str:
    if isinstance(term, s.Arithmetic) and term.operator in "+-":
        return f"{_sum(term.left)} {term.operator} {_product(term.right)}"
    return _product(term)


def _product(term: s.Term) -> str:
    if isinstance(term, s.Arithmetic) and term.operator in "*/":
        return f"{_product(term.left)} {term.operator} {_factor(term.right)}"
    return _factor(term)


def _factor(term: s.Term) -> str:
    match term:
        case s.Number():
            return shown_number(term.value)
        case s.Parameter() | s.TimeVariable():
            return term.name
        case s.Length():
            return "T"
        case s.Stride():
            return "stride"
        case s.FrameOf():
            return f"frame({term.time})"
        case s.Series():
            return term.name if term.time is None else f"{term.name}({term.time})"
        case s.Similarity():
            return f"S({term.time}, {term.prototype})"
        case s.Negative():
            return f"-{_factor(term.term)}"
        case s.Absolute():
            return f"|{_sum(term.term)}|"
        case s.Arithmetic():
            return f"({_sum(term)})"


def shown_number(value: float) -> str:
    """The shortest text that reads as the same number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
