"""The files of weights, each what its card says or an error; without torch, for the window reads some, too."""

import hashlib
from pathlib import Path

from engine.detectors.cards import ADVICE, Card
from engine.errors import WeightsError

MODEL = "model.safetensors"


def verified_bytes(folder: Path, card: Card, name: str = MODEL) -> bytes:
    """The bytes of model.safetensors, or of another file that belongs to the weights.

    Raises:
        WeightsError: the card knows no such file, it cannot be read, or its SHA-256 is not the card's.
    """
    path = folder / name
    wanted = card.sha256 if name == MODEL else card.files.get(name)
    if wanted is None:
        raise WeightsError(
            f"The card does not name {name}, which belongs to these weights", advice=ADVICE, file=path
        )
    what = "The weights" if name == MODEL else f"The file {name} of the weights"
    be, have, those = ("are", "are missing", "those") if name == MODEL else ("is", "is missing", "that")
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = have if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise WeightsError(f"{what} {reason}", advice=ADVICE, file=path) from error
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise WeightsError(
            f"{what} {be} not {those} of their card (SHA-256 is {found[:12]}, the card says {wanted[:12]})",
            advice=ADVICE,
            file=path,
        )
    return data
