"""The card of a set of weights: what they are, how they were made, what was measured, what they cannot do."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.detectors.calibration import Calibration, calibration_of
from engine.errors import WeightsError

CARD = "card.toml"
_FILE = re.compile(r"[a-z][a-z0-9-]*\.[a-z]+")
ADVICE = "Get the folder again from where it came, or train with `python main.py train`"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure with its 95% confidence interval, and on what it was measured."""

    protocol: str
    data: str
    metric: str
    value: float
    low: float
    high: float
    n_real: int
    n_fake: int
    date: str


@dataclass(frozen=True, slots=True)
class Card:
    """What card.toml says; `raw` is all of it as plain data, with whatever further fields there are.

    Attributes:
        id: the detector.
        architecture: name of the network that the weights fit.
        size: side of the crop, pixels.
        margin: share of the face's box added on each side of the crop.
        aligned: whether the landmarks bring the face to its mean place.
        classes: names of label 0 and label 1.
        mean, std: per RGB channel, for pictures scaled to [0, 1].
        sha256: of model.safetensors.
        files: SHA-256 of each further file that belongs to the weights, by its name.
        date: of the end of training, ISO 8601.
        trustworthy: whether its probability may take part in the verdict of a video.
        trust_reason: why, or why not.
        bf16_deviation: how far bf16 moves a probability around one half (100 crops); None: not measured.
        training: data, licences, seed, settings.
        measures: figures with intervals.
        limits: what it was not made for.
        calibration: from probability to likelihood ratio; None if it was never calibrated.
    """

    id: str
    architecture: str
    size: int
    margin: float
    aligned: bool
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sha256: str
    date: str
    trustworthy: bool
    trust_reason: str
    bf16_deviation: float | None
    training: Mapping[str, Any]
    measures: tuple[Measure, ...]
    limits: Mapping[str, Any]
    calibration: Calibration | None
    files: Mapping[str, str]
    raw: Mapping[str, Any]


def load_card(folder: Path) -> Card:
    """Read and check `folder/card.toml`.

    Raises:
        WeightsError: it is missing, no TOML, or a field is missing or of the wrong kind.
    """
    path = folder / CARD
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError("The weights have no card", advice=ADVICE, file=path) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WeightsError(
            f"The card of the weights cannot be read ({error})", advice=ADVICE, file=path
        ) from error
    try:
        return parse_card(raw)
    except (KeyError, TypeError, ValueError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else f"is wrong: {error}"
        raise WeightsError(f"The card of the weights {what}", advice=ADVICE, file=path) from error


def parse_card(raw: Mapping[str, Any]) -> Card:
    """The card of plain data as TOML holds it.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or makes no sense.
    """
    deviation = raw.get("bf16_deviation")
    card = Card(
        id=_text(raw, "id"),
        architecture=_text(raw, "architecture"),
        size=int(raw["size"]),
        margin=float(raw["margin"]),
        aligned=_truth(raw, "aligned") if "aligned" in raw else False,
        classes=tuple(raw["classes"]),
        mean=_three(raw, "mean"),
        std=_three(raw, "std"),
        sha256=_text(raw, "sha256").lower(),
        date=str(raw["date"]),
        trustworthy=_truth(raw, "trustworthy"),
        trust_reason=_text(raw, "trust_reason"),
        bf16_deviation=None if deviation is None else float(deviation),
        training=MappingProxyType(dict(raw.get("training", {}))),
        measures=tuple(measure_of(row) for row in raw.get("measures", ())),
        limits=MappingProxyType(dict(raw.get("limits", {}))),
        calibration=calibration_of(raw),
        files=MappingProxyType({str(name): str(mark).lower() for name, mark in raw.get("files", {}).items()}),
        raw=MappingProxyType(dict(raw)),
    )
    if card.classes != ("real", "fake"):
        raise ValueError(f"classes must be real, fake in this order, not {', '.join(map(str, card.classes))}")
    if card.size < 1 or card.margin < 0 or min(card.std) <= 0:
        raise ValueError("size and std must be positive, margin not negative")
    for mark in (card.sha256, *card.files.values()):
        if len(mark) != 64 or set(mark) - set("0123456789abcdef"):
            raise ValueError("sha256 must have 64 hexadecimal digits")
    for name in card.files:
        if not _FILE.fullmatch(name) or name in (CARD, "model.safetensors"):
            raise ValueError(f"{name} is no name for a file beside the card")
    return card


def card_text(raw: Mapping[str, Any]) -> str:
    """Plain data as TOML: scalars and lists first, then tables and lists of tables; other depths do not occur."""
    lines, tables = [], []
    for key, value in raw.items():
        if isinstance(value, Mapping):
            tables += ["", f"[{key}]", *(f"{_key(k)} = {_toml(v)}" for k, v in value.items())]
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            for row in value:
                tables += ["", f"[[{key}]]", *(f"{k} = {_toml(v)}" for k, v in row.items())]
        else:
            lines.append(f"{key} = {_toml(value)}")
    return "\n".join(lines + tables) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)  # TOML's basic strings are JSON's
        case int() | float():
            return repr(value)
        case list() | tuple():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case Mapping():
            return "{ " + ", ".join(f"{json.dumps(str(k))} = {_toml(v)}" for k, v in value.items()) + " }"
    raise TypeError(f"a card cannot hold {value!r}")


def _text(raw: Mapping[str, Any], key: str) -> str:
    if not isinstance(raw[key], str):
        raise TypeError(f"{key} must be a text")
    return str(raw[key])


def _truth(raw: Mapping[str, Any], key: str) -> bool:
    if not isinstance(raw[key], bool):
        raise TypeError(f"{key} must be true or false")
    return bool(raw[key])


def _three(raw: Mapping[str, Any], key: str) -> tuple[float, ...]:
    numbers = tuple(float(x) for x in raw[key])
    if len(numbers) != 3:
        raise ValueError(f"{key} must have three numbers")
    return numbers


def measure_of(row: Mapping[str, Any]) -> Measure:
    """A row of [[measures]]. Raises KeyError, TypeError, ValueError where it is none."""
    return Measure(
        protocol=str(row["protocol"]),
        data=str(row["data"]),
        metric=str(row["metric"]),
        value=float(row["value"]),
        low=float(row["low"]),
        high=float(row["high"]),
        n_real=int(row["n_real"]),
        n_fake=int(row["n_fake"]),
        date=str(row["date"]),
    )
