"""Bad input through the real command line: status 2, one clear line, no traceback, nothing half-written."""

import os
import sys
from fractions import Fraction
from pathlib import Path

import av
import fake_worker
import numpy as np
import pytest
from cli_support import main_py

from engine import cli
from engine.runtime import engine as runtime
from engine.video.writer import ClipWriter


def video(path: Path, frames: int = 30, size: tuple[int, int] = (64, 48)) -> Path:
    rng = np.random.default_rng(0)
    with ClipWriter(path, *size, Fraction(1, 25)) as writer:
        for number in range(frames):
            writer.write(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8), number, 1)
    return path


def empty(folder: Path) -> Path:
    path = folder / "empty.mp4"
    path.touch()
    return path


def text(folder: Path) -> Path:
    path = folder / "text.mp4"
    path.write_text("this is a letter, not a video\n" * 50)
    return path


def truncated(folder: Path) -> Path:
    whole = video(folder / "whole.mp4").read_bytes()
    (folder / "whole.mp4").unlink()
    path = folder / "truncated.mp4"
    path.write_bytes(whole[: len(whole) // 2])  # the table of contents is at the end
    return path


def sound_only(folder: Path) -> Path:
    path = folder / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=44100)
        block = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
        block.sample_rate = 44100
        for packet in [*stream.encode(block), *stream.encode(None)]:
            out.mux(packet)
    return path


def zero_size(folder: Path) -> Path:
    path = folder / "zero.y4m"
    path.write_bytes(b"YUV4MPEG2 W0 H0 F25:1 Ip A1:1 C420\n" + b"FRAME\n" * 5)
    return path


def noise(folder: Path) -> Path:
    path = folder / "noise.mp4"
    path.write_bytes(np.random.default_rng(1).bytes(100_000))
    return path


def folder_without_pictures(folder: Path) -> Path:
    path = folder / "nothing"
    path.mkdir()
    return path


BAD = [empty, text, truncated, sound_only, zero_size, noise, folder_without_pictures]


@pytest.mark.parametrize("make", BAD)
def test_a_bad_file_in_a_child(tmp_path: Path, make) -> None:
    bad = make(tmp_path)
    before = sorted(p.name for p in tmp_path.iterdir())
    done = main_py("analyze", bad, "--json", tmp_path / "r.json", "--case", tmp_path / "c.tell")
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert str(bad) in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["explain", "export", "stills"])
@pytest.mark.parametrize("make", BAD)
def test_a_bad_file_under_every_command(
    tmp_path: Path, make, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = make(tmp_path)
    before = sorted(p.name for p in tmp_path.iterdir())
    out = tmp_path / ("clip.mp4" if command == "export" else "out")
    assert cli.run([command, str(bad), "--frames", "0:3", "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_one_may_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = video(tmp_path / "a.mp4")
    path.chmod(0)
    assert cli.run(["analyze", str(path)]) == 2
    assert "may not read" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the superuser can become nobody")
def test_a_file_one_may_not_read_as_nobody(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4")
    path.chmod(0)
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(folder.stat().st_mode | 0o111)
    # The package is imported first: nobody may not be able to read where it lies.
    code = (
        "import os, sys; import engine.cli.analyze, engine.cli.words; from engine import cli;"
        "os.setgid(65534); os.setuid(65534); sys.exit(cli.run(sys.argv[1:]))"
    )
    done = main_py("analyze", path, code=code)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "may not read this file" in done.stderr


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    path = video(tmp_path / "one.mp4", frames=1)
    assert cli.run(["stills", str(path), "--frames", "0:1", "--out", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").glob("frame_*.png"))) == 1


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> fake_worker.Settings:
    monkeypatch.setattr(runtime, "WORKER", "fake_worker")
    settings = fake_worker.reset()
    settings.frames, settings.segment = 30, 10
    return settings


@pytest.mark.parametrize("fate", ["vanishes", "changes", "is swapped"])
def test_a_file_that_does_not_stay_as_it_was(
    tmp_path: Path,
    worker: fake_worker.Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fate: str,
) -> None:
    path = video(tmp_path / "a.mp4")
    real = fake_worker.FakeWorker.run

    def run(self, request, job):
        if fate == "vanishes":
            path.unlink()
        elif fate == "changes":
            with path.open("ab") as file:
                file.write(b"more")
        else:
            video(tmp_path / "b.mp4").replace(path)
        return real(self, request, job)

    monkeypatch.setattr(fake_worker.FakeWorker, "run", run)
    out = tmp_path / "out.mp4"
    assert cli.run(["export", str(path), "--frames", "0:5", "--out", str(out)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert str(path) in err
    assert [p.name for p in tmp_path.iterdir()] == ([] if fate == "vanishes" else ["a.mp4"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_while_exporting_in_a_child(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4", size=(320, 240))
    code = (
        "import resource, sys; sys.path.insert(0, 'tests');"
        "from engine.runtime import engine; engine.WORKER = 'fake_worker';"
        "import fake_worker; fake_worker.SETTINGS.frames = 30;"
        "from engine import cli; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000));"
        "sys.exit(cli.run(sys.argv[1:]))"
    )
    done = main_py("export", path, "--frames", "0:30", "--out", tmp_path / "clip.mp4", code=code)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "The disk is full" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
