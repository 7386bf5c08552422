"""Studies by hand for the tests of studies: clips are small files of text, for nothing here looks into them."""

import hashlib
from pathlib import Path

from engine.evaluation.study.definition import Clip, Definition, Section
from engine.evaluation.study.plan import divided
from engine.evaluation.study.study_file import StudyFile, clips_folder

EXPLAINERS = ("gradcam", "shap", "ltpa@frame-b4-ltpa", "attention")


def clip(name: str) -> Clip:
    return Clip(name, hashlib.sha256(name.encode()).hexdigest())


def section(name: str, part: int = 0, explainers: tuple[str, ...] = EXPLAINERS) -> Section:
    kinds = [clip(f"{name}-{kind}.mp4") for kind in ("real", "fake", "shown")]
    return Section(name, part, (f"person {name}",), *kinds, {e: clip(f"{name}-{e}.mp4") for e in explainers})


def definition(sections: int = 4, seed: int = 7, parts: int | None = None) -> Definition:
    names = [f"s{n:02d}" for n in range(sections)]
    part = divided(names, seed, parts)
    return Definition(
        "by hand", seed, EXPLAINERS, tuple(section(name, part[name]) for name in names), {"rate": 10}
    )


def study(folder: Path, made: Definition | None = None, name: str = "study") -> StudyFile:
    """A study on the disk with its clips."""
    made = made or definition()
    path = folder / f"{name}.tellstudy"
    clips_folder(path).mkdir()
    for each in made.sections:
        for one in each.clips:
            (clips_folder(path) / one.file).write_text(one.file)
    return StudyFile.create(path, made)
