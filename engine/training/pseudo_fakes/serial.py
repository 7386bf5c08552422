"""Drawn parameters as plain data for JSON, and back."""

from dataclasses import asdict, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from engine.errors import DataError
from engine.training.pseudo_fakes.clips import ClipForgery
from engine.training.pseudo_fakes.operators import OPERATORS

T = TypeVar("T")


def forgery_to_plain(forgery: ClipForgery) -> dict[str, Any]:
    """As JSON holds it; operators by their ids."""
    data = asdict(forgery)
    named = zip(forgery.ids, forgery.operators, strict=False)
    data["operators"] = [{"id": name} | asdict(each) for name, each in named]
    return data


def forgery_from_plain(data: dict[str, Any]) -> ClipForgery:
    """The forgery that `forgery_to_plain` wrote.

    Raises:
        DataError: something is missing, unknown or of the wrong type.
    """
    try:
        rest = dict(data)
        operators: list[Any] = []
        for each in rest.pop("operators"):
            parameters = {key: value for key, value in each.items() if key != "id"}
            operators.append(from_plain(OPERATORS[each["id"]].parameters, parameters))
        return from_plain(ClipForgery, rest | {"operators": tuple(operators)})
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"These are no parameters of a forged clip ({error})", advice="Use those that pseudo-fake wrote"
        ) from error


def from_plain(kind: type[T], data: Any) -> T:
    """A value of `kind` (dataclasses, tuples, unions with None, plain values) from plain data.

    Raises:
        ValueError, TypeError: it does not fit.
    """
    return _value(kind, data)  # type: ignore[no-any-return]


def _value(kind: Any, data: Any) -> Any:
    origin, inside = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return data if isinstance(data, kind) else _dataclass(kind, data)  # type: ignore[arg-type]
    if origin is tuple:
        kinds = [inside[0]] * len(data) if len(inside) == 2 and inside[1] is Ellipsis else list(inside)
        return tuple(_value(each, value) for each, value in zip(kinds, data, strict=True))
    if origin in (Union, UnionType):
        if data is None and NoneType in inside:
            return None
        matching = [each for each in inside if is_dataclass(each) and isinstance(data, each)]  # type: ignore[arg-type]
        return data if matching else _value(next(each for each in inside if each is not NoneType), data)
    if origin is not None:  # Literal
        if data not in inside:
            raise ValueError(f"{data!r} is none of {', '.join(map(str, inside))}")
        return data
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind):
        raise TypeError(f"{data!r} is no {kind.__name__}")
    return data


def _dataclass(kind: Any, data: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    names = {field.name for field in fields(kind)}
    if set(data) != names:
        raise ValueError(f"{kind.__name__} has the fields {', '.join(sorted(names))}")
    return kind(**{name: _value(hints[name], value) for name, value in data.items()})
