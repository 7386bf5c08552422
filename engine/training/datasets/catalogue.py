"""Reader of a folder with `catalogue.jsonl`: clips with persons, methods, splits; stills beside them."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import DataError
from engine.evaluation.persons import tied_groups
from engine.results import FloatArray
from engine.training.datasets.base import Dataset, Item, Split, in_validation

HELD_OUT = 0.31
"""Share of the training persons whose clips and stills are kept for choosing a model."""

_PROTOCOLS = {"FaceSwap (3D": "seen", "VASA-1": "generated"}
_DFDC_LICENCE = "DFDC data set terms (research)"


def read_catalogue(root: Path) -> Dataset:
    """Read the clips and, if they are there, the stills.

    Raises:
        DataError: a line cannot be read, a file it names is missing, or a person is in two splits.
    """
    rows = list(_rows(root / "catalogue.jsonl"))
    partners = _partners(rows)
    items = [_clip(root, row, partners, group) for row, group in zip(rows, _groups(rows), strict=True)]
    items += _dfdc(root / "stills") if (root / "stills" / "dfdc.csv").is_file() else []
    items += _lfw(root / "stills") if (root / "stills" / "lfw_landmarks68.npz").is_file() else []
    weights = root / "weights" / "mobilenet_v2_imagenet_float16.npz"
    return Dataset("catalogue", root, tuple(items), weights if weights.is_file() else None)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                row["label"], row["path"], row["persons"], row["split"]
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"Line {number} is no entry of a catalogue ({error})", advice="Repair or restore it", file=path
                ) from error
            yield row


def _partners(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Forged clip -> real clip of the same pair whose person is the target (named first), frame by frame alike."""
    real = {
        (row["pair"], row["persons"][0]): row["path"] for row in rows if row.get("pair") and row["label"] == "real"
    }
    forged = [row for row in rows if row.get("pair") and row["label"] == "fake"]
    return {row["path"]: real.get((row["pair"], row["persons"][0]), "") for row in forged}


def _groups(rows: list[dict[str, Any]]) -> list[str]:
    """Of each row the group of persons that clips tie together, named after the first of them in the alphabet.

    A group is held out as a whole, and its name decides whether: another name would be another split.
    """
    persons = [row["persons"] or [row["path"]] for row in rows]
    numbers = tied_groups(persons).tolist()
    members: dict[int, set[str]] = defaultdict(set)
    for number, those in zip(numbers, persons, strict=True):
        members[number].update(those)
    return [min(members[number]) for number in numbers]


def _clip(root: Path, row: dict[str, Any], partners: dict[str, str], group: str) -> Item:
    path = root / row["path"]
    if not path.is_file():
        raise DataError("The catalogue names a clip that is missing", advice="Restore the data set", file=path)
    forged = row["label"] == "fake"
    split: Split = row["split"]
    if split == "train" and in_validation(group, HELD_OUT):
        split = "validation"
    method = row.get("method") or ""
    protocol = next((name for start, name in _PROTOCOLS.items() if method.startswith(start)), "unseen")
    marks = root / "train" / "landmarks68" / f"{path.stem}{'__fake' if forged else ''}.npz"
    return Item(
        name=row["path"],
        path=path,
        kind="clip",
        label=int(forged),
        persons=tuple(row["persons"]),
        split=split,
        source=row["source"],
        licence=row["licence"],
        method=method,
        protocol=protocol if forged else "",
        original=partners.get(row["path"], ""),
        points=_load(marks)["points"].astype(np.float32) if marks.is_file() else None,
    )


def _load(path: Path) -> dict[str, FloatArray]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _dfdc(folder: Path) -> list[Item]:
    """Pairs of one frame each, the face's box without margin."""
    marks = _load(folder / "dfdc_landmarks68.npz")
    points = dict(zip(marks["names"].tolist(), marks["points"].astype(np.float32)[:, None], strict=True))
    items = []
    with (folder / "dfdc.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            forged = row["label"] == "fake"
            items.append(
                Item(
                    name=f"stills/dfdc/{row['name']}",
                    path=folder / "dfdc" / f"{row['name']}.jpg",
                    kind="face",
                    label=int(forged),
                    persons=(row["person"],),
                    split="validation" if row["split"] == "validation" else "train",
                    source="DFDC stills",
                    licence=_DFDC_LICENCE,
                    method="DFDC (method undisclosed)" if forged else "",
                    protocol="seen" if forged else "",
                    original=f"stills/dfdc/{row['original']}" if forged else "",
                    points=None if forged else points.get(row["name"]),
                )
            )
    return items


def _lfw(folder: Path) -> list[Item]:
    marks = _load(folder / "lfw_landmarks68.npz")
    items = []
    for name, points in zip(marks["names"].tolist(), marks["points"].astype(np.float32), strict=True):
        person = "lfw_" + name.rsplit("_", 1)[0]
        items.append(
            Item(
                name=f"stills/lfw/{name}",
                path=folder / "lfw" / name,
                kind="still",
                label=0,
                persons=(person,),
                split="validation" if in_validation(person, HELD_OUT) else "train",
                source="LFW stills",
                licence="LFW (research)",
                points=points[None],
            )
        )
    return items
