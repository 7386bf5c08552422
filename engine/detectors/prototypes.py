"""The files of prototypes beside the weights: what each is called, stands for and comes from, and how it moves.

`prototypes.json` names them and points into the footage that they were seen in; `prototypes.safetensors` holds the
motion that each has learnt to recognise. Neither holds a picture of anybody.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from engine.detectors.cards import ADVICE, Card
from engine.detectors.files import verified_bytes
from engine.errors import WeightsError
from engine.results import FloatArray, Prototype, PrototypeSource, frozen

PROTOTYPES = "prototypes.json"
MOTIONS = "prototypes.safetensors"
_FLOW = "flow"


def prototype_files(prototypes: Sequence[Prototype], motions: FloatArray) -> dict[str, bytes]:
    """Both files by name.

    Args:
        motions: (m, F, 2, n, n), the flow of each prototype's source inside its box, brought to n x n cells, in
            pixels of what the network sees; kept in half precision.
    """
    text = json.dumps([asdict(each) for each in prototypes], indent=1, ensure_ascii=False)
    return {PROTOTYPES: text.encode(), MOTIONS: safetensors.numpy.save({_FLOW: motions.astype(np.float16)})}


def prototype_names(folder: Path, card: Card) -> tuple[str, ...]:
    """What the prototypes of a network are called, in their order.

    Raises:
        WeightsError: the file is missing, is not the card's, or cannot be read.
    """
    return tuple(each.name for each in _told(folder, card))


def read_prototypes(folder: Path, card: Card, count: int) -> tuple[Prototype, ...]:
    """The prototypes of a network that has `count`: the first half stands for real, the second for fake.

    Raises:
        WeightsError: a file is missing, is not the card's, or does not fit the network.
    """
    found = _told(folder, card)
    labels = [each.label for each in found]
    if labels != ["real"] * (count // 2) + ["fake"] * (count // 2):
        raise WeightsError(
            f"The prototypes are not the {count} of the network, those of real before those of fake",
            advice=ADVICE,
            file=folder / PROTOTYPES,
        )
    if len({each.name for each in found}) < count:
        raise WeightsError("Two prototypes have the same name", advice=ADVICE, file=folder / PROTOTYPES)
    if len(read_motions(folder, card)) != count:
        raise WeightsError("The motions are not those of the prototypes", advice=ADVICE, file=folder / MOTIONS)
    return found


def read_motions(folder: Path, card: Card) -> FloatArray:
    """(m, F, 2, n, n) float32: how each prototype moves, see `prototype_files`. Any thread.

    Raises:
        WeightsError: the file is missing, is not the card's, or holds no motions.
    """
    data = verified_bytes(folder, card, MOTIONS)
    try:
        motions = safetensors.numpy.load(data)[_FLOW]
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(
            f"The motions of the prototypes cannot be read ({error})", advice=ADVICE, file=folder / MOTIONS
        ) from error
    if motions.ndim != 5 or motions.shape[2] != 2:
        raise WeightsError("The motions are not those of prototypes", advice=ADVICE, file=folder / MOTIONS)
    return frozen(motions.astype(np.float32))


def _told(folder: Path, card: Card) -> tuple[Prototype, ...]:
    """All that the file of prototypes tells."""
    data = verified_bytes(folder, card, PROTOTYPES)
    try:
        return tuple(_prototype(entry) for entry in json.loads(data))
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(
            f"The prototypes cannot be read ({error})", advice=ADVICE, file=folder / PROTOTYPES
        ) from error


def _prototype(entry: Mapping[str, Any]) -> Prototype:
    at = entry["source"]
    real, fake = (float(weight) for weight in entry["weights"])
    source = PrototypeSource(
        clip=str(at["clip"]),
        frame=int(at["frame"]),
        crop=_four(at["crop"]),
        cell=(int(at["cell"][0]), int(at["cell"][1])),
        box=_four(at["box"]),
        distance=float(at["distance"]),
        operator=str(at["operator"]),
    )
    return Prototype(str(entry["name"]), str(entry["label"]), (real, fake), source)


def _four(values: Sequence[float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(value) for value in values)
    return x0, y0, x1, y1
