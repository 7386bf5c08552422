"""What prototypes are called: real, or after what forged the clip that they come from."""

from collections import Counter
from collections.abc import Sequence

from engine.results import Prototype, PrototypeSource
from engine.training.clips.batches import ClipPair
from engine.training.datasets.base import Item
from engine.training.dpnet.projection import CLASSES

_PARTS = {
    "hull": "face",
    "no-forehead": "face",
    "mouth-chin": "mouth",
    "eyes-brows": "eyes",
    "nose-mouth": "nose and mouth",
}


def forged_by(pair: ClipPair, item: Item) -> str:
    """In words: "flicker of the mouth", "partial jitter and drift of the swapped face", or a method's name."""
    if pair.forgery is None:
        return item.method or item.source
    ids = pair.forgery.ids
    done = [name.replace("-", " ") for name in ids if name not in ("partial", "swap")]
    partly = "partial " if "partial" in ids else ""
    part = ("swapped " if "swap" in ids else "") + _PARTS[pair.forgery.mask.region]
    return f"{partly}{' and '.join(done) or 'blend'} of the {part}"


def named(
    sources: Sequence[PrototypeSource], classes: Sequence[int], weights: Sequence[tuple[float, float]]
) -> tuple[Prototype, ...]:
    """Prototypes with a name each, numbered where several were forged alike.

    Args:
        classes: of each, 0 real, 1 fake.
        weights: of each, for the logits of real and of fake.
    """
    counts: Counter[str] = Counter()
    made = []
    for source, k, (real, fake) in zip(sources, classes, weights, strict=True):
        kind = source.operator if k else CLASSES[0]
        counts[kind] += 1
        made.append(Prototype(f"{kind} {counts[kind]}", CLASSES[k], (real, fake), source))
    return tuple(made)
