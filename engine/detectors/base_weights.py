"""Weights that hold only what differs from other weights: heads on a trunk that stays as it is.

model.safetensors names its base in its own header, so that the SHA-256 of the file stands for all of the network:
the header pins the very bytes of the base.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from engine import paths
from engine.detectors.cards import CARD, load_card
from engine.errors import WeightsError

_ID, _SHA256 = "base", "base_sha256"


@dataclass(frozen=True, slots=True)
class Base:
    """Of which weights the rest is: the detector's id, and the SHA-256 of its model.safetensors."""

    id: str
    sha256: str

    @property
    def header(self) -> dict[str, str]:
        """For the header of a safetensors file."""
        return {_ID: self.id, _SHA256: self.sha256}


def base_of(data: bytes) -> Base | None:
    """What the header of a safetensors file names as its base; None if it holds all by itself.

    Raises:
        ValueError: the header cannot be read.
    """
    length = int.from_bytes(data[:8], "little")
    if not 0 < length <= len(data) - 8:
        raise ValueError("the header is cut off")
    header = json.loads(data[8 : 8 + length])
    said = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(said, dict) or not {_ID, _SHA256} <= set(said):
        return None
    return Base(str(said[_ID]), str(said[_SHA256]))


def find_base(base: Base, folder: Path) -> Path:
    """The folder of the base: beside the weights that name it, or where the application keeps weights.

    Raises:
        WeightsError: it is nowhere.
    """
    if Path(base.id).name == base.id:  # a name, no path
        for parent in dict.fromkeys((folder.parent, *paths.weights_dirs())):
            place = parent / base.id
            if (place / CARD).is_file() and load_card(place).sha256 == base.sha256:
                return place
    raise WeightsError(
        f"These weights are heads on the trunk of {base.id} ({base.sha256[:12]}), which is not there",
        advice=f"Put the folder {base.id} with just those weights beside this one",
        file=folder,
    )


def differing(tensors: Mapping[str, torch.Tensor], base: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Those that the base does not hold bit for bit."""
    return {
        name: tensor
        for name, tensor in tensors.items()
        if name not in base or base[name].dtype != tensor.dtype or not torch.equal(base[name], tensor)
    }


def joined(
    own: Mapping[str, torch.Tensor], base: Mapping[str, torch.Tensor], expected: Iterable[str]
) -> dict[str, torch.Tensor]:
    """All tensors of a network: its own, and of the base those that it lacks."""
    return {name: base[name] for name in expected if name in base and name not in own} | dict(own)
