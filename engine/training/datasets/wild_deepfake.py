"""Reader of WildDeepfake: {real,fake}_{train,test}/ with numbered archives of folders of face pictures.

Archives are unpacked by the user; wherever a folder below one of the four directly holds pictures, that is a
sequence. The number of the archive is all that is known of where a sequence comes from.
"""

from collections.abc import Iterator
from pathlib import Path

from engine.training.datasets.base import Dataset, Item, Split
from engine.training.datasets.files import found, relative
from engine.training.datasets.schemes import OFFICIAL, UNKNOWN

FOLDERS: dict[str, tuple[int, Split]] = {
    "real_train": (0, "train"),
    "fake_train": (1, "train"),
    "real_test": (0, "test"),
    "fake_test": (1, "test"),
}
_PICTURES = frozenset((".png", ".jpg", ".jpeg"))
_LICENCE = "WildDeepfake terms of use (research)"
_NO_PERSONS = (
    "it names no persons: the sequences of one archive are kept together, but a person may be in several archives"
)


def holds_wild_deepfake(root: Path) -> bool:
    """Whether a folder is the root of WildDeepfake."""
    return sum((root / name).is_dir() for name in FOLDERS) > 1


def within_wild_deepfake(below: tuple[str, ...]) -> bool:
    """Whether a path below a root leads into WildDeepfake."""
    return below[0] in FOLDERS


def read_wild_deepfake(root: Path, scheme: str = OFFICIAL) -> Dataset:
    """WildDeepfake with its official train and test parts.

    Raises:
        DataError: no sequence is there.
    """
    items, missing = [], []
    for name in FOLDERS:
        top = root / name
        if not top.is_dir():
            missing.append(f"{name}/")
            continue
        missing += [relative(archive, root) + " (not unpacked)" for archive in _packed(top)]
        items += [_item(root, top, folder) for folder in _sequences(top)]
    return found("WildDeepfake", root, items, scheme, missing=missing, leaks_persons=_NO_PERSONS, validation=False)


def _item(root: Path, top: Path, folder: Path) -> Item:
    label, split = FOLDERS[top.name]
    return Item(
        name=relative(folder, root),
        path=folder,
        kind="sequence",
        label=label,
        persons=(f"{UNKNOWN}wild {top.name}/{_archive(folder, top)}",),
        split=split,
        source="WildDeepfake",
        licence=_LICENCE,
        method="unknown" if label else "",
    )


def _sequences(top: Path) -> Iterator[Path]:
    """Folders that directly hold pictures, by name."""
    for folder in sorted(path for path in top.rglob("*") if path.is_dir()):
        if any(path.suffix.lower() in _PICTURES for path in folder.iterdir()):
            yield folder


def _archive(folder: Path, top: Path) -> str:
    """The name of the archive that a sequence was in: the first folder that is not merely named for its kind."""
    below = folder.relative_to(top).parts
    return next((part for part in below if part not in ("real", "fake", "extracted")), below[0])


def _packed(top: Path) -> list[Path]:
    """Archives beside which there is no folder of their name."""
    archives = sorted([*top.glob("*.tar.gz"), *top.glob("*.tar"), *top.glob("*.tgz")])
    return [archive for archive in archives if not (top / archive.name.split(".")[0]).is_dir()]
