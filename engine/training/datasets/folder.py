"""Reader of a folder with `real/` and `fake/`, of videos or stills."""

from pathlib import Path

from engine.errors import DataError
from engine.training.datasets.base import Dataset, Item, in_validation
from engine.training.datasets.files import CLIPS

STILLS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
HELD_OUT = 0.25


def read_folder(root: Path) -> Dataset:
    """Read real/ and fake/. A file PERSON__ANYTHING is of that person, any other of a person of its own name, so
    that real/ann.mp4 and fake/ann.mp4 stay together and are taken for a clip and its forgery.

    Raises:
        DataError: a class is empty, or nobody is left for a split.
    """
    items = []
    for label, folder in enumerate(("real", "fake")):
        files = sorted(p for p in (root / folder).iterdir() if p.suffix.lower() in STILLS | CLIPS)
        if not files:
            raise DataError(f"{folder}/ holds no picture and no video", advice="Put some there", file=root)
        items += [_item(root, path, label) for path in files]
    if len({item.split for item in items}) < 2:
        raise DataError(
            "Too few persons to hold some out for validation",
            advice="Add files of more persons, named PERSON__ANYTHING",
            file=root,
        )
    return Dataset("folder", root, tuple(items))


def _item(root: Path, path: Path, label: int) -> Item:
    person = path.stem.split("__")[0]
    twin = root / "real" / path.name
    return Item(
        name=f"{path.parent.name}/{path.name}",
        path=path,
        kind="still" if path.suffix.lower() in STILLS else "clip",
        label=label,
        persons=(person,),
        split="validation" if in_validation(person, HELD_OUT) else "train",
        source=root.name,
        method="unknown" if label else "",
        protocol="unseen" if label else "",
        original=f"real/{path.name}" if label and twin.is_file() else "",
    )
