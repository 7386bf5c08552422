"""Detectors as ONNX: ONNX Runtime, fed by what the description says, against the unfolded network in torch."""

import hashlib
import json
import tomllib
from pathlib import Path

import numpy as np
import onnx as onnx_format
import onnxruntime
import pytest
import torch
from random_weights import card_values, noise_crops, random_network, write_random_weights

from engine import cli, onnx_forms, paths
from engine import onnx as exporter
from engine.detectors.cards import parse_card
from engine.detectors.frame import FrameDetector
from engine.errors import ExportError, UsageError

SIDE = 64


def detector_of(detector_id: str) -> FrameDetector:
    network = random_network(detector_id, SIDE)
    card = parse_card(card_values(detector_id, network) | {"sha256": "5" * 64})
    return FrameDetector(detector_id, network, card, torch.device("cpu"), "float32")


@pytest.fixture(scope="module")
def mobile() -> FrameDetector:
    return detector_of("frame-mobile")


def as_described(path: Path, crops: np.ndarray) -> np.ndarray:
    """Logits of uint8 RGB crops, made by what stands in the TOML file alone."""
    words = tomllib.loads(path.with_suffix(".toml").read_text())
    given = words["input"]
    assert (given["layout"], given["colour"], given["size"]) == ("NCHW", "RGB", crops.shape[1])
    pixels = (crops / given["scale"] - given["mean"]) / given["std"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    fed = {given["name"]: pixels.transpose(0, 3, 1, 2).astype(np.float32)}
    return np.asarray(session.run([words["output"]["name"]], fed)[0])


@pytest.mark.parametrize(
    "detector_id",
    [
        "frame-mobile",
        "frame-b4-ltpa",
        *(
            pytest.param(f"frame-{each}", marks=pytest.mark.long)
            for each in ("b4", "b4-attention", "b7", "b7-ltpa")
        ),
    ],
)
def test_the_network_gives_torchs_logits_for_any_batch(detector_id: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    deviation = exporter.export_onnx(detector_of(detector_id), path)
    assert max(deviation.logit, deviation.probability) <= 1e-3
    # Of those that the random network was normalised to: others it answers in digits that float32 does not hold.
    crops, network = noise_crops(24, SIDE)[:5], random_network(detector_id, SIDE)
    shift, scale = (np.array(v)[:, None, None] for v in (network.input_mean, network.input_std))
    inputs = (crops.transpose(0, 3, 1, 2) / 255 - shift) / scale
    with torch.inference_mode():
        expected = network(torch.from_numpy(inputs).float()).numpy()
    assert np.ptp(expected) > 0.1  # a network that ignored its input would prove nothing
    for count in (1, 2, 5):
        np.testing.assert_allclose(as_described(path, crops[:count]), expected[:count], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("opset", [13, 20])
def test_the_file_says_what_it_is(mobile: FrameDetector, tmp_path: Path, opset: int) -> None:
    path = tmp_path / "mobile.onnx"
    exporter.export_onnx(mobile, path, opset)
    model = onnx_format.load(path)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", opset)]
    inside = {each.key: each.value for each in model.metadata_props}
    assert inside["opset"] == str(opset)
    assert (inside["detector"], inside["weights_sha256"]) == ("frame-mobile", "5" * 64)
    given, result = json.loads(inside["input"]), json.loads(inside["output"])
    assert (given["size"], given["mean"], given["std"]) == (SIDE, list(mobile.card.mean), list(mobile.card.std))
    assert result["classes"] == ["real", "fake"]
    beside = tomllib.loads(path.with_suffix(".toml").read_text())
    assert beside["onnx_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (beside["input"], beside["output"]) == (given, result)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mobile.onnx", "mobile.toml"]


def test_a_file_with_other_logits_is_not_written(
    mobile: FrameDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FrameDetector(
        mobile.id, random_network(mobile.id, SIDE, seed=1), mobile.card, torch.device("cpu"), "float32"
    )
    wrong = exporter.traced(other.network, torch.zeros(2, 3, SIDE, SIDE), 17)
    monkeypatch.setattr(exporter, "traced", lambda *_: wrong)
    with pytest.raises(
        ExportError, match=r"from those of torch, and probabilities that lie [0-9.e-]+ from them\. Choose"
    ):
        exporter.export_onnx(mobile, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_weights_that_float32_cannot_hold_are_named_as_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random B4 with LTPA on crops unlike those it was normalised to: its maps grow
    a thousandfold, and so do errors.

    In float64 a crop's logit is -360.05; with each pixel moved by one rounding of float32 it is -350.5.
    """
    wild = noise_crops(6, SIDE, seed=5)[3:]
    monkeypatch.setattr(onnx_forms, "clouds", lambda *_: np.concatenate([wild, wild[2:]]))
    with pytest.raises(ExportError, match="float32 does not hold"):
        exporter.export_onnx(detector_of("frame-b4-ltpa"), tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "opset"), [("x.onnx", 12), ("x.onnx", 21), ("x.toml", 17), ("x", 17)])
def test_words_that_make_no_sense_are_refused(name: str, opset: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        exporter.check_request(tmp_path / name, opset)


def test_a_description_replaces_its_like_and_nothing_else(mobile: FrameDetector, tmp_path: Path) -> None:
    card = tmp_path / "card.toml"
    card.write_text("id = 1\n")
    with pytest.raises(UsageError, match="another thing"):
        exporter.export_onnx(mobile, tmp_path / "card.onnx")
    assert card.read_text() == "id = 1\n"
    for opset in (17, 18):
        exporter.export_onnx(mobile, tmp_path / "again.onnx", opset)
    assert tomllib.loads((tmp_path / "again.toml").read_text())["opset"] == 18


def test_the_command_writes_a_trained_detector_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_random_weights(tmp_path, "frame-mobile")
    monkeypatch.setattr(paths, "weights_dirs", lambda: (folder.parent,))
    out = tmp_path / "mobile.onnx"
    assert cli.run(["onnx", "frame-mobile", "--out", str(out), "--opset", "18"]) == 0
    assert "opset 18" in capsys.readouterr().out
    assert as_described(out, noise_crops(1, 224)).shape == (1,)
    for wrong, message in (("frame-b4", "is not trained"), ("nonsense", "There is no detector")):
        assert cli.run(["onnx", wrong, "--out", str(tmp_path / "b4.onnx")]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "b4.onnx").exists()
