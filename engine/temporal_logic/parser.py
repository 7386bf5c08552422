"""Text to syntax tree. Every name is looked up where it stands, so that a misspelt one is told with its place."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, cast

from lark import Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from engine.temporal_logic import syntax as s
from engine.temporal_logic.faults import FormulaError
from engine.temporal_logic.grammar import lark, phrases

DEEPEST = 60
"""Levels of a formula; every one of the programs that walk through it needs several of Python's own."""

_SPELLINGS: Mapping[str, s.Relation] = {"==": "=", "≤": "<=", "≥": ">=", "≠": "!="}
_SETS = {"P": s.ALL, s.ALL: s.ALL, "P_F": "fake", "P_R": "real"}
_RESERVED = ("S", "T", "frame", "stride", "fake", "real", s.OWN, s.OTHER, s.ALL)
_UNARY: Mapping[str, type[s.Not | s.Eventually | s.Always | s.Once | s.Historically]] = {
    "not_": s.Not,
    "eventually": s.Eventually,
    "always": s.Always,
    "once": s.Once,
    "historically": s.Historically,
}

LarkTree = Tree[Token]


def parse(text: str, parameters: Collection[str] = ()) -> s.Formula:
    """The formula of a text.

    Args:
        parameters: the names that stand for parameters.

    Raises:
        FormulaError: with the place and what was expected there.
    """
    return Builder(text, parameters).formula(read(text, "formula"), Scope())


def read(text: str, start: Literal["file", "formula"], file: Path | None = None) -> LarkTree:
    """The raw tree of a text. Raises FormulaError."""
    try:
        tree = cast("Any", lark()).parse(text, start=start)
    except UnexpectedInput as error:
        raise _explained(error, text, file) from None
    # A rule that passes its only child through leaves a bare token nowhere: all formulas are trees.
    return cast("LarkTree", tree)


def _explained(error: UnexpectedInput, text: str, file: Path | None) -> FormulaError:
    place = len(text.rstrip()) if error.pos_in_stream is None or error.pos_in_stream < 0 else error.pos_in_stream
    if isinstance(error, UnexpectedCharacters):
        allowed = error.allowed or set()
        return FormulaError(
            f"the letter {text[place]!r} means nothing here",
            advice="Take it out, or see docs/temporal-logic.md for the language",
            text=text,
            place=place,
            expected=phrases(allowed),
            file=file,
        )
    token = error.token if isinstance(error, UnexpectedToken) else None
    ended = token is None or token.type == "$END"
    found = "the end of the text" if ended else f'"{token}"'
    if ended:
        place = len(text.rstrip())
    expected = (phrases(error.accepts) if isinstance(error, UnexpectedToken) else ()) or ("the end",)
    return FormulaError(
        f"expected {' or '.join(expected)}, found {found}",
        advice="Correct it there; docs/temporal-logic.md describes the language",
        text=text,
        place=place,
        expected=expected,
        file=file,
    )


@dataclass(frozen=True, slots=True)
class Scope:
    """The variables that are bound where a part of a formula stands."""

    times: frozenset[str] = frozenset()
    prototypes: frozenset[str] = frozenset()
    depth: int = 0

    @property
    def deeper(self) -> "Scope":
        return Scope(self.times, self.prototypes, self.depth + 1)


