"""Commands that ask the engine, with a worker that needs no torch: the JSON, the files, the failures."""

import json
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import fake_worker
import numpy as np
import pytest

from engine import cli, paths
from engine.case.case_file import CaseFile
from engine.errors import DeviceError, VideoError, WeightsError
from engine.results import VideoIdentity
from engine.runtime.protocol import AnalysisDone, DetectorsListed
from engine.video.media import open_media
from engine.video.writer import ClipWriter

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from fractions import Fraction

    path = tmp_path_factory.mktemp("cli") / "video.mp4"
    with ClipWriter(path, 320, 240, Fraction(1, 25)) as writer:
        for number in range(30):
            writer.write(np.full((240, 320, 3), number * 8, np.uint8), number, 1)
    return path


def change_answers(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Pass every event of the worker through `change`."""
    real = fake_worker.FakeWorker.run

    def run(self: fake_worker.FakeWorker, request: Any, job: Any) -> Iterator[Any]:
        return (change(event) for event in real(self, request, job))

    monkeypatch.setattr(fake_worker.FakeWorker, "run", run)


def trusted(event: Any) -> Any:
    if isinstance(event, DetectorsListed):
        infos = tuple(
            replace(i, trained=True, card={"trustworthy": i.id == "frame-mobile"}) for i in event.detectors
        )
        return replace(event, detectors=infos)
    return event


def test_analyze_writes_the_json_of_the_contract(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change_answers(monkeypatch, trusted)
    out = tmp_path / "r.json"
    assert (
        cli.run(["analyze", str(video), str(video), "--detector", "frame-mobile,frame-b4", "--json", str(out)])
        == 0
    )
    entries = json.loads(out.read_text())
    assert len(entries) == 2
    entry = entries[0]
    assert set(entry["video"]) == {"path", "sha256", "frames", "seconds", "variable_rate"}
    assert entry["video"]["path"] == str(video)
    (track,) = entry["tracks"]
    assert (track["id"], track["first"], track["last"]) == (0, 0, 29)
    assert [d["id"] for d in track["detectors"]] == ["frame-mobile", "frame-b4"]
    mine = track["detectors"][0]
    assert set(mine) == {
        "id",
        "weights_sha256",
        "fake_probability",
        "spans",
        "span_fake_probability",
        "activations",
        "intervals",
        "standing_out",
    }
    assert mine["spans"] == [[i, i] for i in range(30)]
    expected = [1 / (1 + np.exp(-2 * np.sin(i / 9))) for i in range(30)]
    assert mine["span_fake_probability"] == pytest.approx(expected, abs=1e-6)
    assert mine["fake_probability"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert set(entry["detectors"]) == {"frame-mobile", "frame-b4"}
    assert set(entry["detectors"]["frame-b4"]) == {
        "fake_probability", "log10_likelihood_ratio", "likelihood_ratio", "warnings", "interval_rule",
    }  # fmt: skip
    rule = entry["detectors"]["frame-mobile"]["interval_rule"]
    assert rule == {"high": 0.5, "low": 0.4, "gap": 1, "shortest": 10, "fewest": 3}
    (interval,) = mine["intervals"]
    above = [i for i in range(30) if expected[i] >= 0.4]  # the sine turns down at the end
    assert (interval["first"], interval["last"]) == (above[0], above[-1]) == (0, 29)
    assert interval["mean"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert (interval["peak"], interval["peak_frame"]) == (pytest.approx(max(expected), abs=1e-6), 14)
    assert (interval["begin"], interval["end"]) == pytest.approx((0.0, 29 / 25))
    logits = 2 * np.sin(np.arange(30) / 9)
    out = mine["standing_out"]
    inside = slice(out["first"], out["last"] + 1)
    assert out["contrast"] == pytest.approx(logits[inside].mean() - np.delete(logits, inside).mean(), abs=1e-4)
    assert out["first"] <= 14 <= out["last"]
    assert entry["detectors"]["frame-b4"]["log10_likelihood_ratio"] is None
    assert entry["fake_probability"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert entry["combination"]["rule"] == "mean"
    assert entry["combination"]["detectors"] == ["frame-mobile"]
    assert "fake probability 0.748" in capsys.readouterr().out


def test_weights_that_are_not_trusted_give_no_verdict_but_their_score(
    tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["analyze", str(video), "--json", "-"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["fake_probability"] is None
    assert entry["detectors"]["frame-mobile"]["fake_probability"] > 0


def test_a_video_without_a_face_is_null_with_a_warning_and_status_0(
    video: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def faceless(event: Any) -> Any:
        if isinstance(event, AnalysisDone):
            return replace(event, tracks=(), scores=(), fake_probability=None, warnings=("No face was found",))
        return trusted(event)

    change_answers(monkeypatch, faceless)
    assert cli.run(["analyze", str(video), "--json", "-"]) == 0
    out, err = capsys.readouterr()
    (entry,) = json.loads(out)
    assert entry["tracks"] == []
    assert entry["fake_probability"] is None
    assert entry["detectors"]["frame-mobile"] == {
        "fake_probability": None, "log10_likelihood_ratio": None, "likelihood_ratio": None,
        "warnings": ["No face was found"],
        "interval_rule": {"high": 0.5, "low": 0.4, "gap": 1, "shortest": 10, "fewest": 3},
    }  # fmt: skip
    assert "No face was found" in err


def test_a_partly_forged_video_does_not_read_as_harmless(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    curve = np.full(30, 0.1, np.float32)
    curve[8:20] = 0.9

    def partly(event: Any) -> Any:
        if isinstance(event, AnalysisDone):
            scores = tuple(replace(entry, fake_probability=curve) for entry in event.scores)
            return replace(event, scores=scores, fake_probability=scores[0].track_probability)
        return trusted(event)

    change_answers(monkeypatch, partly)
    expected = "Face 1 reads as fake in the frames 8 to 19 (0.32 s to 0.76 s, mean 0.90), which its mean"
    assert cli.run(["analyze", str(video), "--json", str(tmp_path / "r.json")]) == 0
    assert expected in capsys.readouterr().out
    (entry,) = json.loads((tmp_path / "r.json").read_text())
    assert entry["fake_probability"] == pytest.approx(0.42)
    warning, without_ratio = entry["detectors"]["frame-mobile"]["warnings"]
    assert without_ratio.startswith("No likelihood ratio: ")
    assert warning.startswith(expected)
    assert cli.run(["analyze", str(video), "--json", "-"]) == 0
    assert expected in capsys.readouterr().err


def test_results_and_case_are_two_files(tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = tmp_path / "a.tell"
    assert cli.run(["analyze", str(video), "--case", str(same), "--json", str(tmp_path / "." / "a.tell")]) == 2
    assert "name the same file" in capsys.readouterr().err
    assert not same.exists()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (VideoError("it broke", advice="Mend it", frame=12), 2),
        (WeightsError("the hash is wrong", advice="Get them again"), 2),
        (DeviceError("no CUDA", advice="Use --device cpu"), 2),
        (RuntimeError("nobody foresaw\nthis"), 1),
    ],
)
def test_a_failing_engine_is_one_line_and_no_file(
    tmp_path: Path,
    video: Path,
    worker: fake_worker.Settings,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    status: int,
) -> None:
    worker.fail_after, worker.error = 1, error
    assert cli.run(["analyze", str(video), "--json", str(tmp_path / "r.json")]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
    if status == 1:
        assert "in _analyze" in (paths.data_dir() / "crash.log").read_text()


@pytest.mark.parametrize(
    ("error", "status"),
    [(VideoError("it broke", advice="Mend it"), 2), (RuntimeError("nobody foresaw this"), 1)],
)
@pytest.mark.parametrize("place", ["r.json", "-"])
def test_what_was_done_before_a_failure_is_kept(
    tmp_path: Path,
    video: Path,
    worker: fake_worker.Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    status: int,
    place: str,
) -> None:
    videos = [tmp_path / f"{name}.mp4" for name in "abcd"]
    for each in videos:
        each.write_bytes(video.read_bytes())
    run = fake_worker.FakeWorker.run

    def fail_at_c(self: fake_worker.FakeWorker, request: Any, job: Any) -> Iterator[Any]:
        if getattr(request, "video", None) == videos[2]:
            worker.fail_after, worker.error = 1, error
        return run(self, request, job)

    monkeypatch.setattr(fake_worker.FakeWorker, "run", fail_at_c)
    out = tmp_path / place
    assert cli.run(["analyze", *map(str, videos), "--json", place if place == "-" else str(out)]) == status
    printed, complaint = capsys.readouterr()
    kept = json.loads(printed if place == "-" else out.read_text())
    assert len(kept) == 2
    *warnings, notice, last = complaint.splitlines()
    assert notice.startswith(f"{videos[2]}: not analysed")
    assert "it broke" in last or "Tellframe failed" in last
    assert all(line.startswith((str(videos[0]), str(videos[1]))) for line in warnings)


def test_ctrl_c_stops_within_a_second_with_130(
    tmp_path: Path, video: Path, worker: fake_worker.Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    worker.gate = threading.Event()  # the analysis waits for ever
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    timer = threading.Timer(1.0, interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        timer.start()
        assert cli.run(["analyze", str(video), "--json", str(tmp_path / "r.json")]) == 130
        assert time.monotonic() - sent[0] < 1.5
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err.startswith("Cancelled")
    assert list(tmp_path.iterdir()) == []


def test_detectors_as_json_and_for_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measure = {
        "protocol": "dev", "data": "d", "metric": "AUC", "value": 0.7, "low": 0.6, "high": 0.8, "n_real": 9,
        "n_fake": 9, "date": "2026-01-01",
    }  # fmt: skip

    def measured(event: Any) -> Any:
        if isinstance(event, DetectorsListed):
            first, second = event.detectors
            return replace(
                event,
                detectors=(replace(first, card={"measures": [measure], "trust_reason": "it guesses"}), second),
            )
        return event

    change_answers(monkeypatch, measured)
    assert cli.run(["detectors", "--json"]) == 0
    one, other = json.loads(capsys.readouterr().out)
    assert (one["id"], one["trained"], one["weights_sha256"]) == ("frame-mobile", True, "0" * 64)
    assert one["measures"] == [measure]
    assert (one["trustworthy"], one["trust_reason"]) == (False, "it guesses")
    assert one["device"] == "fake"
    assert (other["id"], other["trained"], other["weights_sha256"]) == ("frame-b4", False, None)
    assert other["problem"] == "not trained"
    assert cli.run(["detectors"]) == 0
    shown = capsys.readouterr().out
    assert "AUC 0.700 (95% 0.600 to 0.800)" in shown
    assert "not trustworthy: it guesses" in shown
    assert "not trained" in shown


def test_explain_writes_maps_overlays_and_summary(tmp_path: Path, video: Path) -> None:
    out = tmp_path / "maps"
    words = ["explain", str(video), "--detector", "frame-mobile", "--explainer", "gradcam", "--frames", "4:7"]
    assert cli.run([*words, "--out", str(out)]) == 0
    with np.load(out / "maps.npz", allow_pickle=False) as bundle:
        assert bundle["frames"].tolist() == [4, 5, 6]
        assert bundle["values"].shape == (3, 7, 7)
        assert bundle["affine"].shape == (3, 2, 3)
    assert len(list(out.glob("overlay_*.png"))) == 3
    assert json.loads((out / "summary.json").read_text())["explainer"] == "gradcam"


@pytest.mark.parametrize("extra", [[], ["--explainer", "gradcam"]])
def test_export_writes_a_clip_of_the_range(
    tmp_path: Path, video: Path, extra: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "clip.mp4"
    assert cli.run(["export", str(video), "--frames", "10:20", "--out", str(out), *extra]) == 0
    with av.open(str(out)) as container:
        assert len(list(container.decode(video=0))) == 10
    side = json.loads((tmp_path / "clip.json").read_text())
    assert [row["index"] for row in side["frames"]] == list(range(10, 20))
    assert side["explainer"] == (extra[1] if extra else None)
    assert {p["component"] for p in side["provenance"]} == {"frame-mobile", *extra[1:]}
    assert "numbered by their appearance in the frames 10 to 19" in capsys.readouterr().err


def test_export_takes_a_case_and_logs_what_left_it(tmp_path: Path, video: Path) -> None:
    media = open_media(video)
    with CaseFile.create(tmp_path / "a.tell") as case:
        case.put_video(media.identity())
    media.close()
    words = ["export", str(tmp_path / "a.tell"), "--frames", "0:5", "--out", str(tmp_path / "clip.mp4")]
    assert cli.run(words) == 0
    with CaseFile.open(tmp_path / "a.tell") as case:
        assert case.log_entries()[-1].action == "clip exported"
        case.verify_log()


def test_a_case_with_two_videos_asks_which(
    tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fractions import Fraction

    with CaseFile.create(tmp_path / "a.tell") as case:
        for name in "ab":
            case.put_video(VideoIdentity(name, name * 64, 1, 1, 1.0, False, 1, 1, Fraction(1, 25)))
    words = ["export", str(tmp_path / "a.tell"), "--frames", "0:5", "--out", str(tmp_path / "clip.mp4")]
    assert cli.run(words) == 2
    assert "holds 2 videos" in capsys.readouterr().err


def test_a_foreign_database_is_no_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = sqlite3.connect(tmp_path / "a.tell")
    raw.execute("CREATE TABLE t (x)")
    raw.commit()
    raw.close()
    words = ["export", str(tmp_path / "a.tell"), "--frames", "0:5", "--out", str(tmp_path / "clip.mp4")]
    assert cli.run(words) == 2
    assert "no case file" in capsys.readouterr().err


def test_stills_need_no_engine_and_with_an_explainer_draw_over_the_frames(
    tmp_path: Path, video: Path, worker: fake_worker.Settings
) -> None:
    assert cli.run(["stills", str(video), "--frames", "3,8", "--out", str(tmp_path / "plain")]) == 0
    assert worker.log == []
    assert len(list((tmp_path / "plain").glob("frame_*.png"))) == 2
    words = ["stills", str(video), "--frames", "3:5", "--out", str(tmp_path / "drawn"), "--explainer", "gradcam"]
    assert cli.run([*words, "--set", "smoothing=bilinear"]) == 0
    side = json.loads((tmp_path / "drawn" / "stills.json").read_text())
    assert side["explanation"]["sanity"]["verdict"] == "not measured"
    assert side["explanation"]["settings"]["smoothing"] == "bilinear"
    plain, drawn = (min((tmp_path / name).glob("frame_0000003*.png")).read_bytes() for name in ("plain", "drawn"))
    assert plain != drawn


@pytest.mark.parametrize("command", ["explain", "export", "stills"])
def test_frames_beyond_the_end_are_refused(
    tmp_path: Path, video: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / ("clip.mp4" if command == "export" else "out")
    assert cli.run([command, str(video), "--frames", "20:31", "--out", str(out)]) == 2
    assert "There is no frame 30. The video has the frames 0 to 29." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--json", "{video}"], ["--case", "{video}"]])
def test_results_are_never_written_over_the_evidence(
    video: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = video.read_bytes()
    assert cli.run(["analyze", str(video), *(word.format(video=video) for word in words)]) == 2
    assert "evidence itself" in capsys.readouterr().err
    assert video.read_bytes() == before


def test_stills_never_replace_the_still_they_are_made_of(
    tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stills = tmp_path / "stills"
    assert cli.run(["stills", str(video), "--frames", "0", "--out", str(stills)]) == 0
    (still,) = stills.glob("*.png")
    before = still.read_bytes()
    for words in (["stills", "--frames", "0", "--out", str(stills)], ["analyze", "--json", str(still)]):
        assert cli.run([words[0], str(still), *words[1:]]) == 2
        assert "evidence itself" in capsys.readouterr().err
    assert cli.run(["analyze", str(stills), "--json", str(still)]) == 2, "one picture of a folder"
    assert still.read_bytes() == before
    assert sorted(p.name for p in stills.iterdir()) == [still.name, "stills.json"]
