"""`--detector FILE.onnx` from its words to its answers, with the real engine."""

import json
from pathlib import Path

import pytest
from onnx_models import SIDE, linear, write, write_toml

from engine import cli


def answer(*words: object) -> int:
    return cli.run([str(word) for word in words])


def test_a_model_is_asked_for_analysed_stored_and_explained(
    face: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, case, out = tmp_path / "mine.onnx", tmp_path / "c.tell", tmp_path / "out.json"
    model.write_bytes(linear().SerializeToString())
    words = ("analyze", face, "--every", 50, "--detector", model, "--case", case, "--json", out, "--device", "cpu")

    assert answer(*words) == 2
    told = capsys.readouterr()
    assert (told.err.count("\n"), "mine.toml is missing beside it" in told.err) == (1, True)
    assert f"size = {SIDE}" in told.out
    assert '# colour = "RGB"' in told.out

    write(model, linear())
    assert answer(*words) == 0
    (entry,) = json.loads(out.read_text())
    ((name, verdict),) = entry["detectors"].items()
    assert name.startswith("onnx-mine-")
    assert 0 < verdict["fake_probability"] < 1
    assert verdict["log10_likelihood_ratio"] is None
    assert entry["fake_probability"] is None  # nobody trusts it
    assert any("not measured here" in each for each in verdict["warnings"])
    assert entry["tracks"][0]["detectors"][0]["spans"] == [[0, 0], [50, 50], [100, 100]]

    write_toml(model, scale=128.0)  # the same file fed in another way is another detector
    assert answer(*words) == 0
    ((other, changed),) = json.loads(out.read_text())[0]["detectors"].items()
    assert other != name
    assert changed["fake_probability"] != verdict["fake_probability"]

    capsys.readouterr()
    maps = tmp_path / "maps"
    explain = ("explain", face, "--frames", "0:1", "--detector", model, "--out", maps, "--device", "cpu")
    assert answer(*explain, "--explainer", "gradcam") == 2
    assert "only the scores can be had" in capsys.readouterr().err
    assert answer(*explain, "--explainer", "kernel-shap", "--set", "samples=60") == 0
    assert json.loads((maps / "summary.json").read_text())
