"""Specifications: a formula with a title and named parameters, as text files that users copy and edit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from engine.errors import SpecificationError, UsageError
from engine.paths import RESOURCES
from engine.temporal_logic import syntax as s
from engine.temporal_logic.faults import FormulaError
from engine.temporal_logic.parser import Builder, Scope, read
from engine.temporal_logic.printer import shown_number

LIBRARY = RESOURCES / "specifications"
SUFFIX = ".tqtl"
_LARGEST = 1 << 20
"""Bytes of a file that can be meant as a specification."""


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """A number of a specification that users may change.

    Attributes:
        low, high: the range, both ends included; None where any number will do.
    """

    name: str
    default: float
    low: float | None
    high: float | None
    text: str

    def check(self, value: float) -> None:
        """Raise UsageError unless the value lies in the range."""
        if self.low is not None and self.high is not None and not self.low <= value <= self.high:
            raise UsageError(
                f"{self.name} is {value:g}",
                advice=f"Give a number from {shown_number(self.low)} to {shown_number(self.high)}",
            )


@dataclass(frozen=True, slots=True)
class Specification:
    """A formula that says something, with what it says in words.

    Attributes:
        name: that of its file, without the suffix.
        title: one line, the name where the file has none.
        about: what it asks for and where it comes from, may be empty.
        source: the whole text.
        warnings: what is odd about the formula although it can be checked.
    """

    name: str
    title: str
    about: str
    parameters: tuple[ParameterSpec, ...]
    formula: s.Formula
    source: str
    warnings: tuple[str, ...]

    @property
    def has_classes(self) -> bool:
        """Whether there is an instance for each class (it says `own` or `other`)."""
        return s.uses_own_class(self.formula)

    @property
    def needs_prototypes(self) -> bool:
        """Whether it can be checked only for a detector that has prototypes."""
        return s.uses_prototypes(self.formula)

    def settings(self, given: Mapping[str, float] | None = None) -> dict[str, float]:
        """The value of every parameter: the one given, or the default.

        Raises:
            UsageError: there is no parameter of a given name, or the value is out of its range.
        """
        known = {each.name: each for each in self.parameters}
        for name, value in (given or {}).items():
            if name not in known:
                advice = f"It has {', '.join(known)}" if known else "It has none"
                raise UsageError(f"The specification {self.name} has no parameter {name}", advice=advice)
            known[name].check(value)
        return {name: float((given or {}).get(name, each.default)) for name, each in known.items()}


def library() -> tuple[Specification, ...]:
    """The specifications that come with Tellframe, by name."""
    return tuple(read_specification(path) for path in sorted(LIBRARY.glob(f"*{SUFFIX}")))


def find_specification(name: str) -> Specification:
    """One of the library by its name. Raises UsageError where there is none."""
    known = sorted(path.stem for path in LIBRARY.glob(f"*{SUFFIX}"))
    if name not in known:
        raise UsageError(f"There is no specification {name}", advice=f"Name a file, or one of {', '.join(known)}")
    return read_specification(LIBRARY / f"{name}{SUFFIX}")


def read_specification(path: Path) -> Specification:
    """The specification in a file.

    Raises:
        SpecificationError: the file cannot be read, or is no text.
        FormulaError: the text is no specification; says where and why.
    """
    return parse_specification(read_text(path), path.stem, path)


def read_text(path: Path) -> str:
    """The text of a specification's file, which may be wrong. Raises SpecificationError if there is none."""
    try:
        if path.stat().st_size > _LARGEST:
            raise SpecificationError(
                "This is too large for a specification", advice="Choose another file", file=path
            )
        return path.read_text(encoding="utf-8").removeprefix("\ufeff")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SpecificationError(
            f"The specification cannot be read ({reason})", advice="Check the name and the permissions", file=path
        ) from error
    except UnicodeDecodeError as error:
        raise SpecificationError("This is no text in UTF-8", advice="Choose another file", file=path) from error


def parse_specification(text: str, name: str, file: Path | None = None) -> Specification:
    """The specification of a text. Raises FormulaError."""
    *declarations, formula = cast("list[Any]", read(text, "file", file).children)
    words = {"title": name, "about": ""}
    parameters: dict[str, ParameterSpec] = {}
    for each in declarations:
        if each.data == "parameter":
            found = _parameter(each, text, file)
            if found.name in parameters:
                raise FormulaError(
                    f"the parameter {found.name} is declared twice",
                    advice="Take one of them out",
                    text=text,
                    place=each.children[0].start_pos,
                    file=file,
                )
            parameters[found.name] = found
        else:
            words[str(each.data)] = _plain(each.children[0])
    tree = Builder(text, parameters, file).formula(formula, Scope())
    return Specification(
        name, words["title"], words["about"], tuple(parameters.values()), tree, text, _warnings(tree, text)
    )


def _parameter(tree: Any, text: str, file: Path | None) -> ParameterSpec:
    name, default, low, high, about = tree.children
    values = [None if each is None else _signed(each) for each in (default, low, high)]
    spec = ParameterSpec(str(name), values[0] or 0.0, values[1], values[2], _plain(about))
    try:
        spec.check(spec.default)
    except UsageError as error:
        raise FormulaError(
            f"the default of {name} is outside its range",
            advice=error.advice,
            text=text,
            place=default.meta.start_pos,
            file=file,
        ) from error
    return spec


def _signed(tree: Any) -> float:
    minus, number = tree.children
    return -float(number) if minus else float(number)


def _plain(token: Any) -> str:
    """The text between the quotation marks, on one line."""
    return " ".join(str(token)[1:-1].split())


def _warnings(formula: s.Formula, text: str) -> tuple[str, ...]:
    return tuple(
        f"Line {text.count(chr(10), 0, each.place) + 1} compares with {each.relation}: "
        + (
            "the value of an equality is never above 0, so that nothing satisfies it"
            if each.relation == "="
            else "the value of an inequality is never below 0, so that only exact equality fails it"
        )
        for each in s.equalities(formula)
    )
