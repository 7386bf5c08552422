"""Weights on disk: `ID/model.safetensors` beside `ID/card.toml`. Reading them never runs code from them.

Further files may belong to them, such as those of prototypes. The card holds the SHA-256 of each, so that none can
be changed or left out without being noticed.
"""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import nn

from engine.detectors.base_weights import Base, base_of, differing, find_base, joined
from engine.detectors.calibration import CALIBRATION_FILE, calibration_bytes
from engine.detectors.cards import ADVICE, CARD, Card, card_text, load_card, parse_card
from engine.detectors.files import MODEL, verified_bytes
from engine.errors import WeightsError

EXPLANATIONS = "explanations.toml"
"""Beside the card, where it was measured: how sane the explanations of these weights are."""


def load_state(folder: Path, card: Card, network: nn.Module) -> None:
    """Fill a network with the weights of a folder, as float32.

    The very bytes that are hashed are the bytes that are loaded. Counters of batch normalisation may be absent.

    Raises:
        WeightsError: a file is missing or has another SHA-256 than the card's; or it is not safetensors, tensors
            are missing, left over, of another shape or not finite.
    """
    path = folder / MODEL
    data = _all_verified(folder, card)[MODEL]
    expected = network.state_dict()
    tensors = _all_tensors(folder, data, expected)
    _check_tensors(path, {n: tuple(t.shape) for n, t in tensors.items()}, expected)
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"The tensor {name} holds values that are not finite", advice=ADVICE, file=path)
    network.load_state_dict({n: t.to(expected[n].dtype) for n, t in tensors.items()}, strict=False)


def check_state(folder: Path, card: Card, network: nn.Module) -> None:
    """The checks of `load_state` on hash, names and shapes without loading; the network may lie on `meta`.

    Raises:
        WeightsError: as `load_state`.
    """
    data = _all_verified(folder, card)[MODEL]
    expected = network.state_dict()
    shapes = _shapes(folder / MODEL)
    base = _base(folder, data)
    if base is not None:
        verified_bytes(base, load_card(base))
        shapes = {n: shape for n, shape in _shapes(base / MODEL).items() if n in expected} | shapes
    _check_tensors(folder / MODEL, shapes, expected)


def _all_tensors(folder: Path, data: bytes, expected: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors in verified bytes, with those of their base that the network expects besides."""
    own, base = _tensors(folder, data), _base(folder, data)
    if base is None:
        return own
    return joined(own, _tensors(base, verified_bytes(base, load_card(base))), expected)


def _tensors(folder: Path, data: bytes) -> dict[str, torch.Tensor]:
    try:
        return safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise _no_safetensors(folder, error) from error


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise _no_safetensors(path.parent, error) from error


def _base(folder: Path, data: bytes) -> Path | None:
    try:
        base = base_of(data)
    except ValueError as error:
        raise _no_safetensors(folder, error) from error
    return None if base is None else find_base(base, folder)


def _no_safetensors(folder: Path, error: Exception) -> WeightsError:
    return WeightsError(f"The weights are no safetensors file ({error})", advice=ADVICE, file=folder / MODEL)


def _all_verified(folder: Path, card: Card) -> dict[str, bytes]:
    return {name: verified_bytes(folder, card, name) for name in (MODEL, *card.files)}


def save_weights(
    folder: Path,
    network: nn.Module,
    card: Mapping[str, Any],
    dtype: torch.dtype,
    files: Mapping[str, bytes] | None = None,
    base: Path | None = None,
) -> Card:
    """Write model.safetensors, card.toml and what else belongs to the weights.

    With a base, the folder of other weights, only the tensors that differ from those are written, if they are
    less than half of all.

    `card` is all of the card but `sha256` and the hashes of `files`, which are put in. The folder appears whole or
    not at all; one that is there is replaced.

    Raises:
        ValueError, KeyError, TypeError: the card is not complete.
        WeightsError: the base is damaged.
        OSError: the folder cannot be written.
    """
    tensors = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    header = None
    if base is not None:
        card_of_base = load_card(base)
        own = differing(tensors, _tensors(base, verified_bytes(base, card_of_base)))
        if 2 * sum(t.nbytes for t in own.values()) < sum(t.nbytes for t in tensors.values()):
            tensors, header = own, Base(card_of_base.id, card_of_base.sha256).header
    data = safetensors.torch.save(tensors, header)
    raw = {**card, "sha256": hashlib.sha256(data).hexdigest()}
    if files:
        raw["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    parsed = parse_card(raw)
    replace_folder(folder, {MODEL: data, CARD: card_text(raw).encode(), **(files or {})})
    return parsed


def copy_weights(source: Path, target: Path) -> None:
    """Copy a checked folder: model, card and what else belongs to them; the target appears whole or not at all.

    Raises:
        WeightsError: the target cannot be written, or the source changed since it was checked.
    """
    card = load_card(source)
    try:
        files = {**_all_verified(source, card), CARD: (source / CARD).read_bytes()}
        if card.calibration is not None:
            files[CALIBRATION_FILE] = calibration_bytes(source, card.calibration)
        if (source / EXPLANATIONS).is_file():
            files[EXPLANATIONS] = (source / EXPLANATIONS).read_bytes()
        replace_folder(target, files)
    except OSError as error:
        raise WeightsError(
            f"The weights cannot be copied ({error.strerror})",
            advice="Make room there or allow writing",
            file=target,
        ) from error


def replace_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` hold just these files; until they are all written the old folder stays."""
    part, old = folder.with_name(folder.name + ".part"), folder.with_name(folder.name + ".old")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        for name, data in files.items():
            (part / name).write_bytes(data)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.replace(old)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if not folder.exists() and old.exists():
            old.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def _check_tensors(path: Path, found: Mapping[str, tuple[int, ...]], expected: Mapping[str, torch.Tensor]) -> None:
    missing = [n for n in expected if n not in found and not n.endswith("num_batches_tracked")]
    extra = [n for n in found if n not in expected]
    if missing or extra:
        faults = [
            f"{len(n)} tensors are {what} ({n[0]})" for n, what in ((missing, "missing"), (extra, "unknown")) if n
        ]
        raise WeightsError(f"The weights do not fit the network: {', '.join(faults)}", advice=ADVICE, file=path)
    for name, shape in found.items():
        wanted = tuple(expected[name].shape)
        if shape != wanted:
            raise WeightsError(
                f"The tensor {name} has the shape {shape} where the network has {wanted}", advice=ADVICE, file=path
            )
