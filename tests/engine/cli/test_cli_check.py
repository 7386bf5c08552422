"""`check` on files of series, on videos through a worker that needs no torch, and on a case."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import fake_worker
import numpy as np
import pytest

from engine import cli
from engine.case.case_file import CaseFile
from engine.runtime.protocol import AnalyzeRequest
from engine.video.writer import ClipWriter

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("check") / "video.mp4"
    with ClipWriter(path, 64, 48, Fraction(1, 25)) as writer:
        for number in range(30):
            writer.write(np.full((48, 64, 3), number * 8, np.uint8), number, 1)
    return path


def series(folder: Path, name: str, predicted: str = "fake", fake: float = 0.9, real: float = 0.3) -> Path:
    path = folder / name
    similarity = {"f0": [0.1, fake, 0.2], "r0": [0.0, real, 0.0]}
    prototypes = {"fake": ["f0"], "real": ["r0"]}
    path.write_text(json.dumps({"prototypes": prototypes, "predicted": predicted, "similarity": similarity}))
    return path


def checked(tmp_path: Path, *words: object) -> Any:
    out = tmp_path / "answer.json"
    assert cli.run(["check", *map(str, words), "--json", str(out)]) == 0
    return json.loads(out.read_text())


def test_a_file_of_series_gives_robustness_verdict_and_witness(tmp_path: Path) -> None:
    given = checked(
        tmp_path, series(tmp_path, "a.json"), "--spec", "phi_1", "--spec", "phi_3", "--set", "low=0.25"
    )
    phi_1, phi_3 = given["traces"][0]["specifications"]
    assert (phi_1["name"], phi_1["class"], phi_1["verdict"]) == ("phi_1", "fake", "satisfied")
    assert phi_1["robustness"] == 0.9 - 0.3
    assert (phi_1["witness"]["frame"], phi_1["witness"]["prototype"]) == (1, "f0")
    assert phi_1["instances"]["real"]["verdict"] == "not applicable"
    assert phi_1["instances"]["real"]["robustness"] is None
    assert (phi_3["verdict"], phi_3["robustness"]) == ("violated", 0.25 - 0.3)
    assert (phi_3["witness"]["frame"], phi_3["witness"]["prototype"]) == (1, "r0")
    assert given["specifications"][1]["parameters"] == {"low": 0.25}


def test_the_class_can_be_chosen(tmp_path: Path) -> None:
    path = series(tmp_path, "a.json", predicted="real")
    assert checked(tmp_path, path, "--spec", "phi_1")["traces"][0]["specifications"][0]["robustness"] == 0.3 - 0.9
    (found,) = checked(tmp_path, path, "--spec", "phi_1", "--class", "fake")["traces"][0]["specifications"]
    assert found["verdict"] == "not applicable"


def test_infinities_and_zeros_are_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = series(tmp_path, "a.json", real=0.9)
    assert cli.run(["check", str(path), "--spec", "phi_1_literal", "--spec", "phi_1"]) == 0
    literal, undecided = capsys.readouterr().out.splitlines()[1:]
    assert "satisfied, but vacuously" in literal
    assert "robustness inf" in literal
    assert "undecided at 0" in undecided
    given = checked(tmp_path, path, "--spec", "phi_1_literal")["traces"][0]["specifications"][0]
    assert (given["robustness"], given["vacuous"], given["witness"]) == ("inf", True, None)


def test_the_scores_of_a_video_are_checked(tmp_path: Path, video: Path) -> None:
    text = tmp_path / "mine.tqtl"
    text.write_text('parameter p = 0.2 from 0 to 1 "Bound"\nG probability > p', encoding="utf-8")
    given = checked(tmp_path, video, "--spec", text, "--spec", "steady")
    (trace,) = given["traces"]
    scores = fake_worker.fake_scores("frame-mobile", 0, 29)
    lowest = int(scores.fake_probability.argmin())
    mine, steady = trace["specifications"]
    assert mine["robustness"] == float(scores.fake_probability.astype(np.float64).min()) - 0.2
    assert (mine["class"], mine["instances"], mine["witness"]["frame"]) == (None, None, lowest)
    jumps = np.abs(np.diff(scores.fake_probability.astype(np.float64)))
    assert steady["robustness"] == 0.3 - jumps.max()
    assert (trace["steps"], trace["stride"], trace["gaps"], trace["track"]) == (30, 1, 0, 0)
    assert trace["detector"]["id"] == "frame-mobile"
    assert trace["video"]["frames"] == 30


def test_a_case_is_checked_as_it_was_analysed_and_says_so_in_its_log(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "case.tell"
    identity = fake_worker._identity(video)
    with CaseFile.create(path) as case:
        case.put_video(identity)
        for detector, every in (("frame-mobile", 8), ("frame-b4", 3)):
            case.note("analysed", {"sha256": identity.sha256, "detector": detector, "every": every})
    asked = []
    real = fake_worker.FakeWorker.run

    def run(self: fake_worker.FakeWorker, request: Any, job: Any) -> Any:
        asked.append(request)
        return real(self, request, job)

    monkeypatch.setattr(fake_worker.FakeWorker, "run", run)
    given = checked(tmp_path, path, "--spec", "steady")
    assert [trace["name"] for trace in given["traces"]] == ["video.mp4, face 1"]
    assert [(each.case, each.every) for each in asked if isinstance(each, AnalyzeRequest)] == [(path, 8)]
    with CaseFile.open(path) as case:
        (noted,) = [entry.details for entry in case.log_entries() if entry.action == "checked"]
    assert (noted["name"], noted["verdict"], noted["parameters"]) == ("steady", "satisfied", {"jump": 0.3})


def test_labelled_inputs_give_the_table_of_the_paper(tmp_path: Path) -> None:
    good = series(tmp_path, "good.json")
    bad = series(tmp_path, "bad.json", fake=0.2, real=0.8)
    missed = series(tmp_path, "missed.json", predicted="real", fake=0.2, real=0.8)
    honest = series(tmp_path, "honest.json", predicted="real", fake=0.2, real=0.8)
    report = tmp_path / "report"
    given = checked(tmp_path, "--spec", "phi_1", "--fake", good, bad, missed, "--real", honest, "--report", report)
    by_label = {count["group"]: count for count in given["tables"]["by_label"]}
    assert (by_label["fake"]["traces"], by_label["fake"]["satisfied"], by_label["fake"]["wrong"]) == (3, 1, 1)
    assert (by_label["fake"]["not_applicable"], by_label["real"]["percentage"]) == (1, 100)
    assert by_label["all"]["percentage"] == 50
    by_prediction = {count["group"]: count for count in given["tables"]["by_prediction"]}
    assert (by_prediction["real"]["traces"], by_prediction["real"]["percentage"]) == (2, 100)
    assert "33.33 % (1)" in (report / "report.html").read_text()
    assert "| fake (+) | 3 | 33.33 % (1) | 1 | 0 | 1 | 0 | 1 |" in (report / "report.md").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("G (probability >", "Line 1, column 17: expected a value, found the end of the text (at the ^ in:"),
        ("G nothing > 0", "has no series nothing. It has probability, logit"),
        ("E p, t. S(t, p) > 0", "has no prototypes"),
    ],
)
def test_what_cannot_be_checked_is_one_line_and_status_2(
    tmp_path: Path, video: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.tqtl"
    path.write_text(text)
    assert cli.run(["check", str(video), "--spec", str(path), "--json", str(tmp_path / "x.json")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "x.json").exists()


def test_an_equality_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.tqtl"
    path.write_text("t. E p, S(t, p) = 0.1")
    assert cli.run(["check", str(series(tmp_path, "a.json")), "--spec", str(path)]) == 0
    said = capsys.readouterr()
    assert "nothing satisfies it" in said.err
    assert "undecided at 0" in said.out


def test_the_library_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "--list"]) == 0
    said = capsys.readouterr().out
    for name in ("phi_1", "phi_1_literal", "phi_2", "phi_3", "steady", "sustained"):
        assert f"{name}: " in said


def test_the_evidence_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = series(tmp_path, "a.json")
    before = path.read_bytes()
    assert cli.run(["check", str(path), "--spec", "phi_1", "--json", str(path)]) == 2
    assert path.read_bytes() == before
    assert "This is the evidence itself" in capsys.readouterr().err


def test_what_was_checked_is_kept_where_a_later_input_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "answer.json"
    words = [str(series(tmp_path, "a.json")), str(tmp_path / "absent.json"), "--spec", "phi_1", "--json", str(out)]
    assert cli.run(["check", *words]) == 2
    assert [trace["name"] for trace in json.loads(out.read_text())["traces"]] == ["a.json"]
    assert "absent.json: The series cannot be read" in capsys.readouterr().err
