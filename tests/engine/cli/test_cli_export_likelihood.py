"""What an export says of the whole video is what `analyze` says of it. Weights and calibration mean nothing."""

import json
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from calibration_card import calibration_table
from pytestqt.qtbot import QtBot
from random_weights import card_values, random_network

from engine import cli
from engine.case.case_file import CaseFile, StoredSpan
from engine.detectors.cards import CARD, card_text
from engine.detectors.weights import save_weights
from engine.exports import demo_clip
from engine.video.writer import ClipWriter
from gui import app
from gui.session import Session
from gui.settings import Settings
from gui.videos import AnalysisState

FRAMES = 70
"""More than a segment of 64 frames."""
WIDE = {"face_px": [20.0, 300.0], "bits_per_pixel": [0.0, 9.0]}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that moves."""
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    picture = demo_clip._picture()
    views = [demo_clip._view(picture, 8 * n)[::2, ::2] for n in range(5)]
    with ClipWriter(path, 320, 240, Fraction(1, 25)) as writer:
        for number in range(FRAMES):
            writer.write(views[abs(number % 8 - 4)], number, 1)
    return path


@pytest.fixture(scope="module")
def network_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of frame-mobile that call every frame a forgery, so that no part scores unlike the rest."""
    network = random_network("frame-mobile")
    with torch.no_grad():
        network.head.weight.mul_(0.05)
        network.head.bias.fill_(1.5)
    folder = tmp_path_factory.mktemp("weights") / "frame-mobile"
    save_weights(folder, network, card_values("frame-mobile", network), torch.float32)
    return folder


