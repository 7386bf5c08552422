"""`study` on the command line: made of clips, opened in the window, counted; what is wrong is told in a line."""

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine.cli import run
from engine.evaluation.study.study_file import StudyFile
from engine.video.writer import ClipWriter


def write_clip(path: Path, seed: int) -> None:
    with ClipWriter(path, 64, 48, Fraction(1, 25), threads=1) as writer:
        for number in range(5):
            writer.write(
                np.random.default_rng([seed, number]).integers(0, 255, (48, 64, 3), dtype=np.uint8), number, 1
            )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pairs")
    for seed, name in enumerate(("anna", "ben")):
        (made / name).mkdir()
        for kind, clip in enumerate(("real", "fake", "gradcam", "shap")):
            write_clip(made / name / f"{clip}.mp4", 10 * seed + kind)
    return made


@pytest.fixture
def study(folder: Path, tmp_path: Path) -> Path:
    out = tmp_path / "faces.tellstudy"
    assert run(["study", "make", str(folder), "--out", str(out), "--title", "Faces", "--seed", "3"]) == 0
    return out


def test_make_says_what_it_made(
    study: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["study", "make", str(folder), "--out", str(tmp_path / "b.tellstudy"), "--parts", "2"]) == 0
    assert "2 sections in 2 parts, of gradcam, shap" in capsys.readouterr().out
    definition = StudyFile.open(study).definition
    assert (definition.title, definition.seed) == ("Faces", 3)


def test_run_opens_the_window_on_the_study(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened: list[Sequence[Path]] = []

    def window(paths: Sequence[Path]) -> int:
        opened.append(paths)
        return 0

    assert run(["study", "run", str(study)], window) == 0
    assert opened == [[study]]
    assert run(["study", "run", str(study.with_suffix(".mp4"))], window) == 2
    assert run(["study", "run", str(study.with_name("gone.tellstudy"))], window) == 2
    assert len(opened) == 1


def test_a_changed_clip_is_told_before_a_window_appears(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import main

    clip = next(study.with_suffix(".clips").iterdir())
    clip.write_bytes(b"other bytes")
    assert run(["study", "run", str(study)], main.open_window) == 2
    told = capsys.readouterr().err
    assert str(clip) in told
    assert "not the one" in told


def test_results_of_several_files(
    study: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = StudyFile.open(study)
    other = StudyFile.create(tmp_path / "other.tellstudy", file.definition)
    for where, code in ((file, "one-11"), (other, "two-22")):
        for step in where.enrol(code, "large", "yes").plan:
            where.tell(code, step.section, right=True)
            where.choose(code, step.section, ("shap",))
    out = tmp_path / "report"
    assert run(["study", "results", str(study), str(other.path), "--out", str(out)]) == 0
    assert "2 participants, 4 answers; fake identified: 100% (40% to 100%)" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {
        "results.json", "report.html", "report.md", "shares.svg", "sections.svg",
    }  # fmt: skip
    data = json.loads((out / "results.json").read_text())
    assert data["explainers"]["shap"]["votes"] == 4
    assert data["sign_tests"]["pairs"][0]["p"] == 0.125
    assert run(["study", "withdraw", str(study), "ONE-11"]) == 0
    assert run(["study", "results", str(study), str(other.path), "--out", str(out)]) == 0
    assert json.loads((out / "results.json").read_text())["answers"] == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["make", "{folder}", "--out", "{new}", "--seconds", "0"], "--seconds 0"),
        (["make", "{folder}", "--out", "{new}", "--rate", "nan"], "--rate nan"),
        (["make", "{folder}", "--out", "{new}", "--seed", "-1"], "seed"),
        (["make", "{folder}", "--out", "{new}", "--parts", "3"], "3 parts"),
        (["make", "{folder}", "--out", "{tmp}/a.mp4"], "ends in .tellstudy"),
        (["make", "{folder}", "--out", "{tmp}/gone/a.tellstudy"], "no such folder"),
        (["make", "{folder}", "--out", "{new}", "--explainers", "lime"], "lime"),
        (["make", "{folder}", "--out", "{new}", "--explainers", "gradcam@nobody"], "nobody"),
        (["make", "{tmp}", "--out", "{new}"], "neither pairs.toml"),
        (["make", "{folder}", "--out", "{study}"], "may hold answers"),
        (["results", "{study}", "--out", "{tmp}/r"], "no answer"),
        (["results", "{study}", "--out", "{study}"], "This is a file"),
        (["results", "{new}", "--out", "{tmp}/r"], "cannot be opened"),
        (["withdraw", "{study}", "abc"], "Nobody has the code abc"),
        ([], "required"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    study: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    names = {"folder": folder, "tmp": tmp_path, "study": study, "new": tmp_path / "new.tellstudy"}
    capsys.readouterr()
    assert run(["study", *(word.format(**names) for word in words)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not (tmp_path / "new.tellstudy").exists()
    assert not (tmp_path / "r").exists()