class Builder:
    """Makes the syntax tree from the raw tree, top down. Its methods raise FormulaError."""

    def __init__(self, text: str, parameters: Collection[str], file: Path | None = None) -> None:
        self._text, self._parameters, self._file = text, frozenset(parameters), file

    def fail(self, message: str, place: int, advice: str) -> NoReturn:
        raise FormulaError(message, advice=advice, text=self._text, place=place, file=self._file)

    def formula(self, tree: LarkTree, scope: Scope) -> s.Formula:
        """The formula of a raw tree whose free variables `scope` binds."""
        if scope.depth > DEEPEST:
            self.fail("the formula is nested too deeply", _place(tree), f"Keep to {DEEPEST} levels")
        parts = cast("list[Any]", tree.children)
        inner = scope.deeper
        match tree.data:
            case "true" | "false":
                return s.Truth(tree.data == "true")
            case "not_" | "eventually" | "always" | "once" | "historically" as word:
                return _UNARY[word](self.formula(parts[0], inner))
            case "and_":
                return s.And(tuple(self.formula(part, inner) for part in parts))
            case "or_":
                return s.Or(tuple(self.formula(part, inner) for part in parts))
            case "implies":
                return s.Implies(self.formula(parts[0], inner), self.formula(parts[1], inner))
            case "until":
                return s.Until(self.formula(parts[0], inner), self.formula(parts[1], inner))
            case "since":
                return s.Since(self.formula(parts[0], inner), self.formula(parts[1], inner))
            case "freeze":
                name = self._new_name(parts[0])
                # A name has one meaning at a time: the innermost.
                bound = Scope(scope.times | {name}, scope.prototypes - {name}, inner.depth)
                return s.Freeze(name, self.formula(parts[1], bound))
            case "exists" | "for_all":
                return self._quantifier(tree, scope)
            case "comparison":
                return self._comparison(tree, inner)
            case "class_is":
                return self._class(tree)
            case "member" | "not_member":
                return self._member(tree, scope)
        raise AssertionError(f"no formula: {tree.data}")

    def _quantifier(self, tree: LarkTree, scope: Scope) -> s.Formula:
        bound, body = cast("list[Any]", tree.children)
        variable, time, within = bound.children
        name = self._new_name(variable)
        at = None if time is None else self._bound_time(time, scope)
        set_name = s.ALL if within is None else self._set(within)
        inside = Scope(scope.times - {name}, scope.prototypes | {name}, scope.depth + 1)
        kind = s.Exists if tree.data == "exists" else s.ForAll
        return kind(name, self.formula(body, inside), at, set_name, _place(tree))

    def _comparison(self, tree: LarkTree, scope: Scope) -> s.Comparison:
        left, relation, right = cast("list[Any]", tree.children)
        written = str(relation.children[0])
        found = s.Comparison(
            self._term(left, scope), _SPELLINGS.get(written, cast("s.Relation", written)),
            self._term(right, scope), _place(tree),
        )  # fmt: skip
        if found.is_predicate:
            for part in (*s.walk(found.left), *s.walk(found.right)):
                if isinstance(part, s.TimeVariable | s.FrameOf):
                    self.fail(
                        "a time is compared with a value of the video",
                        part.place,
                        "Compare times with times, and values with values",
                    )
        return found

    def _class(self, tree: LarkTree) -> s.ClassIs:
        *_, relation, name = cast("list[Any]", tree.children)
        if name not in (*s.CLASSES, s.OWN, s.OTHER):
            self.fail(f"there is no class {name}", name.start_pos, "Use fake, real, own or other")
        return s.ClassIs(str(name), str(relation.children[0]) in ("!=", "≠"), _place(tree))

    def _member(self, tree: LarkTree, scope: Scope) -> s.Member:
        variable, within = cast("list[Any]", tree.children)
        return s.Member(
            self._bound_prototype(variable, scope), self._set(within), tree.data == "not_member", _place(tree)
        )

    def _term(self, node: Any, scope: Scope) -> s.Term:
        if scope.depth > DEEPEST:
            self.fail("the formula is nested too deeply", _place(node), f"Keep to {DEEPEST} levels")
        parts = cast("list[Any]", node.children)
        inner = scope.deeper
        match node.data:
            case "number":
                value = float(parts[0])
                if value == float("inf"):
                    self.fail("this number is too large", parts[0].start_pos, "Use a smaller one")
                return s.Number(value)
            case "negative":
                return s.Negative(self._term(parts[1], inner))
            case "absolute":
                return s.Absolute(self._term(parts[0], inner))
            case "arithmetic":
                return self._arithmetic(parts, inner)
            case "call":
                return self._call(parts, scope)
            case _:
                return self._name(parts[0], scope)

    def _arithmetic(self, parts: list[Any], scope: Scope) -> s.Term:
        left, operator, right = parts
        found = s.Arithmetic(
            cast("Any", str(operator)), self._term(left, scope), self._term(right, scope), operator.start_pos
        )
        if found.operator == "/" and any(
            not isinstance(part, s.Number | s.Parameter | s.Negative | s.Absolute | s.Arithmetic)
            for part in s.walk(found.right)
        ):
            self.fail(
                "this divides by what may be 0",
                operator.start_pos,
                "Divide by numbers and parameters; multiply the other side",
            )
        return found

    def _call(self, parts: list[Any], scope: Scope) -> s.Term:
        function, first, second = parts
        name = _spelt(function)
        time = self._bound_time(first, scope)
        if name == "S":
            if second is None:
                self.fail("S needs a time and a prototype", function.start_pos, "Write S(t, p)")
            return s.Similarity(time, self._bound_prototype(second, scope), function.start_pos)
        if second is not None:
            self.fail(f"{name} takes a time alone", second.start_pos, f"Write {name}({time})")
        if name == "frame":
            return s.FrameOf(time, function.start_pos)
        if name in _RESERVED or name in self._parameters:
            self.fail(f"{name} is no series", function.start_pos, "Name a series, such as probability")
        return s.Series(name, time, function.start_pos)

    def _name(self, token: Token, scope: Scope) -> s.Term:
        name, place = _spelt(token), _start(token)
        if name in scope.times:
            return s.TimeVariable(name, place)
        if name in scope.prototypes:
            self.fail(f"{name} is a prototype, not a value", place, f"Write S(t, {name}), or {name} in P_F")
        if name in self._parameters:
            return s.Parameter(name, place)
        if name == "T":
            return s.Length()
        if name == "stride":
            return s.Stride()
        if name in _RESERVED or name.startswith("P_"):
            self.fail(f"{name} is no value here", place, "Name a series, such as probability, or a parameter")
        return s.Series(name, None, place)

    def _new_name(self, token: Token) -> str:
        name = _spelt(token)
        if name in _RESERVED or name in _SETS or name.startswith("P_") or name in self._parameters:
            self.fail(f"{name} has a meaning already", _start(token), "Choose another name for the variable")
        return name

    def _bound_time(self, token: Token, scope: Scope) -> str:
        name = _spelt(token)
        if name not in scope.times:
            self.fail(
                f"no time is called {name} here", _start(token), f"Freeze it before, as in always {name}. a < 1"
            )
        return name

    def _bound_prototype(self, token: Token, scope: Scope) -> str:
        name = _spelt(token)
        if name not in scope.prototypes:
            self.fail(
                f"no prototype is called {name} here",
                _start(token),
                f"Quantify over it before, as in exists {name}",
            )
        return name

    def _set(self, token: Token) -> str:
        name = str(token)
        if name in _SETS:
            return _SETS[name]
        if not name.startswith("P_") or len(name) == 2 or name in ("P_all", "P_P"):
            self.fail(
                f"{name} is no set of prototypes", _start(token), "Use P, P_F, P_R, P_own, P_other or P_NAME"
            )
        return name[2:]


def _spelt(token: Token) -> str:
    return str(token).replace("′", "'")


def _start(token: Token) -> int:
    return -1 if token.start_pos is None else token.start_pos


def _place(tree: LarkTree) -> int:
    return tree.meta.start_pos if not tree.meta.empty else -1
