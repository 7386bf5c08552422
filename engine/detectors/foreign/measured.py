"""What was measured of a foreign model here: FILE.measured.toml beside FILE.onnx, the card that it came without.

Figures, whether they make it trustworthy, and a calibration, whose scores lie beside in FILE.calibration.json. It
names the model's hash and the way the model is fed: of another file, or of the same one fed otherwise, it says
nothing.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.detectors.calibration import CALIBRATION_FILE, calibration_of
from engine.detectors.cards import card_text, measure_of
from engine.detectors.foreign.settings import ModelSettings
from engine.errors import WeightsError
from engine.results import settings_hash

UNTRUSTED = "it was not measured here, so its probability means nothing by itself"
_FIRST_LINE = "# What Tellframe measured of the ONNX file of the same name beside it.\n"


def measured_path(model: Path) -> Path:
    return model.with_suffix(".measured.toml")


def scores_path(model: Path) -> Path:
    """The score list of the calibration."""
    return model.with_suffix(f".{CALIBRATION_FILE}")


def read_measured(model: Path, sha256: str, settings: ModelSettings) -> dict[str, Any]:
    """Plain data of FILE.measured.toml; empty if nothing was measured of this model as it is fed.

    Raises:
        WeightsError: it cannot be read, or makes no sense.
    """
    path = measured_path(model)
    advice = "Mend it, or remove it and measure the model again with `evaluate` and `calibrate`"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        if (raw["sha256"], raw["description"]) != (sha256, _fed(settings)):
            return {}
        _check(raw)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WeightsError(
            f"What was measured of the model cannot be read ({error})", advice=advice, file=path
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else f"is wrong: {error}"
        raise WeightsError(f"What was measured of the model {what}", advice=advice, file=path) from error
    return raw


def new_measured(sha256: str, settings: ModelSettings, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The same of this model as it is fed now; of an empty one, the beginning of one."""
    begun = {"trustworthy": False, "trust_reason": UNTRUSTED, **raw}
    return {**begun, "sha256": sha256, "description": _fed(settings)}


def measured_bytes(raw: Mapping[str, Any]) -> bytes:
    return (_FIRST_LINE + card_text(raw)).encode()


def write_measured(model: Path, raw: Mapping[str, Any], scores: bytes | None = None) -> None:
    """Put it beside the model, the score list of a new calibration first.

    Raises:
        WeightsError: it cannot be written.
    """
    files = {} if scores is None else {scores_path(model): scores}
    try:
        for path, data in {**files, measured_path(model): measured_bytes(raw)}.items():
            part = path.with_name(path.name + ".part")
            part.write_bytes(data)
            part.replace(path)
    except OSError as error:
        raise WeightsError(
            f"What was measured of the model cannot be written ({error.strerror})",
            advice="Allow writing there, or import the model in the window and name it by its id",
            file=measured_path(model),
        ) from error


def foreign_card(model: Path, sha256: str, settings: ModelSettings) -> dict[str, Any]:
    """What is known of a foreign model, with the words of a card.

    Raises:
        WeightsError: as `read_measured`.
    """
    tables = settings.tables()
    return {
        **new_measured(sha256, settings, read_measured(model, sha256, settings)),
        "architecture": "a foreign ONNX model",
        "size": settings.size,
        "training": {**tables["input"], **tables["output"]},
    }


def _check(raw: Mapping[str, Any]) -> None:
    if not isinstance(raw["trustworthy"], bool) or not isinstance(raw["trust_reason"], str):
        raise TypeError("trustworthy must be true or false, trust_reason a text")
    for row in raw.get("measures", ()):
        measure_of(row)
    calibration_of(raw)


def _fed(settings: ModelSettings) -> str:
    return settings_hash(settings.tables())
