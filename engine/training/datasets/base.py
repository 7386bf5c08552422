"""What a data set is to training and evaluation, whatever its layout on disk."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.errors import DataError
from engine.results import FloatArray

Split = Literal["train", "validation", "dev"]
Kind = Literal["clip", "still", "face"]

FACE_SIDE = 224
"""Side of stills of the kind "face", pixels."""


@dataclass(frozen=True, eq=False)
class Item:
    """One video, still, or ready face box of a data set.

    Attributes:
        name: unique in the data set.
        path: the file.
        kind: a clip, a still with surroundings, or a still that is a face's box already.
        label: 1 = fake.
        persons: everyone whose face is in it.
        split: where it belongs.
        source, licence: where it comes from.
        method: of the forgery, empty for real ones.
        protocol: the part of the evaluation it counts for ("unseen", "seen", "generated"), empty for real ones.
        original: name of the real item this forgery was made from, frame by frame; empty if none is known.
        points: (frames, 68, 2) landmarks in pixels, NaN without a face; None where there are none.
    """

    name: str
    path: Path
    kind: Kind
    label: int
    persons: tuple[str, ...]
    split: Split
    source: str
    licence: str = ""
    method: str = ""
    protocol: str = ""
    original: str = ""
    points: FloatArray | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Dataset:
    """A data set as found on disk.

    Attributes:
        layout: how it was recognised.
        root: its folder.
        items: all of it.
        pretrained: ImageNet weights for MobileNetV2 that came with it, if any.
    """

    layout: str
    root: Path
    items: tuple[Item, ...]
    pretrained: Path | None = None

    def __post_init__(self) -> None:
        check_persons(self.items, self.root)

    def part(self, split: Split) -> tuple[Item, ...]:
        """The items of one split."""
        return tuple(item for item in self.items if item.split == split)

    def summary(self) -> str:
        """One line on what was found."""
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for item in self.items:
            counts[item.split][item.label] += 1
        parts = ", ".join(
            f"{split} {real} real and {fake} forged" for split, (real, fake) in sorted(counts.items())
        )
        return f"{self.layout} data set in {self.root}: {parts}"


def check_persons(items: tuple[Item, ...], root: Path) -> None:
    """Raise DataError if a person is in two splits."""
    seen: dict[str, tuple[Split, str]] = {}
    for item in items:
        for person in item.persons:
            split, other = seen.setdefault(person, (item.split, item.name))
            if split != item.split:
                raise DataError(
                    f"The person {person} is in two splits ({other} in {split}, {item.name} in {item.split})",
                    advice="Give every person to one split only",
                    file=root,
                )


def in_validation(person: str, share: float) -> bool:
    """Whether a person is held out: by a hash of the name, so that no order and no other person matters."""
    return int.from_bytes(hashlib.sha256(person.encode()).digest()[:4]) < share * 2**32
