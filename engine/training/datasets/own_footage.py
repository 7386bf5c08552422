"""Reader of authentic reference footage of one's own: videos or stills, none of them forged."""

from pathlib import Path

from engine.errors import DataError
from engine.training.datasets.base import Dataset, Item, dealt
from engine.training.datasets.files import CLIPS
from engine.training.datasets.folder import STILLS

HELD_OUT = 0.25
"""Share of the persons kept for validation, at least one."""
SOURCE = "own footage"


def read_own_footage(root: Path) -> Dataset:
    """Read the files of `real/`, or else of the folder itself, as authentic. PERSON__ANYTHING is of that person,
    any other file of a person of its own name; who is held out hangs on the names alone.

    Raises:
        DataError: no such folder, forged files beside the real ones, no file, or only one person.
    """
    if not root.is_dir():
        raise DataError("There is no such folder", advice="Name the folder of your footage with --data", file=root)
    if (root / "fake").is_dir():
        raise DataError(
            "Only authentic footage is learnt from here, and there is a folder fake/",
            advice="Name the folder real/ in it, or choose another recipe",
            file=root,
        )
    folder = root / "real" if (root / "real").is_dir() else root
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in STILLS | CLIPS)
    persons = sorted({_person(path) for path in files}, key=lambda name: (dealt(name), name))
    if len(persons) < 2:
        raise DataError(
            f"{len(files)} files of {len(persons)} persons do not suffice to hold somebody out",
            advice="Add videos of more persons, named PERSON__ANYTHING, or more videos",
            file=folder,
        )
    held_out = set(persons[: max(1, round(HELD_OUT * len(persons)))])
    return Dataset(SOURCE, root, tuple(_item(path, folder, held_out) for path in files))


def _person(path: Path) -> str:
    return path.stem.split("__")[0]


def _item(path: Path, folder: Path, held_out: set[str]) -> Item:
    return Item(
        name=path.relative_to(folder).as_posix(),
        path=path,
        kind="still" if path.suffix.lower() in STILLS else "clip",
        label=0,
        persons=(_person(path),),
        split="validation" if _person(path) in held_out else "train",
        source=SOURCE,
    )
