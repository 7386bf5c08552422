"""`compare` from its words to its files."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_support import main_py

from engine import cli
from engine.cli import compare
from engine.errors import UsageError
from engine.evaluation.explanations.badge import find_sanity
from engine.explainers.registry import load_explainer


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--explainers", "gradcam", "--every", "0"], "--every 0"),
        (["--explainers", "gradcam", "--checks", "-1"], "--checks -1"),
        (["--explainers", ","], "No id"),
        (["--explainers", "gradcam", "--frames", "9:3"], "empty"),
        (["--explainers", "gradcam", "--record", "--checks", "0"], "--record"),
        (["--explainers", "dowsing"], "dowsing"),
        (["--explainers", "gradcam", "--detector", "oracle"], "oracle"),
        ([], "--explainers"),
    ],
)
def test_words_that_make_no_sense_end_with_one_line(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["compare", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "out"), *words]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_out_may_not_be_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "file"
    path.touch()
    assert cli.run(["compare", "x.mp4", "--explainers", "gradcam", "--out", str(path)]) == 2
    assert "file" in capsys.readouterr().err


def test_a_folder_without_videos_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "note.txt").touch()
    out = tmp_path / "out"
    assert cli.run(["compare", str(tmp_path), "--explainers", "gradcam", "--out", str(out)]) == 2
    assert "no video" in capsys.readouterr().err


def test_a_folder_gives_its_clips_and_leaves_what_cannot_be_read(face: Path, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(face.read_bytes())
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "note.txt").write_text("no clip")
    out = tmp_path / "deep" / "out"
    done = main_py(
        "compare", folder, "--explainers", "gradcam", "--out", out, "--frames", "0:20", "--every", 8, "--checks", 1
    )
    assert done.returncode == 0, done.stderr
    data = json.loads((out / "compare.json").read_text())
    (video,) = data["videos"]
    assert video["name"] == "a.mp4"
    assert video["frames"] == [0, 8, 16]
    assert list(data["unread"]) == ["broken.mp4"]
    outcome = video["outcomes"]["gradcam"]
    assert outcome["passes"] == 3
    assert outcome["native_size"] == [7, 7]
    assert data["table"]["all"]["gradcam"]["V"]["mean"] == outcome["measures"]["variance"]
    assert len(data["detector"]["weights_sha256"]) == 64
    assert str(tmp_path) not in data["command"]
    assert not list(out.glob("*.part"))
    assert "<svg" in (out / "report.html").read_text()
    assert "broken.mp4 was not measured" in done.stdout


def test_the_badge_is_kept_beside_the_weights_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.detectors.registry.weights_folder", lambda _: tmp_path)
    explainer = load_explainer("gradcam", "frame-mobile")
    detector = SimpleNamespace(id="frame-mobile", weights_sha256="ab" * 32)
    videos = [
        SimpleNamespace(outcomes={"gradcam": SimpleNamespace(untaught=figure)}, checked=(0, 8))
        for figure in (0.1, 0.2, math.nan, 0.1, 0.2)
    ]
    lines = list(compare._recorded(detector, {"gradcam": explainer}, videos))  # type: ignore[arg-type]
    assert lines[0].startswith("gradcam: sanity passes.")
    assert "4 videos, 8 frames" in lines[0]
    assert find_sanity(tmp_path, "ab" * 32, explainer).verdict == "passes"
    monkeypatch.setattr("engine.detectors.registry.weights_folder", lambda _: None)
    with pytest.raises(UsageError, match="foreign"):
        list(compare._recorded(detector, {"gradcam": explainer}, videos))  # type: ignore[arg-type]
