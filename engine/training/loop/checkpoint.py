"""The state of a run on disk: tensors as safetensors, the rest as JSON. Nothing that is loaded can run code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from engine.errors import DataError

_NAME = "checkpoint.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """Everything a run needs to go on as if it had never stopped.

    Attributes:
        tensors: of all that is trained ("module."), the average ("average."), the best so far ("best."), the
            optimiser ("optimiser.") and the losses since the last validation ("sums.").
        state: plain data: the step, the configuration's fingerprint, the history.
    """

    tensors: Mapping[str, Tensor]
    state: Mapping[str, Any]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors under `prefix.`, by their own names."""
        return {k.removeprefix(prefix + "."): v for k, v in self.tensors.items() if k.startswith(prefix + ".")}


def save_checkpoint(folder: Path, parts: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
    """Write atomically: a run killed in the middle leaves the last whole checkpoint."""
    tensors = {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / _NAME, tensors, {"state": json.dumps(state)})


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """One safetensors file, by way of NAME.part."""
    part = path.with_name(path.name + ".part")
    save_file({name: value.detach().contiguous().clone() for name, value in tensors.items()}, part, dict(metadata))
    part.replace(path)


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The checkpoint of a folder, None if there is none.

    Raises:
        DataError: there is one and it cannot be read.
    """
    path = folder / _NAME
    if not path.is_file():
        return None
    try:
        tensors = load_file(path)
        state = json.loads(_metadata(path)["state"])
    except (SafetensorError, ValueError, KeyError) as error:
        raise DataError(
            f"The checkpoint cannot be read ({error})", advice="Remove it and start the training anew", file=path
        ) from error
    return Checkpoint(tensors, state)


def _metadata(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        metadata: dict[str, str] = json.loads(file.read(length))["__metadata__"]
    return metadata
