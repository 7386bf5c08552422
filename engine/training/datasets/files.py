"""What all readers of published layouts need: lists with typed errors, videos of a folder, held-out persons."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import DataError
from engine.training.datasets.base import Dataset, Item
from engine.training.datasets.schemes import OFFICIAL, hold_out, resplit

CLIPS = frozenset((".mp4", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".m4v", ".gif"))
HELD_OUT = 0.1
"""Share of the training persons kept for validation where a data set has no official validation part."""


def read_json(path: Path, kind: type) -> Any:
    """A JSON file whose outermost value is of a kind (dict or list).

    Raises:
        DataError: it is missing, cannot be read, or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError("A list of the data set is missing", advice="Download it again", file=path) from None
    except (OSError, ValueError) as error:
        raise DataError(f"The list cannot be read ({error})", advice="Download it again", file=path) from error
    if not isinstance(value, kind):
        raise unlike(path, f"it should hold a {kind.__name__}")
    return value


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty, stripped.

    Raises:
        DataError: it is missing or cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError("A list of the data set is missing", advice="Download it again", file=path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The list cannot be read ({error})", advice="Download it again", file=path) from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def unlike(path: Path, why: str) -> DataError:
    """A list that is not as published."""
    return DataError(f"The list is not as published: {why}", advice="Download it again", file=path)


def clips_in(folder: Path) -> list[Path]:
    """The videos directly in a folder, by name; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in CLIPS and path.name[0] != ".")


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def relative(path: Path, root: Path) -> str:
    """A path as an item is named: below the root, with slashes."""
    return path.relative_to(root).as_posix()


def found(
    layout: str,
    root: Path,
    items: Iterable[Item],
    scheme: str,
    *,
    missing: Iterable[str] = (),
    notes: Iterable[str] = (),
    leaks_persons: str = "",
    validation: bool = True,
) -> Dataset:
    """The data set that a reader has found, split by a scheme.

    Args:
        items: as officially split; their splits do not matter for another scheme.
        leaks_persons: why the official split may have a person on two sides, or nobody can tell.
        validation: whether there is an official validation part; else persons of the training part are held out.

    Raises:
        DataError: there is nothing, or persons are mixed.
        UsageError: there is no such scheme.
    """
    items, notes = list(items), list(notes)
    if not items:
        raise DataError(f"The {layout} data set holds no video", advice="Unpack its videos there", file=root)
    if scheme != OFFICIAL:
        items = [replace(item, split="train") for item in items]  # dealt out below
    elif not validation:
        others = [item for item in items if item.split != "train"]
        kept, mixed = hold_out([item for item in items if item.split == "train"], HELD_OUT)
        items = [*others, *kept]
        notes.append(f"it has no official validation part: {HELD_OUT:.0%} of the training persons are held out")
        if mixed:
            notes.append(f"{mixed} files that show a training and a held-out person are left out")
    dataset = Dataset(
        layout, root, tuple(items), missing=tuple(missing), notes=tuple(notes), leaks_persons=leaks_persons
    )
    return resplit(dataset, scheme)


def left_out(names: list[str], why: str) -> Iterator[str]:
    """A note on files that were found and not used, if there are any."""
    if names:
        yield f"{len(names)} files are left out: {why} ({', '.join(names[:3])}{', ...' if names[3:] else ''})"
