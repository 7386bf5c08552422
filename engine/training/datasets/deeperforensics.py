"""Reader of DeeperForensics-1.0: forgeries of FaceForensics++ videos with the faces of 100 actors, also distorted.

manipulated_videos/VARIANT/TARGET_ACTOR.mp4 (TARGET: a video of FaceForensics++), source_videos/ACTOR/..., lists/
with splits by actors and, per distorted variant, what was done to each video. The targets, which are the real part
(c23), are not part of it: they are looked for in original_sequences/youtube/c23/videos of the folder or of one
beside it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from engine.training.datasets.base import Dataset, Item, Split
from engine.training.datasets.files import clips_in, found, left_out, read_lines, relative, subfolders, unlike
from engine.training.datasets.schemes import OFFICIAL

FOLDERS = frozenset(("manipulated_videos", "source_videos", "lists"))
_LICENCE = "DeeperForensics-1.0 terms of use (research)"
_SOURCE = "DeeperForensics-1.0"
_LISTS: dict[str, Split] = {"train": "train", "val": "validation", "test": "test"}
_NAME = re.compile(r"(\d{3})_([MW]\d{3})")
_ACTOR = re.compile(r"[MW]\d{3}")
_TARGETS = Path("original_sequences") / "youtube" / "c23" / "videos"


def holds_deeperforensics(root: Path) -> bool:
    """Whether a folder is the root of DeeperForensics-1.0."""
    return (root / "manipulated_videos").is_dir()


def within_deeperforensics(below: tuple[str, ...]) -> bool:
    """Whether a path below a root leads into DeeperForensics-1.0."""
    return below[0] in FOLDERS


def compression_of(variant: str) -> str:
    """How a folder of manipulated videos is called as a compression: its level or mixture of distortions."""
    if match := re.fullmatch(r"end_to_end_level_(\d)", variant):
        return f"level {match[1]}"
    if match := re.fullmatch(r"end_to_end_mix_(\d)_distortions", variant):
        return f"mix {match[1]}"
    return "random level" if variant == "end_to_end_random_level" else ""


def read_deeperforensics(root: Path, scheme: str = OFFICIAL) -> Dataset:
    """DeeperForensics-1.0 with its official splits: no actor and no target is in two of them.

    Raises:
        DataError: a list is missing or damaged, or mixes persons.
    """
    splits = _splits(root) if scheme == OFFICIAL else None
    targets = _targets(root)
    items, strangers, missing = [], [], []
    for folder in subfolders(root / "manipulated_videos"):
        distortions = _distortions(root, folder.name)
        there = {path.stem: path for path in clips_in(folder)}
        for stem, path in there.items():
            match = _NAME.fullmatch(stem)
            if match is None or (splits is not None and stem not in splits):
                strangers.append(relative(path, root))
                continue
            split: Split = "train" if splits is None else splits[stem]
            target = targets.get(match[1])
            items.append(
                Item(
                    name=relative(path, root),
                    path=path,
                    kind="clip",
                    label=1,
                    persons=(f"ff_{match[1]}", f"df_{match[2]}"),
                    split=split,
                    source=_SOURCE,
                    licence=_LICENCE,
                    method="DF-VAE, reenactment" if folder.name == "reenact_postprocess" else "DF-VAE",
                    original=_target_name(match[1]) if target else "",
                    compression=compression_of(folder.name),
                    distortion=distortions.get(stem, ""),
                )
            )
        missing += [f"manipulated_videos/{folder.name}/{stem}.mp4" for stem in splits or () if stem not in there]
    reals, notes = _reals(root, items, targets, splits)
    notes += left_out(strangers, "the splits do not name them" if splits else "their names are not as published")
    return found(_SOURCE, root, [*reals, *items], scheme, missing=missing, notes=notes)


def _splits(root: Path) -> dict[str, Split]:
    """Name without suffix -> split."""
    splits: dict[str, Split] = {}
    for name, split in _LISTS.items():
        path = root / "lists" / "splits" / f"{name}.txt"
        for line in read_lines(path):
            stem = Path(line).stem
            if _NAME.fullmatch(stem) is None:
                raise unlike(path, f"{line} is no TARGET_ACTOR.mp4")
            splits[stem] = split
    return splits


def _distortions(root: Path, variant: str) -> dict[str, str]:
    """Name without suffix -> what was done to it, such as "JPEG:3 GN:1"; empty without a list."""
    name = f"manipulated_videos_{variant}_meta.txt"
    path = root / "lists" / "manipulated_videos_distortions_meta" / name
    if not path.is_file():
        return {}
    found_there = {}
    for line in read_lines(path):
        video, *done = line.split()
        if not done or not all(re.fullmatch(r"\w+:\d+", each) for each in done):
            raise unlike(path, f"{line} is no video with its distortions")
        found_there[Path(video).stem] = " ".join(done)
    return found_there


def _targets(root: Path) -> dict[str, Path]:
    """Number of a target video -> its file, if FaceForensics++ is at hand."""
    for place in [root, *subfolders(root.resolve().parent)]:
        if videos := clips_in(place / _TARGETS):
            return {path.stem: path for path in videos}
    return {}


def _target_name(target: str) -> str:
    return f"{_TARGETS.as_posix()}/{target}.mp4"


def _reals(
    root: Path, forged: list[Item], targets: dict[str, Path], splits: dict[str, Split] | None
) -> tuple[list[Item], list[str]]:
    """The real part and notes on it: the targets where they are at hand, else the actors' own videos."""
    of_person: dict[str, Split] = {person: item.split for item in forged for person in item.persons}
    for stem, split in (splits or {}).items():
        of_person |= {f"ff_{stem[:3]}": split, f"df_{stem[4:]}": split}

    def real(path: Path, name: str, person: str, licence: str) -> Item:
        return Item(name, path, "clip", 0, (person,), of_person[person], _SOURCE, licence)

    reals = [
        real(path, _target_name(number), f"ff_{number}", "FaceForensics terms of use (research)")
        for number, path in targets.items()
        if f"ff_{number}" in of_person
    ]
    if reals:
        folder = reals[0].path.parent
        return reals, [f"its real part are the target videos in {folder}, which are not distorted"]
    reals = [
        real(path, relative(path, root), f"df_{path.name[:4]}", _LICENCE)
        for path in _source_videos(root)
        if f"df_{path.name[:4]}" in of_person
    ]
    note = (
        "the target videos (FaceForensics++, c23) are not at hand, so the actors' own videos stand for real ones: "
        "its makers advise against that, since their studio tells them apart"
    )
    return reals, [note if reals else "it has no real part without the target videos of FaceForensics++ (c23)"]


def _source_videos(root: Path) -> Iterator[Path]:
    """The actors' videos; their names begin with the actor."""
    for path in sorted((root / "source_videos").rglob("*.mp4")):
        if _ACTOR.match(path.name):
            yield path
