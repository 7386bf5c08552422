"""From the folder of a published data set to weights and figures, by the command line alone."""

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data

from engine.cli import run
from engine.detectors.cards import load_card

pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = "pairs = 2\nwarm_up = 1\nvalidate_every = 1\nvalidation_pairs = 4\nworkers = 0\n"


def portrait(light: float, *, forged: bool) -> np.ndarray:
    face = np.clip(skimage.data.astronaut()[0:240, 110:350] * light, 0, 255).astype(np.uint8)
    if forged:
        face[60:190, 60:170] = cv2.GaussianBlur(face, (0, 0), 2)[60:190, 60:170]
    return face


def write_clip(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], "yuv420p"
        for shift in range(3):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, shift, axis=1), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def train(data: Path, out: Path, *more: str) -> int:
    settings = out.with_suffix(".toml")
    settings.write_text(SETTINGS)
    words = ["--config", str(settings), "--size", "64", "--steps", "1", "--out", str(out)]
    return run(["train", "frame-mobile", "--data", str(data), *words, *more])


def test_train_and_evaluate_on_faceforensics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "FaceForensics++"
    pairs = {"train": [["000", "001"]], "val": [["002", "003"]], "test": [["004", "005"]]}
    for number, (one, other) in enumerate(pair for part in pairs.values() for pair in part):
        for a, b in ((one, other), (other, one)):
            light = 0.85 + 0.1 * number
            write_clip(root / f"original_sequences/youtube/c23/videos/{a}.mp4", portrait(light, forged=False))
            forged = root / f"manipulated_sequences/Deepfakes/c23/videos/{a}_{b}.mp4"
            write_clip(forged, portrait(light, forged=True))
    (root / "splits").mkdir()
    for name, part in pairs.items():
        (root / "splits" / f"{name}.json").write_text(json.dumps(part))
    monkeypatch.setattr("engine.paths.WEIGHTS", tmp_path / "weights")
    (tmp_path / "weights").mkdir()
    out = tmp_path / "weights" / "frame-mobile"
    assert train(root, out) == 0
    told = capsys.readouterr().out
    assert "train 2 real and 2 forged, validation 2 real and 2 forged, test 2 real and 2 forged" in told
    assert "genuine pairs" in told  # the forgeries were put beside their originals
    assert load_card(out).id == "frame-mobile"
    assert run(["evaluate", "frame-mobile", "--data", str(root), "--protocol", "intra", "--every", "2"]) == 0
    assert "AUC" in capsys.readouterr().out


def test_train_and_evaluate_on_face_sequences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "wild"
    for archive in range(12):  # enough that the hash of their names holds some out
        for word in ("real", "fake"):
            folder = root / f"{word}_train" / str(archive) / word / "0"
            folder.mkdir(parents=True)
            picture = portrait(0.8 + 0.03 * archive, forged=word == "fake")
            for number in range(2):
                cv2.imwrite(str(folder / f"{number}.png"), np.roll(picture, number, axis=0)[..., ::-1])
    monkeypatch.setattr("engine.paths.WEIGHTS", tmp_path / "weights")
    (tmp_path / "weights").mkdir()
    assert train(root, tmp_path / "weights" / "frame-mobile") == 0
    told = capsys.readouterr().out
    assert "WildDeepfake data set" in told
    assert "Leaks persons" in told
    words = ["--data", str(root), "--protocol", "validation", "--json", str(tmp_path / "figures.json")]
    assert run(["evaluate", "frame-mobile", *words]) == 0
    assert "AUC" in capsys.readouterr().out
