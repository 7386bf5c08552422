"""The whole path on a tiny set made here: train by the command line, get weights with a card, evaluate them."""

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data
import torch
from safetensors.torch import load_file

from engine.cli import run
from engine.detectors.cards import load_card
from engine.detectors.registry import detector_info
from engine.detectors.specs import detector_spec
from engine.evaluation.detection import auc

pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = """
pairs = 4
warm_up = 1
validate_every = 2
validation_pairs = 8
workers = 0
"""


def write_clip(path: Path, frames: list[np.ndarray]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """real/ and fake/ of eight persons: one public picture under eight lights; forged ones have a blurred face.

    Two persons have clips, the others stills.
    """
    root = tmp_path_factory.mktemp("tiny")
    face = np.ascontiguousarray(skimage.data.astronaut()[0:260, 100:360])
    rng = np.random.default_rng(0)
    for label in ("real", "fake"):
        (root / label).mkdir()
    for person in range(8):
        light = np.clip(face * rng.uniform(0.85, 1.15, 3), 0, 255).astype(np.uint8)
        forged = light.copy()
        forged[60:190, 70:180] = cv2.GaussianBlur(light, (0, 0), 1.5)[60:190, 70:180]
        for label, picture in (("real", light), ("fake", forged)):
            if person < 2:
                write_clip(root / label / f"p{person}.mp4", [np.roll(picture, 2 * k, axis=1) for k in range(6)])
            else:
                cv2.imwrite(str(root / label / f"p{person}.png"), picture[..., ::-1])
    (root / "settings.toml").write_text(SETTINGS)
    return root


def test_train_then_evaluate(
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("engine.paths.WEIGHTS", tmp_path / "weights")
    words = ["train", "frame-mobile", "--data", str(tiny), "--config", str(tiny / "settings.toml"), "--size", "64"]
    assert run([*words, "--steps", "4", "--seed", "7"]) == 0
    out = tmp_path / "weights" / "frame-mobile"
    assert sorted(path.name for path in out.iterdir()) == ["card.toml", "model.safetensors"]
    assert detector_info(detector_spec("frame-mobile")).problem == ""
    card = load_card(out)
    assert (card.id, card.size, card.classes, card.trustworthy) == ("frame-mobile", 64, ("real", "fake"), False)
    assert card.training["seed"] == 7
    assert str(tiny) not in (out / "card.toml").read_text()
    assert {t.dtype for t in load_file(out / "model.safetensors").values()} == {torch.float16}

    second = tmp_path / "second"
    assert run([*words, "--steps", "4", "--seed", "7", "--out", str(second)]) == 0
    assert (second / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()

    capsys.readouterr()
    answer = tmp_path / "answer.json"
    assert run(["evaluate", "frame-mobile", "--data", str(tiny), "--protocol", "all", "--json", str(answer)]) == 0
    printed = capsys.readouterr().out
    found = json.loads(answer.read_text())
    assert found["detector"]["weights_sha256"] == card.sha256
    assert len(found["videos"]) == 16
    assert found["without_a_face"] == []
    measure = next(m for m in found["measures"] if m["metric"] == "AUC" and m["protocol"] == "all but dev")
    probabilities = [video["fake_probability"] for video in found["videos"]]
    labels = [video["label"] for video in found["videos"]]
    assert measure["value"] == pytest.approx(auc(probabilities, labels))
    assert (measure["n_real"], measure["n_fake"]) == (8, 8)
    assert measure["low"] <= measure["value"] <= measure["high"]
    assert f"AUC {measure['value']:.3f}" in printed
    clips = {video["name"]: video for video in found["videos"] if video["name"].endswith(".mp4")}
    assert len(clips) == 4
    for video in clips.values():  # six frames, every fifth of them scored, one face
        assert video["frames"] == [2]
        assert video["fake_probability"] == pytest.approx(max(video["tracks"]))

    assert run(["evaluate", "frame-mobile", "--data", str(tiny), "--record"]) == 0
    recorded = load_card(out)
    assert recorded.sha256 == card.sha256
    assert {m.metric for m in recorded.measures} == {"AUC", "balanced accuracy", "equal error rate"}
    assert not recorded.trustworthy


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--data", "nowhere"], "There is no such folder"),
        (["--data", "TINY", "--steps", "0"], "--steps 0 makes no sense"),
        (["--data", "TINY", "--config", "CONFIG"], "is no setting of the training"),
    ],
)
def test_wrong_words_are_answered_in_one_line(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text("stepps = 3\n")
    more = [{"TINY": str(tiny), "CONFIG": str(config)}.get(word, word) for word in more]
    assert run(["train", "frame-mobile", "--out", str(tmp_path / "out"), *more]) == 2
    complaint = capsys.readouterr().err
    assert words in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_untrained_detectors_are_not_evaluated(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("engine.paths.WEIGHTS", tmp_path / "empty")
    assert run(["evaluate", "frame-mobile", "--data", str(tiny), "--protocol", "all"]) == 2
    assert "is not trained" in capsys.readouterr().err
