"""`calibrate` from clips to a card, and `analyze` with a calibrated card."""

import json
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import fake_worker
import numpy as np
import pytest
import skimage.data
import torch
from calibration_card import calibration_table
from onnx_models import linear, write, write_toml
from random_weights import card_values, random_network
from sklearn.metrics import roc_auc_score

from engine import cli
from engine.case.case_file import CaseFile
from engine.cli.calibrate import chosen
from engine.cli.copies import forged_copies
from engine.detectors.calibration import CALIBRATION_FILE, calibration_bytes, calibration_of
from engine.detectors.cards import load_card
from engine.detectors.weights import save_weights
from engine.runtime import engine as runtime
from engine.runtime.protocol import DetectorsListed
from engine.training.datasets import read_dataset
from engine.training.datasets.base import in_validation
from engine.training.datasets.folder import HELD_OUT
from engine.video.writer import ClipWriter

PERSONS = [f"person{n}" for n in range(80)]
HELD = [name for name in PERSONS if in_validation(name, HELD_OUT)][:8]
LEARNED = [name for name in PERSONS if not in_validation(name, HELD_OUT)][:1]
TRUSTED = {"trustworthy": True, "sha256": "0" * 64}


def tinted(picture: np.ndarray) -> np.ndarray:
    """A "forgery": a face of another colour."""
    forged = picture.astype(np.int16)
    forged[60:190, 70:180] += np.array([-30, 0, 40], np.int16)
    return np.clip(forged, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def lit() -> dict[str, np.ndarray]:
    """One public face under another light for each person."""
    face = np.ascontiguousarray(skimage.data.astronaut()[0:260, 100:360])
    rng = np.random.default_rng(0)
    return {
        name: np.clip(face * rng.uniform(0.85, 1.05, 3), 0, 255).astype(np.uint8) for name in (*HELD, *LEARNED)
    }


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, lit: dict[str, np.ndarray]) -> Path:
    """A real and a forged clip of six frames of eight held-out persons and of one who was learned from."""
    root = tmp_path_factory.mktemp("tiny")
    for label, change in (("real", np.asarray), ("fake", tinted)):
        (root / label).mkdir()
        for name, picture in lit.items():
            with ClipWriter(root / label / f"{name}.mp4", 260, 260, Fraction(1, 25)) as writer:
                for number in range(6):
                    writer.write(np.roll(change(picture), number, axis=1), number, 1)
    return root


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory, lit: dict[str, np.ndarray]) -> Path:
    """Random weights, turned so that they tell the two apart."""
    torch.set_num_threads(1)
    network = random_network("frame-mobile").eval()
    crops = np.stack([p[30:254, 20:244] for light in lit.values() for p in (light, tinted(light))])
    with torch.no_grad():
        logits = network(torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 127.5 - 1).numpy().ravel()
        gap = logits[1::2].mean() - logits[::2].mean()
        network.head.weight.mul_(2 / gap)
        network.head.bias.sub_(network.head.bias + (logits - network.head.bias.item()).mean() * 2 / gap)
    folder = tmp_path_factory.mktemp("telling") / "frame-mobile"
    save_weights(folder, network, card_values("frame-mobile", network), torch.float32)
    return folder


