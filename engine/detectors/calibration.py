"""The calibration in a card: from a video's fake probability to a likelihood ratio, and where that may be done."""

import datetime as dt
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import WeightsError

CALIBRATION_FILE = "calibration.json"
"""Beside the card: the pool's score list and the points of its plots."""
METHODS = ("logistic", "pav")
CLIP = 1e-6
"""Probabilities are kept this far from 0 and 1 before their logit is taken."""

RANGES = ("face_px", "scored_frames", "scored_seconds", "faces", "bits_per_pixel", "fps", "short_side_px")
"""The measured conditions, each with a lowest and a highest value."""
OPEN_ABOVE = ("scored_frames", "scored_seconds")
"""Those that may be larger than in the pool: a mean over more frames scatters less, which the LR understates.
A card gives only their lowest value."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The conditions of the pool.

    Attributes:
        ranges: of RANGES, lowest and highest value at which there were real and forged ones.
        codecs: in which there were real and forged ones.
        precision: in which the scores were computed.
    """

    ranges: Mapping[str, tuple[float, float]]
    codecs: tuple[str, ...]
    precision: str


@dataclass(frozen=True, slots=True)
class Pool:
    """What a calibration was made with.

    Attributes:
        data: the data set and its split.
        n_real, n_forged, n_pseudo_fakes: videos; pseudo-fakes are among the forged.
        persons, groups: how many, and how many groups of persons that no video ties together.
        methods: of the forgeries, with their number of videos.
        sources: of the videos, with their number.
        left_out: why videos of the split were not used, with their number.
        every: each n-th frame was scored.
    """

    data: str
    n_real: int
    n_forged: int
    n_pseudo_fakes: int
    persons: int
    groups: int
    methods: Mapping[str, int]
    sources: Mapping[str, int]
    left_out: Mapping[str, int]
    every: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """The table [calibration] of a card.

    Attributes:
        method: logistic or pav.
        knots: (x, y) of the map from the logit of the probability to log10 LR: for logistic slope and intercept,
            for pav the points between which it is linear.
        low, high: empirical bounds of log10 LR.
        cllr: of the cross-validated likelihood ratios, with its 95 % interval.
        cllr_min: of the same after the best monotone map, with its interval.
        ece: expected calibration error at the pool's own share of forged ones.
        sha256: of calibration.json.
    """

    method: str
    knots: tuple[tuple[float, ...], tuple[float, ...]]
    low: float
    high: float
    cllr: tuple[float, float, float]
    cllr_min: tuple[float, float, float]
    ece: float
    pool: Pool
    limits: Limits
    date: str
    sha256: str

    def log10_ratio(self, probability: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Fake probabilities of videos -> log10 LR within the bounds."""
        score, (x, y) = logit(probability), self.knots
        raw = x[0] * score + y[0] if self.method == "logistic" else np.interp(score, x, y)
        return np.clip(raw, self.low, self.high)


def logit(probability: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Natural logarithm of the odds, finite at 0 and 1 too."""
    p = np.clip(np.asarray(probability, np.float64), CLIP, 1 - CLIP)
    return np.asarray(np.log(p) - np.log1p(-p))


def calibration_of(card: Mapping[str, Any]) -> Calibration | None:
    """The calibration in a card's plain data, None if it has none.

    Raises:
        KeyError, TypeError, ValueError: a field is missing, unknown, or makes no sense.
    """
    table = card.get("calibration")
    return None if table is None else parse_calibration(table, str(card["sha256"]).lower())


def parse_calibration(raw: Mapping[str, Any], weights_sha256: str) -> Calibration:
    """The table [calibration] of plain data.

    Raises:
        KeyError, TypeError, ValueError: as `calibration_of`; also where it was made for other weights.
    """
    if not isinstance(raw, Mapping):
        raise TypeError("calibration must be a table")
    _known(raw, "calibration", _FIELDS)
    if raw["weights_sha256"] != weights_sha256:
        raise ValueError("the calibration was made for other weights")
    pool = _pool(_table(raw, "pool"))
    low, high = _reals(raw, "bounds", 2)
    lowest, highest = -math.log10(pool.n_forged + 1), math.log10(pool.n_real + 1)
    if not lowest - 1e-4 <= low <= 0 <= high <= highest + 1e-4:
        raise ValueError(f"the bounds {raw['bounds']} of log10 LR do not fit the size of the pool")
    cllr, cllr_min = _reals(raw, "cllr", 3), _reals(raw, "cllr_min", 3)
    ece = _real(raw["ece"], "ece")
    if min(*cllr, *cllr_min, ece) < 0 or cllr[1] > cllr[2] or cllr_min[1] > cllr_min[2] or ece > 1:
        raise ValueError("the figures of the calibration make no sense")
    dt.date.fromisoformat(raw["date"])
    if len(raw["sha256"]) != 64 or set(raw["sha256"]) - set("0123456789abcdef"):
        raise ValueError("sha256 of the calibration must have 64 hexadecimal digits")
    return Calibration(
        method=raw["method"],
        knots=_knots(raw["method"], _table(raw, "parameters")),
        low=low,
        high=high,
        cllr=(cllr[0], cllr[1], cllr[2]),
        cllr_min=(cllr_min[0], cllr_min[1], cllr_min[2]),
        ece=ece,
        pool=pool,
        limits=_limits(_table(raw, "conditions")),
        date=raw["date"],
        sha256=raw["sha256"],
    )


def calibration_bytes(folder: Path, calibration: Calibration) -> bytes:
    """The very bytes of calibration.json (of a foreign model, FILE.calibration.json) that go with the card.

    Raises:
        WeightsError: it cannot be read, or is another file.
    """
    path = next(folder.glob(f"*.{CALIBRATION_FILE}"), folder / CALIBRATION_FILE)
    advice = "Get the folder again from where it came, or calibrate anew with `python main.py calibrate`"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"The calibration's scores cannot be read ({error.strerror})", advice=advice, file=path
        ) from error
    if hashlib.sha256(data).hexdigest() != calibration.sha256:
        raise WeightsError("The calibration's scores are not those of the card", advice=advice, file=path)
    return data


