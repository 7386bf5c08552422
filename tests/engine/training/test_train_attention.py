"""One step of each of P002's networks by the command line, from nothing and from the trunk of another."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from random_weights import noise_crops
from safetensors.torch import load_file

from engine.cli import run
from engine.detectors.cards import load_card
from engine.detectors.registry import load_detector

pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = """
pairs = 2
learning_rate = 1e-3
warm_up = 1
validate_every = 1
validation_pairs = 2
workers = 0
"""


@pytest.fixture(scope="module")
def stills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """real/ and fake/ of six persons: one public picture under six lights; forged ones have a blurred face."""
    root = tmp_path_factory.mktemp("stills")
    face = np.ascontiguousarray(skimage.data.astronaut()[0:260, 100:360])
    rng = np.random.default_rng(0)
    for label in ("real", "fake"):
        (root / label).mkdir()
    for person in range(6):
        light = np.clip(face * rng.uniform(0.85, 1.15, 3), 0, 255).astype(np.uint8)
        forged = light.copy()
        forged[60:190, 70:180] = cv2.GaussianBlur(light, (0, 0), 1.5)[60:190, 70:180]
        for label, picture in (("real", light), ("fake", forged)):
            cv2.imwrite(str(root / label / f"p{person}.png"), picture[..., ::-1])
    (root / "settings.toml").write_text(SETTINGS)
    return root


@pytest.mark.long
@pytest.mark.timeout(400)  # B7 writes a checkpoint of 1 GB
@pytest.mark.parametrize(
    "detector_id", ["frame-b4", "frame-b4-attention", "frame-b4-ltpa", "frame-b7", "frame-b7-ltpa"]
)
def test_a_step_by_the_command_line_leaves_weights_that_score(
    stills: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detector_id: str
) -> None:
    monkeypatch.setattr("engine.paths.WEIGHTS", tmp_path)
    assert run(_words(detector_id, stills, tmp_path / detector_id)) == 0
    card = load_card(tmp_path / detector_id)
    assert (card.id, card.size, card.trustworthy) == (detector_id, 64, False)
    tensors = load_file(tmp_path / detector_id / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    queries = [tensor for name, tensor in tensors.items() if name.startswith("queries")]
    assert len(queries) == (3 if detector_id.endswith("ltpa") else 0)
    assert all(query.abs().max() > 0 for query in queries), "they begin at zero: the step moved them"
    detector = load_detector(detector_id, "cpu")
    assert np.isfinite(detector.score_crops(noise_crops(2, 64))).all()


@pytest.fixture(scope="module")
def plain(stills: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the plain compact network after one step."""
    out = tmp_path_factory.mktemp("plain")
    assert run(_words("frame-mobile", stills, out)) == 0
    return out


@pytest.mark.parametrize("detector_id", ["frame-mobile-attention", "frame-mobile-ltpa"])
def test_a_network_with_attention_starts_from_the_trunk_of_the_plain_one(
    stills: Path, tmp_path: Path, plain: Path, detector_id: str
) -> None:
    frozen = tmp_path / "frozen.toml"
    frozen.write_text(SETTINGS + "frozen_stages = 7\n")
    out = tmp_path / "weights"
    assert run([*_words(detector_id, stills, out, frozen), "--from", str(plain)]) == 0
    card = load_card(out)
    assert card.id == detector_id
    assert load_card(plain).sha256[:12] in str(card.training["initialisation"])
    before, after = (load_file(folder / "model.safetensors") for folder in (plain, out))
    shared = [name for name in after if name.startswith("trunk.blocks") and "running" not in name]
    assert len(shared) > 100
    assert all((before[name] == after[name]).all() for name in shared if "num_batches" not in name)


def test_weights_of_another_trunk_are_refused(
    stills: Path, tmp_path: Path, plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "weights"
    assert run([*_words("frame-b4-ltpa", stills, out), "--from", str(plain)]) == 2
    assert "whose trunk is not that of frame-b4-ltpa" in capsys.readouterr().err
    assert not out.exists()


def _words(detector_id: str, stills: Path, out: Path, config: Path | None = None) -> list[str]:
    settings = str(config or stills / "settings.toml")
    words = ["train", detector_id, "--data", str(stills), "--config", settings, "--out", str(out)]
    return [*words, "--size", "64", "--steps", "1"]
