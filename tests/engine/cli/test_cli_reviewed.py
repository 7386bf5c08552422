"""Commands on a case show what the window shows: scores and verdicts without the prototypes that were excluded."""

import json
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest
from fake_worker import _identity, fake_scores, fake_track

from engine import cli
from engine.case.case_file import CaseFile
from engine.case.reviewed import note_exclusions
from engine.results import DetectorInfo, Prototype, PrototypeSource, frozen
from engine.runtime.protocol import AnalysisDone, AnalyzeRequest
from engine.video.writer import ClipWriter

SOURCE = PrototypeSource("a.mp4", 0, (0, 0, 1, 1), (0, 0), (0, 0, 1, 1), 0.1, "")
PROTOTYPES = tuple(
    Prototype(name, name[:4], (1.0, -0.5) if name.startswith("real") else (-0.5, 1.0), SOURCE)
    for name in ("real 1", "real 2", "fake 1", "fake 2")
)
SIMILARITY = np.array([[0.2, 0.1, 0.5, 0.3], [0.1, 0.35, 0.4, 0.9], [0.3, 0.2, 0.6, 0.2]], np.float32)
LOGITS = (1.5 * (SIMILARITY[:, 2:].sum(1, dtype=np.float64) - SIMILARITY[:, :2].sum(1, dtype=np.float64))).astype(
    np.float32
)


def answer(video: Path) -> AnalysisDone:
    scores = replace(
        fake_scores("dpnet-compact", 0, 2),
        spans=frozen(np.array([[0, 4], [5, 9], [10, 14]])),
        logits=frozen(LOGITS),
        fake_probability=frozen((1 / (1 + np.exp(-LOGITS))).astype(np.float32)),
        activations=MappingProxyType({"similarity": frozen(SIMILARITY)}),
    )
    identity = replace(_identity(video), frames=15)
    return AnalysisDone(1, identity, "dpnet-compact", (fake_track(0, 14),), (scores,), 0.6, ())


class Session:
    """Stands for the engine."""

    device = "cpu"

    def __init__(self, *_: object) -> None:
        self.progress = SimpleNamespace(show=lambda _: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def named(self, detectors: list[str]) -> list[str]:
        return detectors

    def say(self, line: str) -> None:
        pass

    def detectors(self) -> Any:
        info = DetectorInfo("dpnet-compact", "DPNet", "P000", True, "0" * 64, {}, "", (), "", PROTOTYPES)
        return SimpleNamespace(detectors=(info,))

    def ask(self, request: AnalyzeRequest) -> Iterator[AnalysisDone]:
        yield answer(request.video)


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in ("check_sources", "export"):
        monkeypatch.setattr(f"engine.cli.{module}.EngineSession", Session)
    path = tmp_path / "video.mp4"
    with ClipWriter(path, 320, 240, Fraction(1, 25)) as writer:
        for number in range(15):
            writer.write(np.full((240, 320, 3), number * 8, np.uint8), number, 1)
    return path


@pytest.fixture
def case(tmp_path: Path, video: Path) -> Path:
    """In which the strongest prototype of fake is excluded from the video."""
    path, done = tmp_path / "a.tell", answer(video)
    with CaseFile.create(path) as opened:
        opened.put_video(done.video)
        weights = done.scores[0].provenance.weights_sha256
        note_exclusions(opened, done.video, "dpnet-compact", weights, ["fake 2"])
    return path


def test_check_leaves_them_out_and_says_so(
    tmp_path: Path, video: Path, case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    words = ["check", str(case), "--detector", "dpnet-compact", "--spec", "phi_1", "--json", str(out)]
    assert cli.run(words) == 0
    (trace,) = json.loads(out.read_text())["traces"]
    phi_1 = trace["specifications"][0]
    assert phi_1["robustness"] == pytest.approx(0.6 - 0.35)
    assert phi_1["witness"]["prototype"] == "fake 1"
    assert trace["detector"]["excluded_prototypes"] == ["fake 2"]
    logits = 1.5 * (SIMILARITY[:, 2] - SIMILARITY[:, :2].sum(1))
    assert trace["fake_probability"] == pytest.approx(float((1 / (1 + np.exp(-logits))).mean()), abs=1e-6)
    assert "1 prototype excluded, as the case says (fake 2)" in capsys.readouterr().err
    assert cli.run(["check", str(video), *words[2:]]) == 0
    assert json.loads(out.read_text())["traces"][0]["specifications"][0]["robustness"] == pytest.approx(0.9 - 0.35)


def test_an_exported_clip_is_without_them_too(tmp_path: Path, case: Path) -> None:
    out = tmp_path / "clip.mp4"
    words = ["export", str(case), "--frames", "0:3", "--out", str(out), "--detector", "dpnet-compact"]
    assert cli.run(words) == 0
    told = json.loads(out.with_suffix(".json").read_text())
    assert told["excluded_prototypes"] == ["fake 2"]
    logit = 1.5 * float(SIMILARITY[0, 2] - SIMILARITY[0, :2].sum())
    assert told["frames"][0]["faces"][0]["fake_probability"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)
