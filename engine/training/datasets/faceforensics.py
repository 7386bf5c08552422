"""Readers of the FaceForensics++ tree: FaceForensics++ itself and DeepFakeDetection, which was published in it.

original_sequences/{youtube,actors}/{raw,c23,c40}/videos/ and manipulated_sequences/METHOD/{raw,c23,c40}/videos/
with masks in manipulated_sequences/METHOD/masks/videos. A forgery A_B shows the video A with the face (or the
expressions) of B; so A is its original, frame by frame.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from engine.errors import DataError
from engine.training.datasets.base import Dataset, Item, Split
from engine.training.datasets.files import clips_in, found, left_out, read_json, relative, subfolders, unlike
from engine.training.datasets.schemes import BY_PERSONS, OFFICIAL

TOPS = frozenset(("original_sequences", "manipulated_sequences"))
_DFD = "DeepFakeDetection"
_DFD_PARTS = frozenset(("actors", _DFD))
_LICENCE = "FaceForensics terms of use (research)"
_COMPRESSIONS = {"raw": "c0", "c0": "c0", "c23": "c23", "c40": "c40"}
_LISTS: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}
_FORGERY = re.compile(r"(\d{3})_(\d{3})")
_SCENE = re.compile(r"(\d\d)__(.+)")
_SWAP = re.compile(r"(\d\d)_(\d\d)__(.+)__\w+")


def holds_faceforensics(root: Path) -> bool:
    """Whether a folder is the root of a tree with videos of FaceForensics++ itself."""
    return any(name not in _DFD_PARTS for name in _parts(root))


def holds_deepfakedetection(root: Path) -> bool:
    """Whether a folder is the root of a tree with videos of DeepFakeDetection."""
    return any(name in _DFD_PARTS for name in _parts(root))


def within_faceforensics(below: tuple[str, ...]) -> bool:
    """Whether a path below a root leads into FaceForensics++ itself."""
    return below[0] in TOPS and not within_deepfakedetection(below)


def within_deepfakedetection(below: tuple[str, ...]) -> bool:
    """Whether a path below a root leads into DeepFakeDetection."""
    return below[0] in TOPS and len(below) > 1 and below[1] in _DFD_PARTS


def _parts(root: Path) -> list[str]:
    return [folder.name for top in sorted(TOPS) if (root / top).is_dir() for folder in subfolders(root / top)]


def _videos(root: Path, top: str, part: str) -> Iterator[tuple[str, Path]]:
    """(compression, video) of one part of the tree."""
    for name, compression in _COMPRESSIONS.items():
        for path in clips_in(root / top / part / name / "videos"):
            yield compression, path


def _mask(root: Path, method: str, path: Path) -> Path | None:
    mask = root / "manipulated_sequences" / method / "masks" / "videos" / path.name
    return mask if mask.is_file() else None


def read_faceforensics(root: Path, scheme: str = OFFICIAL) -> Dataset:
    """FaceForensics++ with the official splits: lists of pairs of videos, 720, 140 and 140 videos in all.

    A person is known by the video that shows them, no better: nothing says which videos show the same one.

    Raises:
        DataError: the lists of the splits are missing or damaged, or mix videos.
    """
    splits = _official_splits(root) if scheme == OFFICIAL else None
    items, strangers = [], []
    for method, compression, path in _faceforensics_videos(root):
        item = _item(root, method, compression, path)
        if item is None or (splits is not None and item.persons[0] not in splits):
            strangers.append(relative(path, root))
        else:
            items.append(item if splits is None else replace(item, split=splits[item.persons[0]]))
    names = {item.name for item in items}
    items = [item if item.original in names else replace(item, original="") for item in items]
    notes = ["a person is known by the video only: another video may show the same one"]
    notes += left_out(strangers, "the splits do not name them" if splits else "their names are no video's")
    if holds_deepfakedetection(root):
        notes.append(f"{_DFD} lies beside it and is a data set of its own: name its folder with --data")
    missing = [] if splits is None else _missing(items, splits, root)
    return found("FaceForensics++", root, items, scheme, missing=missing, notes=notes)


def _faceforensics_videos(root: Path) -> Iterator[tuple[str, str, Path]]:
    """(method, compression, video)."""
    for compression, path in _videos(root, "original_sequences", "youtube"):
        yield "", compression, path
    manipulated = root / "manipulated_sequences"
    for folder in subfolders(manipulated) if manipulated.is_dir() else []:
        if folder.name != _DFD:
            for compression, path in _videos(root, "manipulated_sequences", folder.name):
                yield folder.name, compression, path


def _item(root: Path, method: str, compression: str, path: Path) -> Item | None:
    """An item that is not yet split, None if the name is no video's of FaceForensics++."""
    pair = _FORGERY.fullmatch(path.stem)
    if (method and pair is None) or (not method and re.fullmatch(r"\d{3}", path.stem) is None):
        return None
    target = pair[1] if pair and method else path.stem
    original = root / "original_sequences" / "youtube" / path.parts[-3] / "videos" / f"{target}{path.suffix}"
    return Item(
        name=relative(path, root),
        path=path,
        kind="clip",
        label=int(bool(method)),
        persons=tuple(f"ff_{each}" for each in (pair.groups() if pair and method else (target,))),
        split="train",
        source=f"FaceForensics++ {compression}",
        licence=_LICENCE,
        method=method,
        original=relative(original, root) if method else "",
        compression=compression,
        mask=_mask(root, method, path) if method else None,
    )


