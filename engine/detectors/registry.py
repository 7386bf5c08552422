"""Loads detectors by their ids, and says what is known of their weights."""

from pathlib import Path

import torch

from engine import paths
from engine.detectors.base import AnyDetector, Notify
from engine.detectors.cards import CARD, Card, load_card
from engine.detectors.devices import resolve_device
from engine.detectors.foreign.detector import EXPLAINERS, load_foreign
from engine.detectors.foreign.shelf import foreign_infos, foreign_path, is_foreign
from engine.detectors.frame import FrameDetector
from engine.detectors.onnx_engine import NAME, ONNXRUNTIME, require_sense
from engine.detectors.own import OwnDetector
from engine.detectors.prototypes import read_prototypes
from engine.detectors.specs import SPECS, DetectorSpec, detector_spec
from engine.detectors.weights import check_state, copy_weights, load_state
from engine.errors import WeightsError
from engine.networks.blank import Blank
from engine.networks.dpnet.network import DpNetwork
from engine.results import DetectorInfo, Prototype, empty


def weights_folder(detector_id: str) -> Path | None:
    """The folder that holds the detector's card, the user's own before the shipped one."""
    folders = (folder / detector_id for folder in paths.weights_dirs())
    return next((folder for folder in folders if (folder / CARD).is_file()), None)


def load_detector(
    detector_id: str,
    device: str = "auto",
    precision: str = "auto",
    engine: str = "torch",
    notify: Notify = lambda _: None,
) -> OwnDetector:
    """A detector with verified weights, ready to score.

    Args:
        engine: torch or onnxruntime, which computes the scores; the latter on a CPU and in float32 only.
        notify: told if torch computes them after all.

    Raises:
        UsageError: unknown id, precision or engine, or the engine does not compute so.
        WeightsError: it is not trained, or its weights are not what their card says.
        DeviceError: the device is absent.
    """
    spec = detector_spec(detector_id)
    require_sense(engine, resolve_device(device), precision)
    folder = weights_folder(detector_id)
    if folder is None:
        raise _not_trained(detector_id)
    wanted = engine == ONNXRUNTIME
    runs = wanted and spec.load is FrameDetector
    detector = load_from(folder, detector_id, device, "float32" if runs else precision)
    if runs and isinstance(detector, FrameDetector):
        detector.use_onnx_runtime(notify)
    elif wanted:
        notify(f"torch computes the scores of {detector_id}: {NAME} is there for detectors of single frames")
    return detector


def load_from(folder: Path, detector_id: str, device: str = "auto", precision: str = "auto") -> OwnDetector:
    """A detector with the verified weights of a folder, wherever it lies. Raises as `load_detector`."""
    spec = detector_spec(detector_id)
    where = resolve_device(device)
    card = _fitting_card(spec, folder)
    with Blank():
        network = spec.build(card.size)
    load_state(folder, card, network)
    _prototypes_of(network, folder, card)
    return spec.load(spec.id, network, card, where, precision)


def load_any(
    detector: str,
    device: str = "auto",
    precision: str = "auto",
    engine: str = "torch",
    notify: Notify = lambda _: None,
) -> AnyDetector:
    """A detector of Tellframe by its id, or a foreign model by its id or by the path of its FILE.onnx.

    A foreign model knows no other engine than ONNX Runtime. The arguments are those of `load_detector`.

    Raises:
        UsageError, WeightsError, DeviceError: as `load_detector`.
        DescriptionMissingError: nothing beside the foreign model says how to feed and read it.
    """
    path = foreign_path(detector)
    if path is None:
        return load_detector(detector, device, precision, engine, notify)
    return load_foreign(path, device, precision)


def explainers_of(detector: str) -> tuple[str, ...]:
    """Ids of the explainers that work on what `load_any` would load. Raises UsageError for an unknown id."""
    return EXPLAINERS if is_foreign(detector) else detector_spec(detector).explainers


def judges_clips(detector: str) -> bool:
    """Whether what `load_any` would load looks at clips. Raises UsageError for an unknown id."""
    return not is_foreign(detector) and detector_spec(detector).judges_clips


def detector_infos() -> tuple[DetectorInfo, ...]:
    """All detectors, with what is known of their weights, and the user's foreign models; the files are hashed."""
    return (*(detector_info(spec) for spec in SPECS.values()), *foreign_infos())


def detector_info(spec: DetectorSpec) -> DetectorInfo:
    """What is known of one detector; weights that fail a check make it untrained, with the reason."""
    folder = weights_folder(spec.id)
    card, problem = None, ""
    prototypes: tuple[Prototype, ...] = ()
    try:
        if folder is None:
            raise _not_trained(spec.id)
        card, prototypes = _checked(spec, folder)
    except WeightsError as error:
        problem = str(error)
    return DetectorInfo(
        id=spec.id,
        name=spec.name,
        paper=spec.paper,
        trained=card is not None,
        weights_sha256=card.sha256 if card else "",
        card=card.raw if card else empty(),
        problem=problem,
        explainers=spec.explainers,
        folder=str(folder or ""),
        prototypes=prototypes,
    )


def import_weights(folder: Path) -> DetectorInfo:
    """Check a folder with model.safetensors and card.toml and make it the user's weights of its detector.

    Raises:
        WeightsError: it does not hold fitting weights, or it cannot be copied; what was there stays.
    """
    card = load_card(folder)
    if card.id not in SPECS:
        raise WeightsError(
            f"The weights are for {card.id}, which is no detector of Tellframe",
            advice=f"Import weights for one of {', '.join(SPECS)}",
            file=folder / CARD,
        )
    spec = SPECS[card.id]
    _checked(spec, folder)
    copy_weights(folder, paths.weights_dirs()[0] / spec.id)
    return detector_info(spec)


def _checked(spec: DetectorSpec, folder: Path) -> tuple[Card, tuple[Prototype, ...]]:
    card = _fitting_card(spec, folder)
    with torch.device("meta"), Blank():
        network = spec.build(card.size)
    check_state(folder, card, network)
    return card, _prototypes_of(network, folder, card)


def _prototypes_of(network: torch.nn.Module, folder: Path, card: Card) -> tuple[Prototype, ...]:
    """What is said of the prototypes of a network that has any; it may lie on `meta`."""
    if not isinstance(network, DpNetwork):
        return ()
    return read_prototypes(folder, card, len(network.prototypes.vectors))


def _fitting_card(spec: DetectorSpec, folder: Path) -> Card:
    card = load_card(folder)
    if (card.id, card.architecture) != (spec.id, spec.architecture):
        raise WeightsError(
            f"The card is for {card.id} ({card.architecture}), not for {spec.id} ({spec.architecture})",
            advice="Put the folder of the right detector there",
            file=folder / CARD,
        )
    return card


def _not_trained(detector_id: str) -> WeightsError:
    return WeightsError(
        f"The detector {detector_id} is not trained: no weights were found for it",
        advice=f"Train it with `python main.py train {detector_id}`, or import a folder with its weights",
    )
