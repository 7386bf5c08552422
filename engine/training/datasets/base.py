"""What a data set is to training and evaluation, whatever its layout on disk."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.errors import DataError
from engine.results import FloatArray

Split = Literal["train", "validation", "test", "dev"]
"""train; validation: held-out persons of the training data, to choose models by; test: the official test part of a
published data set; dev: the catalogue's clips for measuring, which no scheme ever deals out anew."""

Kind = Literal["clip", "sequence", "still", "face"]
Side = Literal["train", "validation", "test"]

FACE_SIDE = 224
"""Side of stills of the kind "face", pixels."""

_NAMED = 3  # missing files that a summary names


@dataclass(frozen=True, eq=False)
class Item:
    """One video, still, or ready face box of a data set.

    Attributes:
        name: unique in the data set.
        path: the file; the folder of a sequence.
        kind: a clip, a folder of pictures in order, a still with surroundings, or a still that is a face's box
            already.
        label: 1 = fake.
        persons: everyone whose face is in it.
        split: where it belongs.
        source, licence: where it comes from. Reals and forgeries of one source may stand beside each other.
        method: of the forgery, empty for real ones.
        protocol: the part of the evaluation it counts for ("unseen", "seen", "generated"), empty for real ones.
        original: name of the real item this forgery was made from, frame by frame; empty if none is known.
        points: (frames, 68, 2) landmarks in pixels, NaN without a face; None where there are none.
        compression: under which variant of the data set it was published: "c0", "c23", "c40", "level 3", "mix 2",
            "random level"; empty where there is one only.
        distortion: what was added to it and how strongly, as the data set's own lists say; empty if nothing.
        mask: video of the forged region, frame by frame; None where there is none.
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
    compression: str = ""
    distortion: str = ""
    mask: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set as found on disk.

    Attributes:
        layout: how it was recognised.
        root: its folder.
        items: all of it.
        pretrained: ImageNet weights for MobileNetV2 that came with it, if any.
        scheme: name of the way in which it was split.
        missing: files that its own lists name and that are not there, relative to the root.
        notes: what else a user must know of it, a sentence each, without a full stop.
        leaks_persons: why a person may be in two splits; empty where nobody is, which is then checked.
    """

    layout: str
    root: Path
    items: tuple[Item, ...]
    pretrained: Path | None = None
    scheme: str = "official"
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    leaks_persons: str = ""

    def __post_init__(self) -> None:
        if not self.leaks_persons:
            check_persons(self.items, self.root)

    def part(self, split: Split) -> tuple[Item, ...]:
        """The items of one split."""
        return tuple(item for item in self.items if item.split == split)

    def summary(self) -> str:
        """Lines on what was found, what is missing, and what to mind; the first one says the most."""
        splits = sorted({item.split for item in self.items}, key=("train", "validation", "test", "dev").index)
        counts = Counter((item.split, item.label) for item in self.items)
        parts = [f"{split} {counts[split, 0]} real and {counts[split, 1]} forged" for split in splits]
        named = "" if self.scheme == "official" else f", split {self.scheme}"
        lines = [f"{self.layout} data set in {self.root}{named}: {', '.join(parts) or 'nothing'}"]
        variants = Counter((item.method or "real", item.compression, item.split) for item in self.items)
        kinds = sorted({(method, compression) for method, compression, _ in variants})
        if len(kinds) > 2:
            for method, compression in kinds:
                each = ", ".join(
                    f"{split} {variants[method, compression, split]}"
                    for split in splits
                    if variants[method, compression, split]
                )
                lines.append(f"  {' '.join(word for word in (method, compression) if word)}: {each}")
        if self.missing:
            first = ", ".join(self.missing[:_NAMED]) + (", ..." if len(self.missing) > _NAMED else "")
            lines.append(f"  Missing: {len(self.missing)} files that belong to it ({first})")
        if self.leaks_persons:
            lines.append(f"  Leaks persons: {self.leaks_persons}")
        return "\n".join([*lines, *(f"  Note: {note}" for note in self.notes)])


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


def dealt(name: str) -> float:
    """A number in [0, 1) that hangs on a name alone, so that no order and no other name matters."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32


def in_validation(person: str, share: float) -> bool:
    """Whether a person is held out: by a hash of the name."""
    return dealt(person) < share


def side_of(name: str, validation: float, test: float) -> Side:
    """The split that a hash of a name gives, for these shares of the whole."""
    at = dealt(name)
    if at < test:
        return "test"
    return "validation" if at < test + validation else "train"
