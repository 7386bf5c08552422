"""`compare` from its words to its files."""

import json
from pathlib import Path

import pytest
from cli_support import main_py

from engine import cli


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--explainers", "gradcam", "--every", "0"], "--every 0"),
        (["--explainers", "gradcam", "--checks", "-1"], "--checks -1"),
        (["--explainers", ","], "No id"),
        (["--explainers", "gradcam", "--frames", "9:3"], "empty"),
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
