"""What a study asks: sound, read as it was written, nothing else accepted; the folder of pairs it is made of."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from study_cases import clip, definition

from engine.errors import StudyError
from engine.evaluation.study.definition import as_data, from_text, require_sound
from engine.evaluation.study.pairs import read_pairs


def test_a_definition_is_read_as_it_was_written() -> None:
    made = definition(20)
    again = from_text(json.dumps(as_data(made)))
    assert again == made
    assert again.sha256 == made.sha256
    assert replace(made, seed=8).sha256 != made.sha256


def change(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.update(changes)


def first(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["sections"][0].update(changes)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (change(format=2), "format"),
        (change(more=1), "exactly"),
        (change(seed=-1), "seed"),
        (change(seed=True), "seed"),
        (change(explainers=[]), "0 explainers"),
        (change(explainers=list("abcdefghi")), "9 explainers"),
        (change(sections=[]), "no sections"),
        (first(id="s01"), "same id"),
        (first(part=5), "part is empty"),
        (first(persons=["person s01"]), "only once"),
        (first(scores={"frame-mobile": 2}), "0 to 1"),
        (first(explanations={}), "other explanations"),
        (first(real={"file": "../../etc/passwd", "sha256": "0" * 64}), "plain file name"),
        (first(real={"file": "/etc/passwd", "sha256": "0" * 64}), "plain file name"),
        (first(real={"file": "a.mp4", "sha256": "0"}), "SHA-256"),
        (lambda data: data["sections"][0].update(real=data["sections"][0]["fake"]), "same file"),
        (lambda data: data["sections"][0].update(real=data["sections"][1]["real"]), "very same clip"),
    ],
)
def test_anything_else_is_refused(spoil: Callable[[dict[str, Any]], None], said: str) -> None:
    data = copy.deepcopy(as_data(definition()))
    spoil(data)
    with pytest.raises(StudyError, match=said):
        from_text(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000])
def test_broken_texts_are_refused(text: str) -> None:
    with pytest.raises(StudyError):
        from_text(text)


def test_an_explainer_cannot_be_called_other() -> None:
    text = json.dumps(as_data(definition())).replace('"gradcam"', '"Other"')
    with pytest.raises(StudyError, match="'Other' cannot be the name"):
        from_text(text)


def test_a_sound_definition_may_show_the_forged_clip_itself_twice() -> None:
    made = definition()
    require_sound(replace(made, sections=tuple(replace(s, shown=s.fake) for s in made.sections)))


def folder_of(tmp_path: Path, names: tuple[str, ...] = ("anna", "ben")) -> Path:
    for name in names:
        (tmp_path / name).mkdir()
        for kind in ("real", "fake", "gradcam"):
            (tmp_path / name / f"{kind}.mp4").write_text(f"{name} {kind}")
    return tmp_path


def test_sub_folders_are_pairs_named_after_their_person(tmp_path: Path) -> None:
    pairs = read_pairs(folder_of(tmp_path))
    assert [(p.name, p.persons, p.real.name, p.fake.name) for p in pairs] == [
        ("anna", ("anna",), "real.mp4", "fake.mp4"),
        ("ben", ("ben",), "real.mp4", "fake.mp4"),
    ]
    assert pairs[0].explanations == {"gradcam": tmp_path / "anna" / "gradcam.mp4"}


LIST = """
[[pair]]
name = "one"
real = "anna/real.mp4"
fake = "anna/fake.mp4"
persons = ["anna", "carl"]

[pair.explanations]
mine = "anna/gradcam.mp4"

[[pair]]
real = "ben/real.mp4"
fake = "ben/fake.mp4"
persons = ["ben"]
explanations = {mine = "ben/gradcam.mp4"}
"""


def test_a_list_goes_before_sub_folders(tmp_path: Path) -> None:
    folder_of(tmp_path)
    (tmp_path / "pairs.toml").write_text(LIST)
    one, two = read_pairs(tmp_path)
    assert (one.name, two.name) == ("one", "02")
    assert one.persons == ("anna", "carl")
    assert two.explanations == {"mine": tmp_path / "ben" / "gradcam.mp4"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["ben"]', '["carl"]', "carl is in one and in 02"),
        ('["ben"]', "[]", "Pair 2: persons"),
        ('["ben"]', '["ben", "ben"]', "twice"),
        ("ben/fake.mp4", "ben/gone.mp4", "gone.mp4: This clip is missing"),
        ('name = "one"', "nam = 1", "unknown key nam"),
        ('name = "one"', 'name = "02"', "Two pairs"),
        ('name = "one"', 'name = "a/b"', "cannot be the name"),
        ("{mine =", "{yours =", "other explanations"),
        ("[[pair]]", "[[pairs]]", "other than"),
        ('"one"', '"one', "cannot be read"),
    ],
)
def test_a_wrong_list_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    folder_of(tmp_path)
    (tmp_path / "pairs.toml").write_text(LIST.replace(old, new))
    with pytest.raises(StudyError, match=said):
        read_pairs(tmp_path)


def test_a_wrong_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such folder"):
        read_pairs(tmp_path / "gone")
    with pytest.raises(StudyError, match="neither"):
        read_pairs(tmp_path)
    folder_of(tmp_path)
    (tmp_path / "ben" / "fake.mp4").unlink()
    with pytest.raises(StudyError, match=r"fake\.mp4: This clip is missing"):
        read_pairs(tmp_path)


def test_a_clip_knows_its_bytes() -> None:
    assert clip("a").sha256.startswith("ca978112ca1bbdca")  # SHA-256 of "a"