def official_lists(root: Path) -> Path:
    """The folder with train.json, val.json and test.json: the root, its splits/, or its dataset/splits/.

    Raises:
        DataError: there is none.
    """
    for folder in (root / "splits", root, root / "dataset" / "splits"):
        if (folder / "train.json").is_file():
            return folder
    raise DataError(
        "The official splits of FaceForensics++ are missing",
        advice="Put train.json, val.json and test.json of its repository (dataset/splits) into splits/",
        file=root / "splits",
    )


def _official_splits(root: Path) -> dict[str, Split]:
    """Person -> split."""
    splits: dict[str, Split] = {}
    folder = official_lists(root)
    for name, split in _LISTS.items():
        path = folder / f"{name}.json"
        for pair in read_json(path, list):
            if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(each, str) for each in pair)):
                raise unlike(path, f"{pair!r} is no pair of videos")
            for video in pair:
                if splits.setdefault(f"ff_{video}", split) != split:
                    raise unlike(path, f"the video {video} is in two splits")
    return splits


def _missing(items: list[Item], splits: dict[str, Split], root: Path) -> list[str]:
    """Videos of the lists that the tree should have, of every method and compression of which it has some."""
    there = {item.path.with_suffix("") for item in items}
    folders = {(item.path.parent, item.method) for item in items}
    pairs = [
        (a.removeprefix("ff_"), b.removeprefix("ff_"))
        for name in _LISTS
        for one, other in read_json(official_lists(root) / f"{name}.json", list)
        for a, b in ((one, other), (other, one))
    ]
    wanted = []
    for folder, method in sorted(folders, key=str):
        stems = [f"{a}_{b}" for a, b in pairs] if method else [video.removeprefix("ff_") for video in splits]
        wanted += [folder / stem for stem in stems]
    return [relative(path, root) + ".mp4" for path in wanted if path not in there]


def read_deepfakedetection(root: Path, scheme: str = OFFICIAL) -> Dataset:
    """DeepFakeDetection (Google and Jigsaw), 28 actors. It has no official split, so it is split by actors.

    Names are ACTOR__SCENE and TARGET_SOURCE__SCENE__ID; the target's video of that scene is the original.

    Raises:
        DataError: there is no video.
    """
    items, strangers = [], []
    for compression, path in _videos(root, "original_sequences", "actors"):
        scene = _SCENE.fullmatch(path.stem)
        if scene is None:
            strangers.append(relative(path, root))
        else:
            items.append(_acted(root, path, compression, (scene[1],), ""))
    names = {item.name for item in items}
    for compression, path in _videos(root, "manipulated_sequences", _DFD):
        swap = _SWAP.fullmatch(path.stem)
        if swap is None:
            strangers.append(relative(path, root))
            continue
        target, source, scene_name = swap.groups()
        videos = root / "original_sequences" / "actors" / path.parts[-3] / "videos"
        original = relative(videos / f"{target}__{scene_name}{path.suffix}", root)
        items.append(_acted(root, path, compression, (target, source), original if original in names else "-"))
    orphans = sum(item.original == "-" for item in items)
    items = [replace(item, original="") if item.original == "-" else item for item in items]
    notes = [*left_out(strangers, "their names are not as published")]
    if orphans:
        notes.append(f"{orphans} forgeries are without their original")
    if scheme == OFFICIAL:
        notes.append("it has no official split: it is split by actors")
        scheme = BY_PERSONS
    return found(_DFD, root, items, scheme, notes=notes)


def _acted(root: Path, path: Path, compression: str, actors: tuple[str, ...], original: str) -> Item:
    forged = len(actors) == 2
    return Item(
        name=relative(path, root),
        path=path,
        kind="clip",
        label=int(forged),
        persons=tuple(f"dfd_{actor}" for actor in actors),
        split="train",
        source=f"{_DFD} {compression}",
        licence=_LICENCE,
        method=_DFD if forged else "",
        original=original,
        compression=compression,
        mask=_mask(root, _DFD, path) if forged else None,
    )
