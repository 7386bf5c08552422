"""Reader of Celeb-DF, versions 1 and 2: Celeb-real/, YouTube-real/, Celeb-synthesis/, List_of_testing_videos.txt.

idA_NNNN is the celebrity A; idA_idB_NNNN is that video with the face of B. In the list of testing videos,
**label 1 means real**: the reverse of the rest of the field and of this application.
"""

import re
from dataclasses import replace
from pathlib import Path

from engine.training.datasets.base import Dataset, Item
from engine.training.datasets.files import clips_in, found, left_out, read_lines, relative, unlike
from engine.training.datasets.schemes import OFFICIAL

_LIST = "List_of_testing_videos.txt"
FOLDERS = {"Celeb-real": 0, "YouTube-real": 0, "Celeb-synthesis": 1}
_LICENCE = "Celeb-DF terms of use (research)"
_NAMES = {
    "Celeb-real": re.compile(r"(id\d+)_\d+"),
    "YouTube-real": re.compile(r"(\d+)"),
    "Celeb-synthesis": re.compile(r"(id\d+)_(id\d+)_\d+"),
}
_TESTED_V1 = 100  # videos in the list of version 1; 518 in that of version 2
_LEAK = (
    "the official test list holds videos of celebrities who are in the training part, too; "
    "training and validation share nobody"
)


def holds_celeb_df(root: Path) -> bool:
    """Whether a folder is the root of Celeb-DF."""
    return (root / _LIST).is_file() and (root / "Celeb-synthesis").is_dir()


def within_celeb_df(below: tuple[str, ...]) -> bool:
    """Whether a path below a root leads into Celeb-DF."""
    return below[0] in FOLDERS


def read_celeb_df(root: Path, scheme: str = OFFICIAL) -> Dataset:
    """Celeb-DF with its official test list; the rest is for training and, some persons, for validation.

    Raises:
        DataError: the list is damaged, or its labels contradict the folders.
    """
    tested = _tested(root / _LIST)
    version = "v1" if len(tested) == _TESTED_V1 or "v1" in root.name.lower() else "v2"
    items, strangers = [], []
    for folder in FOLDERS:
        for path in [*clips_in(root / folder), *clips_in(root / folder / "videos")]:
            item = _item(root, folder, path, version)
            if item is None:
                strangers.append(relative(path, root))
            else:
                items.append(replace(item, split="test") if f"{folder}/{path.name}" in tested else item)
    names = {item.name for item in items}
    items = [item if item.original in names else replace(item, original="") for item in items]
    there = {f"{item.name.split('/')[0]}/{item.path.name}" for item in items}
    missing = [name for name in tested if name not in there]
    notes = [*left_out(strangers, "their names are not as published")]
    leak = _LEAK if scheme == OFFICIAL else ""
    return found(
        f"Celeb-DF ({version})",
        root,
        items,
        scheme,
        missing=missing,
        notes=notes,
        leaks_persons=leak,
        validation=False,
    )


def _tested(path: Path) -> list[str]:
    """The videos of the official test part."""
    tested = []
    for number, line in enumerate(read_lines(path), 1):
        label, _, name = line.partition(" ")
        folder = name.strip().split("/")[0]
        if label not in ("0", "1") or folder not in FOLDERS or name.count("/") != 1:
            raise unlike(path, f"line {number} is no label and video")
        if int(label) == FOLDERS[folder]:  # 1 is real in this list, 0 is real in ours
            raise unlike(path, f"line {number} gives {name} the label {label}, and 1 means real there")
        tested.append(name.strip())
    return tested


def _item(root: Path, folder: str, path: Path, version: str) -> Item | None:
    match = _NAMES[folder].fullmatch(path.stem)
    if match is None:
        return None
    forged = bool(FOLDERS[folder])
    place = path.parent.relative_to(root / folder)
    target_video = f"{match[1]}_{path.stem.rsplit('_', 1)[1]}{path.suffix}" if forged else ""
    return Item(
        name=relative(path, root),
        path=path,
        kind="clip",
        label=int(forged),
        persons=tuple(f"celeb_{folder if folder == 'YouTube-real' else ''}{each}" for each in match.groups()),
        split="train",
        source=f"Celeb-DF {version}",
        licence=_LICENCE,
        method="Celeb-DF synthesis" if forged else "",
        original=relative(root / "Celeb-real" / place / target_video, root) if forged else "",
    )
