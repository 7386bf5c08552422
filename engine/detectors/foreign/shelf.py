"""Where foreign models lie: at a path that the user gives, or among the user's weights as ID/NAME.onnx."""

import hashlib
import tomllib
from dataclasses import replace
from pathlib import Path

from engine import paths
from engine.detectors.cards import card_text
from engine.detectors.foreign.client import ModelProcess, onnx_provider
from engine.detectors.foreign.description import Description, is_model_file
from engine.detectors.foreign.detector import PREFIX, detector_id, foreign_info
from engine.detectors.foreign.measured import (
    foreign_card,
    measured_bytes,
    measured_path,
    new_measured,
    read_measured,
    scores_path,
)
from engine.detectors.foreign.settings import (
    ModelSettings,
    known_settings,
    parse_settings,
    read_settings,
    settings_path,
)
from engine.detectors.weights import replace_folder
from engine.errors import TellframeError, UsageError, WeightsError
from engine.results import DetectorInfo


def is_foreign(detector: str) -> bool:
    """Whether a detector's name means a foreign model: a path that ends in .onnx, or an id that it was given."""
    return is_model_file(detector) or detector.startswith(PREFIX)


def foreign_path(detector: str) -> Path | None:
    """The file of a foreign model by its path or id; None for what is none.

    Raises:
        UsageError: no model of that id was imported.
    """
    if is_model_file(detector):
        return Path(detector)
    if not detector.startswith(PREFIX):
        return None
    folder = _folder() / detector
    found = sorted(folder.glob("*.onnx")) if folder.parent == _folder() else []
    if len(found) != 1:
        raise UsageError(
            f"There is no foreign model {detector}", advice="Give the path of its FILE.onnx, or import it anew"
        )
    return found[0]


def describe_model(path: Path) -> tuple[Description, ModelSettings | None]:
    """What a file says of itself, and how it is fed and read as far as that is written down beside or inside it.

    Raises:
        WeightsError: it cannot be used.
    """
    process = ModelProcess(path)
    try:
        description = process.describe()
    finally:
        process.close()
    try:
        return description, read_settings(description)
    except WeightsError:
        return description, known_settings(description)


def import_model(path: Path, settings: ModelSettings) -> str:
    """Try a model with these settings and copy it to the user's weights; its id.

    Raises:
        WeightsError: it cannot be used so, or not be copied; what was there stays.
    """
    process = ModelProcess(path)
    try:
        description = process.describe()
        known = read_measured(path, description.sha256, settings)
        if len(description.outputs) == 1:
            settings = replace(settings, output="")
        process.start(settings, threads=1, provider=onnx_provider("cpu")[1])
    finally:
        process.close()
    new = detector_id(path, description.sha256, settings)
    text = card_text({"onnx_sha256": description.sha256, **settings.tables()})
    measured: dict[str, bytes] = {}
    try:
        if known:
            measured[measured_path(path).name] = measured_bytes(new_measured(description.sha256, settings, known))
        if "calibration" in known:
            measured[scores_path(path).name] = scores_path(path).read_bytes()
        files = {each: (path.parent / each).read_bytes() for each in (path.name, *description.beside)}
        if _digest(files[path.name], [files[name] for name in description.beside]) != description.sha256:
            raise WeightsError("The model changed while it was copied", advice="Import it again", file=path)
        replace_folder(_folder() / new, {**files, settings_path(path).name: text.encode(), **measured})
    except OSError as error:
        raise WeightsError(
            f"The model cannot be copied ({error.strerror})", advice="Make room there or allow writing", file=path
        ) from error
    return new


def foreign_infos() -> tuple[DetectorInfo, ...]:
    """The models that were imported; their files are hashed, and nothing of them is run."""
    found = sorted(_folder().glob(f"{PREFIX}*/*.onnx"))
    return tuple(_info(path) for path in found)


def _info(path: Path) -> DetectorInfo:
    named = path.parent.name
    try:
        ours = (path, settings_path(path), measured_path(path), scores_path(path))
        beside = sorted(each for each in path.parent.iterdir() if each not in ours)
        sha256 = _digest(path.read_bytes(), [each.read_bytes() for each in beside])
        raw = tomllib.loads(settings_path(path).read_text(encoding="utf-8"))
        settings = parse_settings(raw)
        card = foreign_card(path, sha256, settings)
    except (OSError, KeyError, TypeError, ValueError, TellframeError) as error:
        return foreign_info(named, path, {}, f"{path}: {error}. Import it anew")
    changed = detector_id(path, sha256, settings) != named
    problem = f"{path}: the model or its description is no longer what was imported. Import it anew"
    return foreign_info(named, path, card, problem if changed else "")


def _digest(model: bytes, beside: list[bytes]) -> str:
    digest = hashlib.sha256(model)
    for part in beside:
        digest.update(part)
    return digest.hexdigest()


def _folder() -> Path:
    return paths.weights_dirs()[0]