@pytest.fixture
def calibrate(network_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts the weights where the application looks, with a calibration of some conditions."""

    def put(**conditions: object) -> None:
        folder = tmp_path / "weights" / "frame-mobile"
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes((network_folder / "model.safetensors").read_bytes())
        card = tomllib.loads((network_folder / CARD).read_text(encoding="utf-8"))
        card |= {"trustworthy": True, "trust_reason": ""}
        card["calibration"] = calibration_table(card["sha256"], conditions=WIDE | conditions)
        (folder / CARD).write_text(card_text(card), encoding="utf-8")
        monkeypatch.setattr("engine.paths.WEIGHTS", tmp_path / "weights")

    return put


def analyzed(tmp_path: Path, video: Path) -> tuple[dict[str, Any], Path]:
    """What `analyze` says of the video, and the case it has left."""
    case, out = tmp_path / "a.tell", tmp_path / "r.json"
    words = ["analyze", str(video), "--every", "5", "--case", str(case), "--json", str(out)]
    assert cli.run(words) == 0
    return json.loads(out.read_text())[0]["detectors"]["frame-mobile"], case


def analyzed_in_the_window(case: Path, video: Path, qtbot: QtBot, frames: tuple[int, int] | None = None) -> None:
    """Fill a case as the window does: each 5th frame, of all frames or of a stretch."""
    settings = Settings(case.with_suffix(".ini"))
    settings.change(play_on_open=False, analyse_on_open=False, every=5, detector_id="frame-mobile")
    session = Session(
        settings,
        make_engine=app.make_engine,
        open_media=app.open_media,
        make_server=app.make_server,
        case=case,
    )
    try:
        session.start()
        session.open([video])
        qtbot.waitUntil(lambda: session.detector is not None and session.media is not None, timeout=60_000)
        session.start_analysis(frames)
        qtbot.waitUntil(lambda: session.analysis.state is AnalysisState.DONE, timeout=60_000)
    finally:
        session.close()
        session.deleteLater()


def noted(case: Path) -> list[dict[str, Any]]:
    """What the log tells of analyses."""
    with CaseFile.open(case) as opened:
        return [dict(entry.details) for entry in opened.log_entries() if entry.action == "analysed"]


def exported(source: Path, frames: str, out: Path) -> dict[str, Any]:
    assert cli.run(["export", str(source), "--frames", frames, "--out", str(out)]) == 0
    said: dict[str, Any] = json.loads(out.with_suffix(".json").read_text())["likelihood"]
    return said


def test_a_stretch_of_an_analysed_case_carries_the_ratio_of_the_whole(
    tmp_path: Path, video: Path, calibrate: Any
) -> None:
    calibrate()
    wanted, case = analyzed(tmp_path, video)
    assert wanted["log10_likelihood_ratio"] is not None
    with CaseFile.open(case) as opened:
        before = stored(opened)
    said = exported(case, "10:14", tmp_path / "clip.mp4")
    assert {key: said[key] for key in ("log10_likelihood_ratio", "likelihood_ratio")} == {
        key: wanted[key] for key in ("log10_likelihood_ratio", "likelihood_ratio")
    }
    assert said["text"].startswith(f"log10 LR {wanted['log10_likelihood_ratio']:+.2f}")
    assert "no probability that the video is forged" in said["text"]
    with CaseFile.open(case) as opened:
        after = stored(opened)
    assert len(after) == len(before) == 4
    assert [span for span in after if span.first == 64] == [span for span in before if span.first == 64]


def test_a_case_filled_by_the_window_says_what_one_of_the_command_line_says(
    tmp_path: Path, video: Path, calibrate: Any, qtbot: QtBot
) -> None:
    calibrate()
    _, theirs = analyzed(tmp_path, video)
    ours = tmp_path / "window.tell"
    analyzed_in_the_window(ours, video, qtbot)
    assert noted(ours) == noted(theirs)
    assert noted(ours)[0]["log10_likelihood_ratio"] is not None
    wanted = exported(theirs, "10:14", tmp_path / "theirs.mp4")
    assert exported(ours, "10:14", tmp_path / "ours.mp4") == wanted
    analyzed_in_the_window(ours, video, qtbot)  # the next day: nothing new
    assert len(noted(ours)) == 1


def test_a_stretch_that_the_window_analysed_is_not_noted_as_the_whole(
    tmp_path: Path, video: Path, calibrate: Any, qtbot: QtBot
) -> None:
    calibrate()
    case = tmp_path / "window.tell"
    analyzed_in_the_window(case, video, qtbot, (0, 20))
    assert noted(case) == []
    assert exported(case, "10:14", tmp_path / "clip.mp4")["likelihood_ratio"] is None


def test_a_stretch_alone_says_nothing_of_the_whole(tmp_path: Path, video: Path, calibrate: Any) -> None:
    calibrate()
    said = exported(video, "10:14", tmp_path / "clip.mp4")
    assert (said["log10_likelihood_ratio"], said["likelihood_ratio"]) == (None, None)
    assert said["text"] == (
        "No likelihood ratio: only the exported frames were analysed, and the calibration is of whole videos"
    )


def test_an_export_abstains_as_analyze_does(tmp_path: Path, video: Path, calibrate: Any) -> None:
    calibrate(fps=[50.0, 60.0])
    wanted, case = analyzed(tmp_path, video)
    said = exported(case, "0:4", tmp_path / "clip.mp4")
    assert said["text"] in wanted["warnings"]
    assert said["text"] == "No likelihood ratio: the video has 25 frames per second, calibrated is 50 to 60"


def test_a_whole_export_needs_no_case(tmp_path: Path, video: Path, calibrate: Any) -> None:
    calibrate(scored_frames=[FRAMES])
    said = exported(video, f"0:{FRAMES}", tmp_path / "clip.mp4")
    assert said["likelihood_ratio"]["log10_low"] == -1.2
    assert said["likelihood_ratio"]["log10_high"] == 1.4


def stored(case: CaseFile) -> list[StoredSpan]:
    """Faces and scores of all segments, with when they were made."""
    (video,) = case.videos()
    keys = [(key.component, key.weights_sha256, key.settings_hash) for key in case.keys(video.id)]
    return [span for key in keys for span in case.list_results(video.id, *key)]
