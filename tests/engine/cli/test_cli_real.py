"""The real engine behind the command line: no network, kill -9, weights at fault.

A child is started only where the process itself matters. The weights are random: the way is proven, not the
verdict.
"""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_support import PROJECT, child_environment, main_py

from engine import cli, paths
from engine.case.case_file import CaseFile, StoredSpan
from engine.video.writer import ClipWriter

pytestmark = pytest.mark.timeout(240)

OFFLINE = """
import socket, sys
def refuse(*args, **more):
    raise AssertionError("the network was asked for")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
from engine import cli
sys.exit(cli.run(sys.argv[1:]))
"""


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with weights that fit frame-mobile and mean nothing."""
    import torch

    from engine.detectors.weights import save_weights
    from engine.networks.mobilenet import build_mobilenet

    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("weights") / "frame-mobile"
    card = {
        "id": "frame-mobile", "architecture": "mobilenetv2-1.0", "size": 224, "margin": 0.0,
        "classes": ["real", "fake"], "mean": [0.5] * 3, "std": [0.5] * 3, "date": "2026-01-01",
        "trustworthy": False, "trust_reason": "random",
    }  # fmt: skip
    save_weights(folder, build_mobilenet(224), card, torch.float16)
    return folder


@pytest.fixture
def weights(random_weights: Path) -> Path:
    """The same as this test's own, where the program looks first."""
    return Path(shutil.copytree(random_weights, paths.data_dir() / "weights" / "frame-mobile"))


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    path = tmp_path / "grey.mp4"
    with ClipWriter(path, 160, 120, Fraction(1, 25)) as writer:
        for number in range(10):
            writer.write(np.full((120, 160, 3), 100 + number, np.uint8), number, 1)
    return path


@pytest.mark.usefixtures("weights")
def test_everything_works_without_a_network(tmp_path: Path, face: Path, grey: Path) -> None:
    done = main_py("analyze", face, grey, "--every", "5", "--json", tmp_path / "r.json", code=OFFLINE)
    assert done.returncode == 0, done.stderr
    one, other = json.loads((tmp_path / "r.json").read_text())
    assert one["video"]["frames"] == 125
    assert len(one["tracks"]) == 1
    mine = one["tracks"][0]["detectors"][0]
    assert len(mine["spans"]) == len(mine["span_fake_probability"]) == 25
    assert [a % 5 for a, _ in mine["spans"]] == [0] * 25
    assert mine["fake_probability"] == pytest.approx(np.mean(mine["span_fake_probability"]), abs=1e-6)
    assert one["detectors"]["frame-mobile"]["fake_probability"] == mine["fake_probability"]
    assert one["fake_probability"] is None, "the card says that these weights cannot be trusted"
    assert other["tracks"] == []
    assert other["detectors"]["frame-mobile"]["fake_probability"] is None
    assert other["detectors"]["frame-mobile"]["warnings"]


@pytest.mark.usefixtures("weights")
def test_export_and_explain_of_a_real_face(tmp_path: Path, face: Path) -> None:
    assert cli.run(["explain", str(face), "--frames", "10:12", "--out", str(tmp_path / "maps")]) == 0
    with np.load(tmp_path / "maps" / "maps.npz", allow_pickle=False) as bundle:
        assert bundle["frames"].tolist() == [10, 11]
        assert bundle["values"].dtype == np.float32
        assert (bundle["values"] < 0).any()
        assert (bundle["values"] > 0).any()
        centre = bundle["affine"] @ [bundle["values"].shape[2] / 2, bundle["values"].shape[1] / 2, 1]
    assert (np.abs(centre - [160, 115]) < 50).all(), "the middle of the map lies on the face"
    words = [
        "export",
        str(face),
        "--frames",
        "10:20",
        "--out",
        str(tmp_path / "clip.mp4"),
        "--explainer",
        "gradcam",
    ]
    assert cli.run(words) == 0
    side = json.loads((tmp_path / "clip.json").read_text())
    assert [len(row["faces"]) for row in side["frames"]] == [1] * 10
    assert {p["component"] for p in side["provenance"]} == {"frame-mobile", "gradcam"}


