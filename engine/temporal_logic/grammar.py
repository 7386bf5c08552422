"""The grammar of TQTL and of the files that hold a specification: P000 eq 9, derived and past operators."""

from collections.abc import Collection
from functools import cache

from lark import Lark
from lark.lexer import PatternStr

GRAMMAR = r"""
file: declaration* formula

declaration: "title" STRING                                                -> title
           | "about" STRING                                                -> about
           | "parameter" NAME "=" signed ["from" signed "to" signed] STRING  -> parameter
signed: [MINUS] NUMBER
MINUS: "-"

?formula: disjunction
        | disjunction _implies formula       -> implies
?disjunction: conjunction
            | conjunction (_or conjunction)+ -> or_
?conjunction: stretch
            | stretch (_and stretch)+        -> and_
?stretch: unary
        | unary _until unary                 -> until
        | unary _since unary                 -> since
?unary: _not unary                           -> not_
      | _eventually unary                    -> eventually
      | _always unary                        -> always
      | _once unary                          -> once
      | _historically unary                  -> historically
      | NAME "." formula                     -> freeze
      | _exists bound "," formula            -> exists
      | _forall bound "," formula            -> for_all
      | _true                                -> true
      | _false                               -> false
      | term relation term                   -> comparison
      | "Class" [_of NAME ")"] class_relation NAME -> class_is
      | NAME _in NAME                        -> member
      | NAME _not_in NAME                    -> not_member
      | "(" formula ")"
bound: NAME ["@" NAME] [_in NAME]

?term: product
     | term (PLUS | MINUS) product           -> arithmetic
?product: factor
        | product PRODUCT factor             -> arithmetic
?factor: MINUS factor                        -> negative
       | "|" term "|"                        -> absolute
       | NUMBER                              -> number
       | NAME                                -> name
       | NAME "(" NAME ["," NAME] ")"        -> call
       | "(" term ")"

!relation: "<" | "<=" | ">" | ">=" | "=" | "!=" | "==" | "≤" | "≥" | "≠"
!class_relation: "=" | "==" | "!=" | "≠"
_of: "("
_implies: "->" | "→" | "=>" | "⇒" | "implies"
_or: "or" | "∨"
_and: "and" | "∧" | "&"
_not: "not" | "¬" | "!"
_until: "until" | "U"
_since: "since"
_eventually: "eventually" | "F" | "◇" | "♢" | "♦"
_always: "always" | "G" | "□" | "◻"
_once: "once" | "O" | "◇⁻"
_historically: "historically" | "H" | "□⁻"
_exists: "exists" | "E" | "∃"
_forall: "forall" | "A" | "∀"
_true: "true" | "⊤"
_false: "false" | "⊥"
_in: "in" | "∈"
_not_in: "not" "in" | "∉"

PLUS: "+"
PRODUCT: "*" | "/"
NUMBER: /(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?/
NAME: /[A-Za-z_][A-Za-z0-9_]*['′]*/
STRING: /"[^"]*"/
COMMENT: /#[^\n]*/
%import common.WS
%ignore WS
%ignore COMMENT
"""


_VALUE = frozenset(("NUMBER", "NAME", "-", "|", "("))
_FORMULA_WORDS = """
true ⊤ false ⊥ not ¬ ! eventually F ◇ ♢ ♦ always G □ ◻ once O ◇⁻ historically H □⁻ exists E ∃ forall A ∀ Class
"""
_CONNECTIVES = ("or", "∨", "and", "∧", "&", "until", "U", "since")
_MEANT = (
    ("true", "a formula", _VALUE | set(_FORMULA_WORDS.split())),
    ("NUMBER", "a value", _VALUE),
    ("<", "a comparison such as <", {"<", "<=", ">", ">=", "=", "!=", "==", "≤", "≥", "≠"}),
    ("+", "an operator of arithmetic", {"+", "-", "PRODUCT"}),
    ("->", "a connective such as ->", {"->", "→", "=>", "⇒", "implies", *_CONNECTIVES}),
    ("and", "a connective such as and", set(_CONNECTIVES)),
    ("≠", "= or !=", {"=", "==", "!=", "≠"}),
    ("∈", "in or not in", {"in", "∈", "∉", "not"}),
    ("NAME", "a name", {"NAME"}),
    ("STRING", "a text in quotation marks", {"STRING"}),
    ("$END", "the end", {"$END"}),
)
"""A token that tells a group of them, what people call the group, and all that is in it. Larger groups first."""
_NEVER_TOLD = frozenset(("title", "about", "parameter"))


@cache
def lark() -> Lark:
    """The parser; a name followed by a dot, and quantifiers, reach as far to the right as they can."""
    return Lark(GRAMMAR, parser="lalr", lexer="basic", start=["file", "formula"], propagate_positions=True)


def phrases(terminals: Collection[str]) -> tuple[str, ...]:
    """What could have stood somewhere, in plain words, from the names of the grammar's tokens."""
    spelt = {term.name: term.pattern.value for term in lark().terminals if isinstance(term.pattern, PatternStr)}
    left = {spelt.get(name, name) for name in terminals} - _NEVER_TOLD
    found = []
    for known_by, phrase, group in _MEANT:
        if known_by in left:
            found.append(phrase)
            left -= group
    return (*found, *(f'"{each}"' for each in sorted(left)))
