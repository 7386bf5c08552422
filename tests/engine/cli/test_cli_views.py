"""`views` as a user calls it, with LPS networks of random weights and a real face."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from random_weights import card_values

from engine.cli import run
from engine.detectors.specs import detector_spec
from engine.detectors.weights import save_weights
from engine.evaluation.record import recompute
from tests.engine.networks.lps.lps_weights import fill

SIZE = 64


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of shipped weights with lps-compact, and beside it `before`, whose answers are the other way."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("weights")
    network = detector_spec("lps-compact").build(SIZE)
    with torch.no_grad():
        fill(network)
    values = card_values("lps-compact", network) | {"aligned": True}
    save_weights(folder / "lps-compact", network, values, torch.float16)
    with torch.no_grad():
        network.classifier[-1].weight.mul_(-1)
        network.classifier[-1].bias.mul_(-1)
    save_weights(folder / "before", network, values, torch.float16)
    return folder


@pytest.fixture(autouse=True)
def _random_weights(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr("engine.paths.WEIGHTS", weights)


@pytest.fixture
def data(face: Path, tmp_path: Path) -> Path:
    """The same clip as real and as forged; a set needs several persons."""
    for label, persons in (("real", "abcde"), ("fake", "a")):
        (tmp_path / "set" / label).mkdir(parents=True)
        for person in persons:
            shutil.copy(face, tmp_path / "set" / label / f"{person}.mp4")
    return tmp_path / "set"


def views(*words: object) -> int:
    return run(["views", *map(str, words)])


def test_the_report_and_its_numbers_are_written(
    data: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["lps-compact", "--data", data, "--protocol", "all", "--every", 120, "--limit", 1, "--device", "cpu"]
    assert views(*words, "--out", out, "--against", weights / "before", "--worst", 1) == 0
    assert "2 videos" in capsys.readouterr().out
    told = json.loads((out / "views.json").read_text())
    assert recompute(told) == [told["measures"]]
    assert [video["label"] for video in told["videos"]] == [0, 1]
    assert told["videos"][0]["scores"][0]["spans"] == [[0, 59], [65, 124]]
    assert told["command"].startswith("python main.py views lps-compact --data set --protocol all")
    assert told["command"].endswith("--worst 1 --against before")
    assert str(tmp_path) not in (out / "views.json").read_text()
    with np.load(out / "views.npz", allow_pickle=False) as arrays:
        assert arrays["video.label"].tolist() == [0, 1]
        np.testing.assert_allclose(
            arrays["window.probability"] + arrays["window.probability_before"], 1, atol=1e-5
        )
        assert arrays["clip.context"].shape[1] == 256
    html = (out / "report.html").read_text()
    assert html.count("<svg") == len(list(out.glob("*.svg")))
    assert {"tsne-context.svg", "tsne-spatial.svg", "second-difference.svg", "worst-0.svg"} <= {
        path.name for path in out.glob("*.svg")
    }
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lps-compact", "--protocol", "perturbations"], "does not go with the protocol"),
        (["lps-compact", "--clips", "0"], "--clips 0 makes no sense"),
        (["lps-compact", "--threshold", "1"], "--threshold 1 makes no sense"),
        (["lps-compact", "--protocol", "all", "--against", "nowhere"], "nowhere"),
        (["frame-b4", "--protocol", "all"], "not trained"),
    ],
)
def test_words_that_make_no_sense(
    data: Path, tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert views(*words, "--data", data, "--out", tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "out").exists()
