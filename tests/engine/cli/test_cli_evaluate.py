"""`evaluate` as a user calls it, with a real network of random weights and real faces."""

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from random_weights import write_random_weights
from sklearn.metrics import roc_auc_score

from engine.cli import run
from engine.cli.evaluate_sets import chosen_items
from engine.errors import DataError
from engine.evaluation.evaluate import Sample
from engine.evaluation.partial import PartialCopy
from engine.evaluation.protocols import PROTOCOLS
from engine.evaluation.record import recompute
from engine.faces.detector import FaceDetector
from engine.training.datasets.base import Dataset, Item


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("weights")
    write_random_weights(folder, "frame-mobile")
    return folder


@pytest.fixture(autouse=True)
def _random_weights(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr("engine.paths.WEIGHTS", weights)


@pytest.fixture(scope="module")
def stills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """real/ and fake/ of 24 persons: one public picture under as many lights, the forged ones blurred."""
    root = tmp_path_factory.mktemp("stills")
    face = np.ascontiguousarray(skimage.data.astronaut()[0:260, 100:360])[::2, ::2]
    rng = np.random.default_rng(0)
    for label in ("real", "fake"):
        (root / label).mkdir()
    for person in range(24):
        light = np.clip(face * rng.uniform(0.8, 1.2, 3), 0, 255).astype(np.uint8)
        cv2.imwrite(str(root / "real" / f"p{person}.png"), light[..., ::-1])
        cv2.imwrite(str(root / "fake" / f"p{person}.png"), cv2.GaussianBlur(light, (0, 0), 1.5)[..., ::-1])
    return root


def evaluate(*words: object) -> int:
    return run(["evaluate", *map(str, words)])


def test_evaluate_gives_the_video_score_of_analyze(face: Path, tmp_path: Path) -> None:
    """Both reduce, track, crop and score in one way; they once reduced frames each in its own."""
    for label, persons in (("real", ("a", "b", "c", "d", "e")), ("fake", ("a",))):
        (tmp_path / "set" / label).mkdir(parents=True)
        for person in persons:
            shutil.copy(face, tmp_path / "set" / label / f"{person}.mp4")
    analysed, evaluated = tmp_path / "analysed.json", tmp_path / "evaluated.json"
    assert run(["analyze", str(face), "--every", "5", "--json", str(analysed)]) == 0
    words = ["frame-mobile", "--data", tmp_path / "set", "--protocol", "all", "--limit", 1]
    assert evaluate(*words, "--json", evaluated) == 0
    (entry,) = json.loads(analysed.read_text())
    first, *_ = json.loads(evaluated.read_text())["videos"]
    assert first["sha256"] == entry["video"]["sha256"]
    assert len(entry["tracks"]) >= 1
    expected = entry["detectors"]["frame-mobile"]["fake_probability"]
    assert first["fake_probability"] == pytest.approx(expected, abs=1e-6)
    for scores, track in zip(first["scores"], entry["tracks"], strict=True):
        (mine,) = track["detectors"]
        assert scores["frames"] == [span[0] for span in mine["spans"]]
        assert scores["probability"] == pytest.approx(mine["span_fake_probability"], abs=1e-6)


def test_several_sets_give_one_table_and_a_report(
    stills: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(stills, other)
    answer, report = tmp_path / "answer.json", tmp_path / "report"
    words = ["frame-mobile", "--data", stills, "--data", other, "--protocol", "cross"]
    assert evaluate(*words, "--json", answer, "--report", report) == 0
    data = json.loads(answer.read_text())
    assert [each["data"] for each in data["runs"]] == ["folder: validation"] * 2
    assert recompute(data) == [each["measures"] for each in data["runs"]]
    assert data["runs"][0]["trained_on"] is False
    rows = [line for line in (report / "report.md").read_text().splitlines() if line.startswith("| other | no |")]
    assert len(rows) == 1
    ET.parse(report / "roc-1.svg")  # noqa: S314 - it was made here
    printed = capsys.readouterr().out
    assert "other, cross-set: AUC " in printed
    assert str(tmp_path) not in (report / "report.html").read_text()  # no folders of this machine


def test_random_splits_are_labelled_as_leaking(
    stills: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = tmp_path / "answer.json"
    assert evaluate("frame-mobile", "--data", stills, "--protocol", "p001-random", "--json", answer) == 0
    data = json.loads(answer.read_text())
    assert data["warnings"][0].startswith("Leaks persons")
    assert "Warning: Leaks persons" in capsys.readouterr().out
    assert {video["split"] for video in data["videos"]} == {"test"}


def test_shortcuts_need_no_detector(stills: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = tmp_path / "answer.json"
    words = ["--data", stills, "--protocol", "shortcuts", "--json", answer, "--report", tmp_path / "report"]
    assert evaluate(*words) == 0
    probes = json.loads(answer.read_text())["runs"][0]["probes"]
    assert {probe["probe"] for probe in probes} == {"file facts (stills)", "border", "blurred crops"}
    assert "file facts (stills), random forest" in capsys.readouterr().out
    assert (tmp_path / "report" / "report.md").is_file()


def test_the_protocols_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("--protocols") == 0
    printed = capsys.readouterr().out
    for name in PROTOCOLS:
        assert f"\n{name}" in "\n" + printed
    assert printed.count("(leaks persons)") == 2


def test_dev_is_judged_only_where_it_is_asked_for() -> None:
    items = [
        Item(f"{split}_{label}", Path("x"), "clip", label, (f"{split}{label}",), split, "s")  # type: ignore[arg-type]
        for split in ("train", "validation", "dev")
        for label in (0, 1)
    ]
    whole = Dataset("made", Path("made"), tuple(items))
    for name, protocol in PROTOCOLS.items():
        if protocol.splits == ("test",):
            with pytest.raises(DataError, match="needs a test split; here are dev, train, validation"):
                chosen_items(whole, protocol)
        else:
            _, chosen = chosen_items(whole, protocol)
            splits = {item.split for item in chosen}
            assert {item.label for item in chosen} == ({0} if name in ("operators", "partial") else {0, 1})
            assert ("dev" in splits) == (name == "dev"), name
    no_dev = Dataset("made", Path("made"), tuple(items[:4]))
    with pytest.raises(DataError, match="needs a dev split"):
        chosen_items(no_dev, PROTOCOLS["dev"])


def test_kinds_of_one_class_alone_are_left_out() -> None:
    items = [Item(f"c{k}", Path("x"), "clip", k, (f"{k}",), "validation", "s") for k in (0, 1)]
    items.append(Item("lfw", Path("x"), "still", 0, ("l",), "validation", "s"))
    _, chosen = chosen_items(Dataset("made", Path("made"), tuple(items)), PROTOCOLS["validation"])
    assert [item.name for item in chosen] == ["c0", "c1"]
    with pytest.raises(DataError, match="needs real and forged files"):
        chosen_items(Dataset("made", Path("made"), (items[0], items[2])), PROTOCOLS["validation"])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--data", "X"], "No detector was given"),
        (["frame-mobile"], "No data set was given"),
        (["frame-mobile", "--data", "X", "--protocol", "best"], "There is no protocol best"),
        (["frame-mobile", "--data", "X", "--threshold", "1.5"], "--threshold 1.5 makes no sense"),
        (["frame-mobile", "--data", "X", "--limit", "0"], "--limit 0 makes no sense"),
        (["frame-mobile", "--data", "X", "--protocol", "cross", "--record"], "--record does not go with cross"),
        (["frame-mobile", "--data", "nowhere"], "There is no such folder"),
        (
            ["frame-mobile", "--data", "X", "--protocol", "operators"],
            "No real clip of held-out persons comes with",
        ),
        (["frame-mobile", "--data", "X", "--protocol", "partial"], "landmarks of 48 successive frames"),
        (["frame-b4", "--data", "X", "--protocol", "partial"], "None of these detectors is trained"),
    ],
)
def test_wrong_words_are_answered_in_one_line(
    stills: Path, capsys: pytest.CaptureFixture[str], words: list[str], complaint: str
) -> None:
    assert evaluate(*(str(stills) if word == "X" else word for word in words)) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_forged_runs_are_looked_for_beside_guessing(
    stills: Path, face: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = PartialCopy(Sample("face", face, 1, method="jitter", persons=("a",)), 125, 40, 79)
    monkeypatch.setattr("engine.training.pseudo_fakes.partial_clips.partial_copies", lambda *_, **__: [copy])
    words = ("--data", stills, "--protocol", "partial", "--every", 8, "--json", tmp_path / "p.json")
    assert evaluate("frame-mobile,snippet-compact", *words, "--report", tmp_path / "report") == 0
    data = json.loads((tmp_path / "p.json").read_text())
    (found,) = data["detectors"]
    assert set(data["not measured"]) == {"snippet-compact"}
    (row,) = found["copies"]
    frames, values = row["scores"][0]["frames"], row["scores"][0]["probability"]
    assert frames == list(range(0, 125, 8))
    auc = next(m["value"] for m in found["measures"] if (m["part"], m["measure"]) == ("all", "AUC of frames"))
    assert auc == pytest.approx(roc_auc_score([40 <= frame <= 79 for frame in frames], values))
    said = capsys.readouterr().out
    assert f"frame-mobile, all: AUC of frames {auc:.3f}, guessing 0.500, 1 copies, over videos" in said
    assert "jitter" not in said
    assert "Partial forgeries" in (tmp_path / "report" / "report.md").read_text()


def test_several_detectors_give_one_table_and_name_the_untrained(
    stills: Path,
    tmp_path: Path,
    weights: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The table of P002: each row is what the detector gets alone."""
    write_random_weights(weights, "frame-mobile-ltpa")
    together, alone = tmp_path / "together.json", tmp_path / "alone.json"
    report = tmp_path / "report"
    ids = "frame-mobile,frame-mobile-ltpa,frame-b4"
    words = ["--data", stills, "--protocol", "all", "--fresh"]
    made: list[str] = []
    real = FaceDetector.__init__
    monkeypatch.setattr(FaceDetector, "__init__", lambda self, device: made.append(device) or real(self, device))
    assert evaluate(ids, *words, "--json", together, "--report", report) == 0
    assert len(made) == 1, "one for all"
    assert "frame-b4 was not measured" in capsys.readouterr().out
    assert evaluate("frame-mobile-ltpa", *words, "--json", alone) == 0
    data = json.loads(together.read_text())
    assert [each["detector"]["id"] for each in data["detectors"]] == ["frame-mobile", "frame-mobile-ltpa"]
    assert list(data["not measured"]) == ["frame-b4"]
    assert data["detectors"][1]["measures"] == json.loads(alone.read_text())["measures"]
    table = (report / "report.md").read_text()
    assert table.index("MobileNetV2, frame by frame") < table.index("MobileNetV2 LTPA") < table.index("frame-b4")
    assert "balanced accuracy" in table
    assert (report / "frame-mobile-ltpa" / "report.html").is_file()
    assert not list(report.rglob("*.part"))
    assert evaluate("frame-b4,frame-b7", *words) == 2
    assert evaluate(ids, *words, "--record") == 2
