"""A folder of real and forged clips, two and two, as somebody lays it out for a study (docs/study.md)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import StudyError
from engine.evaluation.study.definition import require_name

LIST = "pairs.toml"
CLIPS = frozenset((".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v"))
_KEYS = {"name", "real", "fake", "persons", "explanations"}


@dataclass(frozen=True, slots=True)
class Pair:
    """A real clip, a forged one, and clips that explain the forged one, if they are there already.

    Attributes:
        persons: all whose faces are seen in the two.
        explanations: explainer -> clip.
    """

    name: str
    real: Path
    fake: Path
    persons: tuple[str, ...]
    explanations: Mapping[str, Path]


def read_pairs(folder: Path) -> tuple[Pair, ...]:
    """The pairs that `pairs.toml` lists, or without it those in sub-folders with `real.*` and `fake.*`.

    Raises:
        StudyError: the folder is not laid out so, a clip is missing, a person is in two pairs, or the pairs do not
            all have the same explanations.
    """
    if not folder.is_dir():
        raise StudyError(
            "There is no such folder", advice="Give a folder of pairs, see docs/study.md", file=folder
        )
    listed = folder / LIST
    pairs = _listed(listed) if listed.is_file() else _in_folders(folder)
    if not pairs:
        raise StudyError(
            f"The folder holds neither {LIST} nor sub-folders with real.mp4 and fake.mp4",
            advice="Lay it out as docs/study.md says",
            file=folder,
        )
    _check(pairs, folder)
    return pairs


def _in_folders(folder: Path) -> tuple[Pair, ...]:
    found = []
    for each in sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."):
        clips: dict[str, Path] = {}
        for path in sorted(each.iterdir()):
            if path.suffix.lower() in CLIPS and path.name[0] != ".":
                if path.stem in clips:
                    raise StudyError(f"There are two clips called {path.stem}", advice="Remove one", file=each)
                clips[path.stem] = path
        if "real" in clips or "fake" in clips:
            real, fake = (_there(clips.pop(name, each / f"{name}.mp4")) for name in ("real", "fake"))
            found.append(Pair(each.name, real, fake, (each.name,), clips))
    return tuple(found)


def _listed(path: Path) -> tuple[Pair, ...]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"The list cannot be read ({error})", advice="Mend it", file=path) from error
    rows = data.get("pair")
    if set(data) != {"pair"} or not isinstance(rows, list):
        raise StudyError("The list holds something other than [[pair]]", advice="See docs/study.md", file=path)
    return tuple(_row(row, number, path) for number, row in enumerate(rows, 1))


def _row(row: Any, number: int, path: Path) -> Pair:
    def require(holds: bool, what: str) -> None:
        if not holds:
            raise StudyError(f"Pair {number}: {what}", advice="Mend the list, see docs/study.md", file=path)

    require(isinstance(row, dict), "it is no table")
    strange = sorted(set(row) - _KEYS)
    require(not strange, f"it has the unknown key {', '.join(strange)}")
    for key in ("real", "fake", "persons"):
        require(key in row, f"{key} is missing")
    given = row.get("explanations", {})
    require(isinstance(given, dict), "explanations is no table")
    texts = [row["real"], row["fake"], *given.values(), row.get("name", "")]
    require(all(isinstance(text, str) for text in texts), "a name of a clip is no text")
    people = row["persons"]
    named = isinstance(people, list) and people and all(isinstance(each, str) and each for each in people)
    require(bool(named), "persons is no list of names")
    require(len(set(people)) == len(people), "a person is named twice")
    folder = path.parent
    return Pair(
        row.get("name", f"{number:02d}"),
        _there(folder / row["real"]),
        _there(folder / row["fake"]),
        tuple(people),
        {name: _there(folder / file) for name, file in given.items()},
    )


def _there(path: Path) -> Path:
    if not path.is_file():
        raise StudyError("This clip is missing", advice="Put it there, or leave the pair out", file=path)
    return path


def _check(pairs: tuple[Pair, ...], folder: Path) -> None:
    """One person each once, and the same explanations everywhere: before anything is computed."""
    owners: dict[str, str] = {}
    names: set[str] = set()
    for pair in pairs:
        require_name(pair.name, "a pair")
        if pair.name in names:
            raise StudyError(f"Two pairs are called {pair.name}", advice="Name each its own way", file=folder)
        names.add(pair.name)
        for person in pair.persons:
            if person in owners:
                raise StudyError(
                    f"{person} is in {owners[person]} and in {pair.name}: each person may be met only once",
                    advice="Leave one of the two pairs out",
                    file=folder,
                )
            owners[person] = pair.name
        if set(pair.explanations) != set(pairs[0].explanations):
            raise StudyError(
                f"{pair.name} has other explanations than {pairs[0].name}",
                advice="Give every pair the same explanations",
                file=folder,
            )
        for name in pair.explanations:
            require_name(name, "an explanation")