@pytest.mark.parametrize("fault", ["untrained", "hash", "shape", "text"])
def test_weights_at_fault(
    tmp_path: Path, face: Path, weights: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    detector, model = "frame-mobile", weights / "model.safetensors"
    if fault == "untrained":
        detector = "frame-b7"
    elif fault == "hash":
        data = bytearray(model.read_bytes())
        data[-1] ^= 1
        model.write_bytes(data)
    elif fault == "shape":
        import torch

        from engine.detectors.cards import load_card
        from engine.detectors.weights import save_weights
        from engine.networks.mobilenet import build_mobilenet

        network = build_mobilenet(224)
        last = [m for m in network.modules() if isinstance(m, torch.nn.Linear)][-1]
        last.weight = torch.nn.Parameter(torch.zeros(2, last.in_features))
        raw = {k: v for k, v in load_card(weights).raw.items() if k != "sha256"}
        save_weights(weights, network, raw, torch.float16)
    else:
        model.write_text("no tensors")
    usable = "frame-mobile," if fault == "untrained" else ""
    words = ["analyze", str(face), "--detector", usable + detector, "--json", str(tmp_path / "r.json")]
    assert cli.run([*words, "--case", str(tmp_path / "c.tell")]) == 2
    assert not (tmp_path / "c.tell").exists(), "it was refused before any work"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert detector in err
    assert not (tmp_path / "r.json").exists()


def stored(case: Path) -> dict[tuple[str, str, str], tuple[StoredSpan, ...]]:
    with CaseFile.open(case) as opened:
        videos = opened.videos()
        return {
            (key.component, key.weights_sha256, key.settings_hash): opened.list_results(
                videos[0].id, key.component, key.weights_sha256, key.settings_hash
            )
            for key in (opened.keys(videos[0].id) if videos else ())
        }


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.usefixtures("weights")
def test_a_killed_analysis_goes_on_where_it_stopped(tmp_path: Path, face: Path) -> None:
    case, whole = tmp_path / "a.tell", tmp_path / "whole.json"
    words = ["analyze", str(face), "--case", str(case)]
    with subprocess.Popen(
        [sys.executable, "main.py", *words],
        cwd=PROJECT,
        env=child_environment() | {"OMP_NUM_THREADS": str(torch.get_num_threads())},  # to the last bit
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as child:
        while child.poll() is None and not (case.exists() and any(stored(case).values())):
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert child.returncode == -signal.SIGKILL, "it was killed before it was through"
    with sqlite3.connect(case) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()
    before = stored(case)
    assert any(before.values())

    assert cli.run([*words, "--json", str(tmp_path / "resumed.json")]) == 0
    after = stored(case)
    with CaseFile.open(case) as opened:
        assert [entry.action for entry in opened.log_entries()] == ["case created", "video added", "analysed"]
        opened.verify_log()
    for key, spans in before.items():
        assert set(spans) <= set(after[key]), "what was stored is neither lost nor made again"
    assert sum(map(len, after.values())) > sum(map(len, before.values()))
    assert cli.run(["analyze", str(face), "--json", str(whole)]) == 0
    assert json.loads((tmp_path / "resumed.json").read_text()) == json.loads(whole.read_text())


@pytest.mark.usefixtures("weights")
def test_a_case_refuses_evidence_that_changed(
    tmp_path: Path, face: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = tmp_path / "face.mp4"
    shutil.copy(face, video)
    words = ["analyze", str(video), "--case", str(tmp_path / "a.tell"), "--every", "25"]
    assert cli.run(words) == 0
    capsys.readouterr()
    with video.open("ab") as file:
        file.write(b"\0" * 100)
    assert cli.run(words) == 2
    err = capsys.readouterr().err
    assert "changed since it was entered into the case" in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("weights")
def test_files_of_one_name_in_two_folders_are_two_pieces_of_evidence(
    tmp_path: Path, grey: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, folder in enumerate("ab"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "clip.mp4").write_bytes(grey.read_bytes() + bytes(number))
        monkeypatch.chdir(tmp_path / folder)
        assert cli.run(["analyze", "clip.mp4", "--case", "../c.tell"]) == 0
    with CaseFile.open(tmp_path / "c.tell") as case:
        assert [v.identity.path for v in case.videos()] == [str(tmp_path / f / "clip.mp4") for f in "ab"]
