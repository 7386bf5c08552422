"""Readers of the Deepfake Detection Challenge data sets: the full one and its preview.

Full: dfdc_train_part_N/metadata.json (label, split, original) beside the videos; the test part has a labels.csv
(filename, label) instead. It names no persons and no methods. Preview: dataset.json at its root (set, label,
target_id, swapped_id, augmentations), with persons, and the folder's name as the method.
"""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.errors import DataError
from engine.training.datasets.base import Dataset, Item, Split
from engine.training.datasets.files import CLIPS, found, read_json, relative, unlike
from engine.training.datasets.schemes import OFFICIAL, UNKNOWN

_LICENCE = "DFDC data set terms (research)"
_SPLITS: dict[str, Split] = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
_NO_PERSONS = (
    "its lists name no persons: an original and its forgeries are kept together, but an actor is in many originals"
)
_PREVIEW_LIST = "dataset.json"


def holds_dfdc(root: Path) -> bool:
    """Whether a folder is a part of the full data set, or holds parts of it."""
    return bool(_metadata(root)) or _labels(root) is not None


def _metadata(root: Path) -> list[Path]:
    """The lists of all parts, also of those in a folder of the archive's name."""
    patterns = ("metadata.json", "*/metadata.json", "*/*/metadata.json")
    return sorted(path for pattern in patterns for path in root.glob(pattern) if not path.parent.is_symlink())


def _labels(root: Path) -> Path | None:
    return next((path for pattern in ("labels.csv", "*/labels.csv") for path in sorted(root.glob(pattern))), None)


def read_dfdc(root: Path, scheme: str = OFFICIAL) -> Dataset:
    """The full data set, or those of its parts that are there.

    Raises:
        DataError: a list is damaged, or no video is there.
    """
    items, missing = [], []
    for path in _metadata(root):
        listed = read_json(path, dict)
        for name, row in listed.items():
            if Path(name).name != name:
                raise unlike(path, f"{name} is no name of a file beside it")
            if not (path.parent / name).is_file():
                missing.append(relative(path.parent / name, root))
            else:
                items.append(_full_item(root, path, name, row))
    labels = _labels(root)
    if labels is not None:
        for video, label in _tested(labels):
            if video.is_file():
                item = _item(root, video, label, (f"{UNKNOWN}dfdc {video.stem}",), "test", "DFDC")
                items.append(item)
            else:
                missing.append(relative(video, root))
    names = {item.name for item in items}
    items = [item if item.original in names else replace(item, original="") for item in items]
    has_validation = any(item.split == "validation" for item in items)
    return found(
        "DFDC", root, items, scheme, missing=missing, leaks_persons=_NO_PERSONS, validation=has_validation
    )


def _full_item(root: Path, path: Path, name: str, row: Any) -> Item:
    if not (isinstance(row, dict) and row.get("label") in ("REAL", "FAKE")):
        raise unlike(path, f"{name} has no label REAL or FAKE")
    split = _SPLITS.get(row.get("split", "train"))
    if split is None:
        raise unlike(path, f"{name} is in an unknown split")
    forged = row["label"] == "FAKE"
    original = row.get("original") if forged else None
    shows = Path(original or name).stem
    item = _item(root, path.parent / name, int(forged), (f"{UNKNOWN}dfdc {shows}",), split, "DFDC")
    return replace(item, original=relative(path.parent / original, root)) if original else item


def _item(root: Path, video: Path, label: int, persons: tuple[str, ...], split: Split, source: str) -> Item:
    return Item(
        name=relative(video, root),
        path=video,
        kind="clip",
        label=label,
        persons=persons,
        split=split,
        source=source,
        licence=_LICENCE,
        method="DFDC (method undisclosed)" if label else "",
    )


def _tested(path: Path) -> Iterator[tuple[Path, int]]:
    """(video, label) of the test part; its videos lie beside the list or in a folder beside it."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = [(row["filename"], row["label"]) for row in csv.DictReader(lines)]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise DataError(
            f"The list cannot be read ({error!r})",
            advice="It should have the columns filename and label",
            file=path,
        ) from error
    folders = [path.parent, *sorted(folder for folder in path.parent.iterdir() if folder.is_dir())]
    place = next((folder for folder in folders if rows and (folder / rows[0][0]).is_file()), path.parent)
    for name, label in rows:
        if label not in ("0", "1"):
            raise unlike(path, f"{name} has the label {label!r}")
        yield place / name, int(label)


def holds_dfdc_preview(root: Path) -> bool:
    """Whether a folder is the root of the preview."""
    return (root / _PREVIEW_LIST).is_file()


def within_dfdc_preview(below: tuple[str, ...]) -> bool:
    """Whether a path below a root leads into the preview."""
    return below[0] == "original_videos" or below[0].startswith("method_")


def read_dfdc_preview(root: Path, scheme: str = OFFICIAL) -> Dataset:
    """The preview with its official train and test sets. It does not say which original a forgery was made from.

    Raises:
        DataError: the list is damaged, or no video is there.
    """
    path = root / _PREVIEW_LIST
    items, missing = [], []
    for name, row in read_json(path, dict).items():
        try:
            label = ("real", "fake").index(row["label"])
            split = _SPLITS[row["set"]]
            ids = [row["target_id"], row.get("swapped_id")]
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise unlike(path, f"{name} lacks a known label, set or target_id ({error!r})") from error
        video = root / name
        if Path(name).suffix.lower() not in CLIPS or not video.resolve().is_relative_to(root.resolve()):
            raise unlike(path, f"{name} is no video of it")
        if not video.is_file():
            missing.append(name)
            continue
        persons = tuple(dict.fromkeys(f"dfdcp_{each}" for each in ids if each is not None))
        item = _item(root, video, label, persons, split, "DFDC preview")
        method = name.split("/")[0] if label else ""
        added = row.get("augmentations") or []
        items.append(replace(item, method=method, distortion="+".join(str(each) for each in added)))
    leak = _shared(items)
    return found("DFDC preview", root, items, scheme, missing=missing, leaks_persons=leak, validation=False)


def _shared(items: list[Item]) -> str:
    """What to say if the official sets share persons; they are not meant to."""
    trained, tested = (
        {person for item in items if item.split == split for person in item.persons} for split in ("train", "test")
    )
    shared = sorted(trained & tested)
    return f"{len(shared)} persons are in both official sets ({', '.join(shared[:3])})" if shared else ""
