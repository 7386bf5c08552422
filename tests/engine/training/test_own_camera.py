"""Tuning weights to authentic footage of one's own by the command line; phases, and a stop by a signal."""

import signal
import threading
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from random_weights import card_values

from engine.cli import run
from engine.detectors.cards import load_card
from engine.detectors.registry import detector_info
from engine.detectors.specs import detector_spec
from engine.detectors.weights import save_weights
from engine.networks.mobilenet import build_mobilenet
from engine.training.loop.checkpoint import load_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = """
pairs = 2
warm_up = 1
steps = 2
validate_every = 1
validation_pairs = 4
workers = 0
size = 48
"""


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six stills of one public picture under six lights, directly in the folder, none of them forged."""
    root = tmp_path_factory.mktemp("footage")
    face = np.ascontiguousarray(skimage.data.astronaut()[0:260, 100:360])
    rng = np.random.default_rng(0)
    for take in range(6):
        light = np.clip(face * rng.uniform(0.85, 1.15, 3), 0, 255).astype(np.uint8)
        cv2.imwrite(str(root / f"take{take}.png"), light[..., ::-1])
    (root / "settings.toml").write_text(SETTINGS)
    return root


@pytest.fixture
def base(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network, folder = build_mobilenet(48), tmp_path / "base" / "frame-mobile"
    save_weights(folder, network, card_values("frame-mobile", network), torch.float16)
    return folder


def test_own_camera_from_footage_to_card(
    footage: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.paths.data_dir", lambda: tmp_path / "mine")
    before = (base / "model.safetensors").read_bytes()
    words = ["train", "frame-mobile", "--data", str(footage), "--recipe", "own-camera", "--from", str(base)]
    assert run([*words, "--config", str(footage / "settings.toml")]) == 0
    out = tmp_path / "mine" / "own-camera" / "frame-mobile"  # neither the shipped weights nor those in use
    assert (base / "model.safetensors").read_bytes() == before
    card = load_card(out)
    base_card = load_card(base)
    assert not card.trustworthy
    tuned = "fine-tuned on 4 authentic videos, validated on 2 held-out ones with pseudo-fakes only"
    assert card.training["tuning"] == tuned
    assert tuned in card.trust_reason
    assert card.training["base_sha256"] == base_card.sha256
    assert card.training["recipe"] == "own-camera"
    assert card.training["genuine_forgeries"] == []
    assert set(card.training["held_out_auc"]) == {"pseudo-fakes", "mean"}
    assert card.sha256 != base_card.sha256
    printed = capsys.readouterr().out
    assert "step 2: loss" in printed
    assert str(out) in printed


def test_own_camera_needs_weights_to_tune(footage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "frame-mobile", "--data", str(footage), "--recipe", "own-camera"]) == 2
    assert "Add --from weights/frame-mobile" in capsys.readouterr().err


def test_two_phases_then_a_resume_that_has_nothing_left_to_do(
    footage: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "two.toml"
    common = SETTINGS.replace("size = 48", "")
    config.write_text(common + "[[phases]]\nsize = 32\n[[phases]]\nsize = 48\nsteps = 3\n")
    words = ["train", "frame-mobile", "--data", str(footage), "--recipe", "own-camera", "--from", str(base)]
    words += ["--config", str(config), "--out", str(tmp_path / "out")]
    assert run(words) == 0
    card = tomllib.loads((tmp_path / "out" / "card.toml").read_text())
    assert card["size"] == 48
    assert [phase.split(",")[0] for phase in card["training"]["phases"]] == ["32 px", "48 px"]
    first = (tmp_path / "out" / "model.safetensors").read_bytes()
    capsys.readouterr()
    assert run([*words, "--resume"]) == 0
    printed = capsys.readouterr().out
    assert "Going on at phase 1 of 2, step 2 of 2" in printed
    assert "Going on at phase 2 of 2, step 3 of 3" in printed
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == first
    assert run([*words, "--steps", "4"]) == 2
    assert "has 2 phases" in capsys.readouterr().err


def test_a_signal_leaves_a_checkpoint_from_which_it_goes_on(
    footage: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.training.session.cache_dir", lambda: tmp_path / "cache")
    words = ["train", "frame-mobile", "--data", str(footage), "--recipe", "own-camera", "--from", str(base)]
    words += ["--config", str(footage / "settings.toml"), "--out", str(tmp_path / "out"), "--steps", "400"]
    from engine.training.loop import trainer

    one_step = trainer.Trainer._train_step

    def step(self: trainer.Trainer, *given: object) -> None:
        one_step(self, *given)  # type: ignore[arg-type]
        if self.step == 2:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    monkeypatch.setattr(trainer.Trainer, "_train_step", step)
    assert run(words) == 130
    monkeypatch.setattr(trainer.Trainer, "_train_step", one_step)
    (folder,) = (tmp_path / "cache" / "runs").iterdir()
    found = load_checkpoint(folder)
    assert found is not None
    assert found.state["step"] == 2
    capsys.readouterr()
    words[words.index("--steps") + 1] = "4"  # the rate had not begun to fall
    assert run([*words, "--resume"]) == 0
    assert "Going on at step 2 of 4" in capsys.readouterr().out
    monkeypatch.setattr("engine.paths.weights_dirs", lambda: (tmp_path,))
    (tmp_path / "out").rename(tmp_path / "frame-mobile")
    assert detector_info(detector_spec("frame-mobile")).problem == ""