_FIELDS = (
    "method", "parameters", "bounds", "cllr", "cllr_min", "ece", "date", "sha256", "weights_sha256", "pool",
    "conditions",
)  # fmt: skip
_COUNTS = ("n_real", "n_forged", "n_pseudo_fakes", "persons", "groups", "every")
_TABLES = ("methods", "sources", "left_out")


def _knots(method: str, raw: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if method == "logistic":
        _known(raw, "parameters", ("slope", "intercept"))
        slope = _real(raw["slope"], "slope")
        if slope <= 0:
            raise ValueError("the slope of the calibration must be positive")
        return (slope,), (_real(raw["intercept"], "intercept"),)
    if method == "pav":
        _known(raw, "parameters", ("score", "log10_lr"))
        x, y = (tuple(_real(v, name) for v in raw[name]) for name in ("score", "log10_lr"))
        if len(x) != len(y) or len(x) < 2 or (np.diff(x) <= 0).any() or (np.diff(y) < 0).any() or y[0] == y[-1]:
            raise ValueError("the points of the calibration must rise")
        return x, y
    raise ValueError(f"there is no calibration method {method}, only {', '.join(METHODS)}")


def _pool(raw: Mapping[str, Any]) -> Pool:
    _known(raw, "pool", ("data", *_COUNTS, *_TABLES))
    counts = {name: _count(raw[name], name) for name in _COUNTS}
    tables = {
        name: MappingProxyType({str(k): _count(v, name) for k, v in _table(raw, name).items()}) for name in _TABLES
    }
    if min(counts["n_real"], counts["n_forged"], counts["every"], counts["groups"]) < 1:
        raise ValueError("the pool of the calibration lacks real or forged videos")
    if sum(tables["methods"].values()) != counts["n_forged"] or counts["n_pseudo_fakes"] > counts["n_forged"]:
        raise ValueError("the methods of the pool do not add up to its forged videos")
    return Pool(data=str(raw["data"]), **counts, **tables)  # type: ignore[arg-type]


def _limits(raw: Mapping[str, Any]) -> Limits:
    _known(raw, "conditions", (*RANGES, "codecs", "precision"))
    ranges = {}
    for name in RANGES:
        values: Sequence[Any] = raw[name]
        least = 1 if name in OPEN_ABOVE else 2
        if not isinstance(values, list | tuple) or not least <= len(values) <= 2:
            raise TypeError(f"{name} must be a lowest and a highest value")
        low = _real(values[0], name)
        high = _real(values[1], name) if len(values) == 2 else math.inf
        if not 0 <= low <= high:
            raise ValueError(f"{name} from {low:g} to {high:g} is no range")
        ranges[name] = (low, high)
    codecs = tuple(raw["codecs"])
    if not codecs or not all(isinstance(name, str) for name in (*codecs, raw["precision"])):
        raise TypeError("codecs must be a list of names, precision a name")
    return Limits(MappingProxyType(ranges), codecs, raw["precision"])


def _known(raw: Mapping[str, Any], what: str, names: Sequence[str]) -> None:
    unknown, missing = set(raw) - set(names), [name for name in names if name not in raw]
    if unknown:
        raise ValueError(f"{what} has the unknown field {min(unknown)}")
    if missing:
        raise KeyError(f"{what}.{missing[0]}")


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(raw[name], Mapping):
        raise TypeError(f"{name} must be a table")
    return dict(raw[name])


def _reals(raw: Mapping[str, Any], name: str, count: int) -> tuple[float, ...]:
    if not isinstance(raw[name], list | tuple) or len(raw[name]) != count:
        raise ValueError(f"{name} must be a list of {count} numbers")
    return tuple(_real(value, name) for value in raw[name])


def _real(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{name} must be a finite number")
    return float(value)


def _count(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"{name} must be a whole number")
    return value