@pytest.fixture
def weights(tmp_path: Path, telling: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them where the application looks."""
    monkeypatch.setattr("engine.paths.WEIGHTS", tmp_path / "weights")
    return Path(shutil.copytree(telling, tmp_path / "weights" / "frame-mobile"))


def test_calibrate_scores_fits_and_records(tiny: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["calibrate", "frame-mobile", "--data", str(tiny), "--every", "1"]
    assert cli.run(words) == 0
    first = capsys.readouterr().out
    assert load_card(weights).calibration is None
    assert cli.run([*words, "--record"]) == 0
    assert capsys.readouterr().out == first
    card = load_card(weights)
    made = card.calibration
    assert made is not None
    left_out = sum(made.pool.left_out.values())
    assert made.pool.n_real + made.pool.n_forged + left_out == 16  # nobody who was learned from
    assert made.pool.groups == made.pool.persons == 8
    assert made.limits.ranges["fps"] == (24.5, 25.5)
    assert made.limits.ranges["short_side_px"] == (260, 260)
    assert made.limits.precision == "float32"
    assert f"Cllr {made.cllr[0]:.3f}" in first
    listed = json.loads(calibration_bytes(weights, made))
    assert str(tiny) not in (weights / "card.toml").read_text() + json.dumps(listed)
    assert not any(name in json.dumps(listed) for name in HELD)
    probability = np.array([row["fake_probability"] for row in listed["scores"]])
    label = np.array([row["label"] for row in listed["scores"]])
    assert probability[label == 1].mean() > probability[label == 0].mean()

    # The application scores the same files with the same figures.
    path = tiny / "fake" / f"{HELD[0]}.mp4"
    assert cli.run(["analyze", str(path), "--detector", "frame-mobile", "--json", "-"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    scored = entry["detectors"]["frame-mobile"]
    assert min(abs(probability - scored["fake_probability"])) < 1e-5
    assert scored["log10_likelihood_ratio"] is None
    assert "No likelihood ratio: the card calls the weights not trustworthy" in scored["warnings"]


def test_a_foreign_model_is_measured_calibrated_and_gives_a_ratio_by_the_same_rules(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its logit is the mean colour times 0.5, -1 and 2: the forged faces are bluer and less red."""
    model = write(tmp_path / "mine.onnx", linear(), mean=[0.5] * 3, std=[0.25] * 3)
    answer, words = tmp_path / "answer.json", ["--data", str(tiny), "--every", "1"]
    assert cli.run(["evaluate", str(model), *words, "--json", str(answer), "--record"]) == 0
    data = json.loads(answer.read_text())
    by_name = {video["name"].rsplit("/")[-1] + str(video["label"]): video for video in data["videos"]}
    labels = [video["label"] for video in by_name.values()]
    scores = [video["fake_probability"] for video in by_name.values()]
    assert sorted(labels) == [0] * 8 + [1] * 8
    for person in HELD:
        real, forged = (
            next(v for v in by_name.values() if v["label"] == label and person in v["name"]) for label in (0, 1)
        )
        assert forged["fake_probability"] > real["fake_probability"]
    (auc,) = (
        m
        for m in data["measures"]
        if (m["level"], m["metric"]) == ("video", "AUC") and m["protocol"] == "held-out persons"
    )
    assert auc["value"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
    assert data["detector"]["id"].startswith("onnx-mine-")
    assert str(tmp_path) not in data["command"]

    capsys.readouterr()
    assert cli.run(["calibrate", str(model), *words, "--record"]) == 0
    assert "Cllr" in capsys.readouterr().out
    beside = tmp_path / "mine.measured.toml"
    raw = tomllib.loads(beside.read_text())
    made = calibration_of(raw)
    assert made is not None
    assert (made.pool.n_real + made.pool.n_forged, raw["trustworthy"]) == (16, False)
    assert {row["metric"] for row in raw["measures"]} == {"AUC", "balanced accuracy", "equal error rate"}
    listed = json.loads((tmp_path / "mine.calibration.json").read_text())
    assert sorted(row["fake_probability"] for row in listed["scores"]) == pytest.approx(sorted(scores), abs=1e-6)

    def verdict() -> dict[str, Any]:
        path = tiny / "fake" / f"{HELD[0]}.mp4"
        assert cli.run(["analyze", str(path), "--detector", str(model), "--json", "-"]) == 0
        ((found,),) = ([*entry["detectors"].values()] for entry in json.loads(capsys.readouterr().out))
        return dict(found)

    refused = verdict()
    assert refused["log10_likelihood_ratio"] is None
    assert "No likelihood ratio: the card calls the weights not trustworthy" in refused["warnings"]
    beside.write_text(beside.read_text().replace("trustworthy = false", "trustworthy = true"))
    given = verdict()
    p = given["fake_probability"]
    expected = (
        raw["calibration"]["parameters"]["slope"] * np.log(p / (1 - p))
        + (raw["calibration"]["parameters"]["intercept"])
    )
    low, high = raw["calibration"]["bounds"]
    assert given["log10_likelihood_ratio"] == pytest.approx(min(max(expected, low), high), abs=1e-5)
    write_toml(model, mean=[0.5] * 3, std=[0.3] * 3)  # fed otherwise it is another detector
    assert "No likelihood ratio: the detector was never calibrated" in verdict()["warnings"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--every", "0"], "--every 0 makes no sense"),
        (["--data", "nowhere"], "There is no such folder"),
    ],
)
def test_what_cannot_be_calibrated_is_said_in_one_line(
    tiny: Path, weights: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    before = (weights / "card.toml").read_bytes()
    assert cli.run(["calibrate", "frame-mobile", "--data", str(tiny), *more, "--record"]) == 2
    complaint = capsys.readouterr().err
    assert words in complaint
    assert complaint.count("\n") == 1
    assert (weights / "card.toml").read_bytes() == before
    assert not (weights / CALIBRATION_FILE).exists()


def test_a_person_of_another_data_sets_training_part_is_left_out(tiny: Path) -> None:
    one = read_dataset(tiny)
    moved = [replace(i, split="train") for i in one.part("validation") if i.persons == (HELD[0],)]
    items, left_out = chosen([one, replace(one, items=tuple(moved))])
    assert {person for item in items for person in item.persons} == set(HELD[1:])
    assert left_out == {"persons of another split": 2}


def test_pseudo_fake_copies_join_the_pool_and_are_made_once(tiny: Path, tmp_path: Path) -> None:
    reals = [item for item in read_dataset(tiny).part("validation") if not item.label][:2]
    folder = tmp_path / "copies"
    made, failed = forged_copies(reals, folder)
    assert not failed
    assert [item.method for item in made] == ["pseudo-fake: jitter", "pseudo-fake: drift"]
    assert [item.persons for item in made] == [item.persons for item in sorted(reals, key=lambda r: r.name)]
    assert all(item.label == 1 and item.path.is_file() for item in made)
    for item in made:
        assert all(json.loads(item.path.with_suffix(".json").read_text())["labels"])  # forged from end to end
    before = [item.path.stat().st_mtime_ns for item in made]
    again, _ = forged_copies(reals, folder)
    assert [item.path.stat().st_mtime_ns for item in again] == before
    made[0].path.write_bytes(b"broken")
    forged_copies(reals, folder)
    assert made[0].path.stat().st_size > 1000
    faceless = tmp_path / "grey.mp4"
    with ClipWriter(faceless, 128, 128, Fraction(1, 25)) as writer:
        writer.write(np.full((128, 128, 3), 128, np.uint8), 0, 1)
    assert forged_copies([replace(reals[0], path=faceless)], folder)[1] == {"no pseudo-fake could be made": 1}


# analyze, with a worker that needs no torch


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[fake_worker.Settings]:
    monkeypatch.setattr(runtime, "WORKER", "fake_worker")
    settings = fake_worker.reset()
    settings.frames = 30
    yield settings
    fake_worker.reset()


def analysed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **conditions: object
) -> tuple[dict[str, Any], str]:
    """The entry of a video of 30 frames with a face of 120 px, and what was printed."""
    wide = {"bits_per_pixel": [0.0, 9.0], "short_side_px": [100.0, 500.0]} | conditions
    card = TRUSTED | {"calibration": calibration_table("0" * 64, conditions=wide)}
    real = fake_worker.FakeWorker.run

    def run(self: fake_worker.FakeWorker, request: Any, job: Any) -> Iterator[Any]:
        for event in real(self, request, job):
            if isinstance(event, DetectorsListed):
                event = replace(event, detectors=tuple(replace(i, card=card) for i in event.detectors))
            yield event

    monkeypatch.setattr(fake_worker.FakeWorker, "run", run)
    path = tmp_path / "video.mp4"
    with ClipWriter(path, 320, 240, Fraction(1, 25)) as writer:
        for number in range(30):
            writer.write(np.full((240, 320, 3), number * 8, np.uint8), number, 1)
    out, case = tmp_path / "r.json", tmp_path / "a.tell"
    CaseFile.create(case).close()
    words = ["analyze", str(path), "--detector", "frame-mobile", "--json", str(out), "--case", str(case)]
    assert cli.run(words) == 0
    (entry,) = json.loads(out.read_text())
    return entry["detectors"]["frame-mobile"], capsys.readouterr().out


def test_analyze_gives_the_ratio_with_bounds_and_words(
    tmp_path: Path,
    worker: fake_worker.Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found, printed = analysed(tmp_path, monkeypatch, capsys)
    p = found["fake_probability"]
    expected = 0.5 * np.log(p / (1 - p)) + 0.1
    assert found["log10_likelihood_ratio"] == pytest.approx(expected, abs=1e-6)
    assert found["likelihood_ratio"]["log10_low"] == -1.2
    assert found["likelihood_ratio"]["log10_high"] == 1.4
    assert found["likelihood_ratio"]["words"] == "weak support for a forgery"
    assert "ENFSI" in found["likelihood_ratio"]["scale"]
    assert found["warnings"] == []
    assert f"log10 LR {expected:+.2f} (bounds -1.20 to +1.40): weak support for a forgery" in printed
    with CaseFile.open(tmp_path / "a.tell") as case:
        noted = case.log_entries()[-1]
    assert noted.action == "analysed"
    for key in ("fake_probability", "log10_likelihood_ratio", "likelihood_ratio"):
        assert noted.details[key] == found[key]


def test_analyze_abstains_with_one_warning_that_names_the_numbers(
    tmp_path: Path,
    worker: fake_worker.Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    limits: dict[str, object] = {"face_px": [150.0, 300.0], "scored_frames": [50.0]}
    found, printed = analysed(tmp_path, monkeypatch, capsys, **limits)
    assert found["log10_likelihood_ratio"] is None
    assert found["likelihood_ratio"] is None
    (warning,) = found["warnings"]
    assert warning == (
        "No likelihood ratio: the face has 120 px, calibrated is 150 to 300; "
        "30 frames of the face were scored, calibrated is from 50 on"
    )
    assert warning in printed


def test_the_shipped_cards_can_be_read() -> None:
    from engine.paths import WEIGHTS

    for card in WEIGHTS.glob("*/card.toml"):
        assert tomllib.loads(card.read_text())["sha256"] == load_card(card.parent).sha256
