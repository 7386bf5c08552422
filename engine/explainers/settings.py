"""What of an explainer can be set: declared once as a frozen dataclass, checked once, listed to whoever asks.

    @dataclass(frozen=True)
    class BlurSettings(ExplainerSettings):
        radius: int = whole(3, 1, 99, "radius in pixels")

A value may be given as what it is or as text, as the command line has it; both make the same settings.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, TypeVar

from engine.errors import UsageError
from engine.results import SettingInfo

Chosen = TypeVar("Chosen", bound="ExplainerSettings")
Number = TypeVar("Number", int, float)

NO_NAMES: Mapping[str, Sequence[str]] = MappingProxyType({})

_RULE = "rule"
_SWITCH = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a setting may be.

    Attributes:
        read: makes a value of what was given; raises TypeError or ValueError for what it may not be.
        info: the same for whoever asks, still without its name.
    """

    read: Callable[[object], object]
    info: SettingInfo


@dataclass(frozen=True)
class ExplainerSettings:
    """Base of all. Every field is declared with one of the functions below.

    Raises:
        UsageError: a value is not what its field allows; the error names the setting and what is allowed.
    """

    def __post_init__(self) -> None:
        for each in fields(self):
            rule: _Rule = each.metadata[_RULE]
            given = getattr(self, each.name)
            try:
                value = rule.read(given)
            except (TypeError, ValueError):
                raise UsageError(
                    f"The setting {each.name} cannot be {given}", advice=f"Give {rule.info.allowed}"
                ) from None
            object.__setattr__(self, each.name, value)


def whole(default: int, low: int, high: int, meaning: str) -> Any:
    """A field: a whole number from low to high."""

    def read(given: object) -> int:
        if isinstance(given, bool) or not isinstance(given, int | str):
            raise TypeError
        return _within(int(given), low, high)

    return _field(read, SettingInfo("", default, meaning, "whole", low, high))


def real(default: float, low: float, high: float, meaning: str) -> Any:
    """A field: a number from low to high."""

    def read(given: object) -> float:
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            raise TypeError
        return _within(float(given), low, high)

    return _field(read, SettingInfo("", default, meaning, "real", low, high))


def choice(default: str, options: tuple[str, ...], meaning: str) -> Any:
    """A field: one of some words."""

    def read(given: object) -> str:
        if given not in options:
            raise ValueError
        return str(given)

    return _field(read, SettingInfo("", default, meaning, "choice", options=options))


def named(meaning: str) -> Any:
    """A field: a name of which the explainer says, detector by detector, what it may be; see `settings_of`."""

    def read(given: object) -> str:
        if not isinstance(given, str):
            raise TypeError
        return given

    return _field(read, SettingInfo("", "", meaning, "choice"))


def switch(default: bool, meaning: str) -> Any:
    """A field: on or off."""

    def read(given: object) -> bool:
        value = _SWITCH.get(given.lower()) if isinstance(given, str) else given
        if not isinstance(value, bool):
            raise TypeError
        return value

    return _field(read, SettingInfo("", default, meaning, "switch"))


def settings_of(
    kind: type[Chosen],
    explainer_id: str,
    given: Mapping[str, object],
    names: Mapping[str, Sequence[str]] = NO_NAMES,
) -> Chosen:
    """Settings with some values given and the others by default.

    Args:
        names: for each `named` field what it may be, its default first.

    Raises:
        UsageError: there is no such setting, or a value is not allowed.
    """
    known = [each.name for each in fields(kind)]
    for name in given:
        if name not in known:
            raise UsageError(
                f"The explainer {explainer_id} has no setting {name}",
                advice=f"Choose one of {', '.join(known)}" if known else "Leave the settings out",
            )
    for name, allowed in names.items():
        if name in given and given[name] not in allowed:
            raise UsageError(
                f"The setting {name} cannot be {given[name]}", advice=f"Give one of {', '.join(allowed)}"
            )
    return kind(**{**{name: allowed[0] for name, allowed in names.items()}, **given})


def setting_infos(
    kind: type[ExplainerSettings], names: Mapping[str, Sequence[str]] = NO_NAMES
) -> tuple[SettingInfo, ...]:
    """All settings in the order of their declaration; `names` as for `settings_of`."""
    found = []
    for each in fields(kind):
        rule: _Rule = each.metadata[_RULE]
        info = replace(rule.info, name=each.name)
        own = tuple(names.get(each.name, ()))
        found.append(replace(info, default=own[0], options=own) if own else info)
    return tuple(found)


def _field(read: Callable[[object], object], info: SettingInfo) -> Any:
    return field(default=info.default, metadata={_RULE: _Rule(read, info)})


def _within(value: Number, low: Number, high: Number) -> Number:
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError
    return value
