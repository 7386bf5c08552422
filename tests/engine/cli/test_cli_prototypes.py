"""`analyze` and `check` of a detector with prototypes: names, classes, and specifications over similarities."""

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
from engine.results import DetectorInfo, Prototype, PrototypeSource, frozen
from engine.runtime.protocol import AnalysisDone, AnalyzeRequest
from engine.video.writer import ClipWriter

NAMES = ("real 1", "real 2", "flicker of the mouth 1", "jitter of the eyes 1")
SOURCE = PrototypeSource("a.mp4", 0, (0, 0, 1, 1), (0, 0), (0, 0, 1, 1), 0.1, "")
PROTOTYPES = tuple(
    Prototype(name, "real" if k < 2 else "fake", (1.0, -0.5), SOURCE) for k, name in enumerate(NAMES)
)
SIMILARITY = np.array(
    [[0.2, 0.1, 0.5, 0.3], [0.1, 0.35, 0.4, 0.9], [0.3, 0.2, 0.1, 0.2], [0.15, 0.1, 0.3, 0.2]], np.float32
)
SPANS = [[3, 4], [5, 9], [10, 18], [19, 29]]
"""As at the ends of a stretch: steps of 2, 5 and 9 frames, with no frame between them."""


class Session:
    """Stands for the engine: one face, scored in four clips."""

    device = "cpu"

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def named(self, detectors: list[str]) -> list[str]:
        return detectors

    def detectors(self) -> Any:
        info = DetectorInfo("dpnet-compact", "DPNet", "P000", True, "0" * 64, {}, "", (), "", PROTOTYPES)
        return SimpleNamespace(detectors=(info,))

    def ask(self, request: AnalyzeRequest) -> Iterator[AnalysisDone]:
        logits = np.array([1.0, 2.0, -0.5, 0.5], np.float32)
        scores = replace(
            fake_scores("dpnet-compact", 0, 3),
            spans=frozen(np.array(SPANS)),
            logits=frozen(logits),
            fake_probability=frozen((1 / (1 + np.exp(-logits))).astype(np.float32)),
            activations=MappingProxyType({"similarity": frozen(SIMILARITY)}),
        )
        identity = replace(_identity(request.video), frames=30)
        yield AnalysisDone(1, identity, "dpnet-compact", (fake_track(3, 29),), (scores,), 0.6, ())


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in ("analyze", "check_sources"):
        monkeypatch.setattr(f"engine.cli.{module}.EngineSession", Session)
    path = tmp_path / "video.mp4"
    with ClipWriter(path, 64, 48, Fraction(1, 25)) as writer:
        for number in range(30):
            writer.write(np.full((48, 64, 3), number * 8, np.uint8), number, 1)
    return path


def test_analyze_names_the_columns_of_similarity(tmp_path: Path, video: Path) -> None:
    out = tmp_path / "out.json"
    assert cli.run(["analyze", str(video), "--detector", "dpnet-compact", "--json", str(out)]) == 0
    (entry,) = json.loads(out.read_text())[0]["tracks"][0]["detectors"]
    assert entry["prototypes"] == {"order": list(NAMES), "fake": list(NAMES[2:]), "real": list(NAMES[:2])}
    np.testing.assert_array_equal(np.array(entry["activations"]["similarity"], np.float32), SIMILARITY)
    assert entry["spans"] == SPANS


def test_check_takes_classes_and_prediction_from_the_detector(
    tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "answer.json"
    specs = ["--spec", "phi_1", "--spec", "phi_3"]
    assert cli.run(["check", str(video), "--detector", "dpnet-compact", *specs, "--json", str(out)]) == 0
    (trace,) = json.loads(out.read_text())["traces"]
    assert trace["predicted"] == "fake"
    phi_1, phi_3 = trace["specifications"]
    # phi_1: the most that a fake prototype finds anywhere, less the most of a real one
    assert phi_1["robustness"] == pytest.approx(0.9 - 0.35)
    assert (phi_1["witness"]["frame"], phi_1["witness"]["prototype"]) == (5, "jitter of the eyes 1")
    assert phi_3["robustness"] == pytest.approx(0.4 - 0.35)
    assert (trace["stride"], trace["gaps"]) == (5, 0)
    assert "gaps" not in capsys.readouterr().err


def test_the_same_answers_as_of_a_file_of_series(tmp_path: Path, video: Path) -> None:
    series = tmp_path / "series.json"
    series.write_text(
        json.dumps(
            {
                "prototypes": {"real": NAMES[:2], "fake": NAMES[2:]},
                "predicted": "fake",
                "similarity": {name: SIMILARITY[:, k].tolist() for k, name in enumerate(NAMES)},
                "frames": [first for first, _ in SPANS],
            }
        )
    )
    out = tmp_path / "answer.json"
    words = [
        "check",
        str(series),
        str(video),
        "--detector",
        "dpnet-compact",
        "--spec",
        "phi_2",
        "--json",
        str(out),
    ]
    assert cli.run(words) == 0
    one, other = json.loads(out.read_text())["traces"]
    assert one["specifications"] == other["specifications"]
