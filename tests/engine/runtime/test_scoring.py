"""Files judged by the analysis of the application, kept between runs: on a clip whose every answer is known."""

import shutil
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import toy

from engine.errors import CancelledError, DataError
from engine.evaluation.evaluate import Sample, Settings, Unread, judge
from engine.evaluation.kept_scores import KeptScores
from engine.evaluation.perturbations import LEVELS, Perturbation
from engine.evaluation.protocols import PROTOCOLS
from engine.evaluation.video_scores import VideoScores
from engine.evaluation.wrapped import open_perturbed
from engine.paths import cache_dir
from engine.progress import CancelToken, Progress
from engine.runtime.found_faces import FoundFaces
from engine.runtime.measuring import Measuring, SampleSet
from engine.runtime.scoring import PLAIN, AnalysisScorer, Opener

EVERY = 7


def scorer(every: int = EVERY, detector: toy.ToyDetector | None = None) -> AnalysisScorer:
    return AnalysisScorer(detector or toy.ToyDetector(), toy.ToyFaces(), every)  # type: ignore[arg-type]


def expected(person: str, frames: list[int]) -> np.ndarray:
    return 1 / (1 + np.exp(-np.array([toy.logit(person, f) for f in frames])))


def test_scores_are_those_of_the_faces_that_are_seen(clip: Path, settings: toy.Settings) -> None:
    (answer,) = judge([Sample("toy", clip, 0)], scorer())
    assert len(answer.sha256) == 64
    asked = range(0, toy.FRAMES, EVERY)
    b = [f for f in asked if f >= toy.B_FROM]
    by_length = sorted(answer.scores.tracks, key=lambda track: len(track.frames))
    assert by_length[-1].frames.tolist() == b
    np.testing.assert_allclose(by_length[-1].probability, expected("B", b), atol=0.01)
    a = sorted(int(f) for track in by_length[:-1] for f in track.frames)
    assert a == [f for f in asked if f not in toy.GAP]
    assert [track.face_px for track in by_length] == pytest.approx([toy.SIDE] * len(by_length), abs=1.5)
    assert answer.scores.fake_probability == max(track.mean for track in by_length)


def test_a_second_run_is_immediate_and_a_copy_is_known_by_its_hash(
    clip: Path, settings: toy.Settings, tmp_path: Path
) -> None:
    first = judge([Sample("toy", clip, 0)], scorer())
    settings.scored.clear()
    assert judge([Sample("again", clip, 1)], scorer())[0].scores.tracks[0].mean == first[0].scores.tracks[0].mean
    copy = tmp_path / "copy.mkv"
    shutil.copy(clip, copy)
    known = judge([Sample("copy", copy, 0)], scorer())
    assert known[0].sha256 == first[0].sha256
    for mine, kept in zip(first[0].scores.tracks, known[0].scores.tracks, strict=True):
        np.testing.assert_array_equal(mine.probability, kept.probability)  # exactly, through the text
        np.testing.assert_array_equal(mine.frames, kept.frames)
    assert settings.scored == []
    judge([Sample("toy", clip, 0)], scorer(), fresh=True)
    assert settings.scored


def test_other_weights_density_or_content_are_scored_anew(
    clip: Path, settings: toy.Settings, tmp_path: Path
) -> None:
    keys = {scorer().key, scorer(every=5).key, scorer(detector=toy.OtherToyDetector()).key}
    changed = Opener(lambda sample, _: open_perturbed(sample.path, Perturbation("blur", 1)), {"kind": "blur"})
    keys.add(AnalysisScorer(toy.ToyDetector(), toy.ToyFaces(), EVERY, changed).key)  # type: ignore[arg-type]
    assert len(keys) == 4
    path = tmp_path / "clip.mkv"
    shutil.copy(clip, path)
    judge([Sample("toy", path, 0)], scorer())
    settings.scored.clear()
    with path.open("ab") as file:
        file.write(b"\0" * 64)
    judge([Sample("toy", path, 0)], scorer())
    assert settings.scored


def test_an_interrupted_run_goes_on(clip: Path, settings: toy.Settings, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.mkv" for n in range(3)]
    for n, path in enumerate(paths):
        shutil.copy(clip, path)
        with path.open("ab") as file:
            file.write(bytes([n]) * 32)
    samples = [Sample(path.name, path, 0) for path in paths]
    token = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.done == 1:
            token.cancel()

    with pytest.raises(CancelledError):
        judge(samples, scorer(), cancel=token, progress=stop)
    once = len(settings.scored)
    (kept,) = (cache_dir() / "evaluation").iterdir()
    kept.write_bytes(kept.read_bytes() + b'{"sha256": "cut off in the mid')
    settings.scored.clear()
    assert len(judge(samples, scorer())) == 3
    assert len(settings.scored) == 2 * once
    settings.scored.clear()
    judge(samples, scorer())
    assert settings.scored == []


def test_it_stops_within_a_second_and_leaves_no_thread(clip: Path, settings: toy.Settings) -> None:
    settings.seconds_per_crop = 0.05
    token = CancelToken()
    stopped: list[float] = []

    def cancel() -> None:
        settings.started.wait(20)
        stopped.append(time.monotonic())
        token.cancel()

    waiting = threading.Thread(target=cancel)
    waiting.start()
    with pytest.raises(CancelledError):
        judge([Sample("toy", clip, 0)], scorer(every=1), cancel=token)
    assert time.monotonic() - stopped[0] < 1
    waiting.join()


def test_what_cannot_be_read_is_left_out_and_named_or_ends_the_work(clip: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    samples = [Sample("bad", bad, 1), Sample("gone", tmp_path / "gone.mp4", 1), Sample("toy", clip, 0)]
    unread = Unread()
    with pytest.raises(DataError, match="cannot be read"):
        judge(samples, scorer(), unread=unread)
    assert [j.sample.name for j in judge([samples[0], samples[2]], scorer(), unread=unread)] == ["toy"]
    assert set(unread.reasons) == {"bad"}
    with pytest.raises(Exception, match=r"bad\.mp4"):
        judge(samples[:1], scorer())


def sharing(found: FoundFaces, detector: toy.ToyDetector, opener: Opener = PLAIN) -> AnalysisScorer:
    return AnalysisScorer(detector, toy.ToyFaces(), EVERY, opener, found)  # type: ignore[arg-type]


def assert_same(mine: VideoScores, other: VideoScores) -> None:
    """To the bit."""
    for a, b in zip(mine.tracks, other.tracks, strict=True):
        np.testing.assert_array_equal(a.frames, b.frames)
        np.testing.assert_array_equal(a.probability, b.probability)
        assert a.face_px == b.face_px


def test_faces_are_looked_for_once_for_all_detectors_and_scores_stay_the_same(
    clip: Path, settings: toy.Settings, tmp_path: Path
) -> None:
    sample, token, found = Sample("toy", clip, 0), CancelToken(), FoundFaces()
    alone = scorer(detector=toy.OtherToyDetector()).score(sample, token)
    settings.looked = 0
    assert_same(sharing(found, toy.ToyDetector()).score(sample, token), scorer().score(sample, token))
    once = settings.looked // 2
    assert once > 0
    settings.looked = 0
    settings.scored.clear()
    assert_same(sharing(found, toy.OtherToyDetector()).score(sample, token), alone)
    assert settings.looked == 0
    assert settings.scored, "it has scored them itself"
    other = shutil.copy(clip, tmp_path / "other.mkv")
    with other.open("ab") as file:
        file.write(b"\0" * 64)
    sharing(found, toy.OtherToyDetector()).score(Sample("other", other, 0), token)
    assert settings.looked == once, "another file has other faces"


def test_faces_of_changed_pictures_are_not_those_of_the_file(clip: Path, settings: toy.Settings) -> None:
    """The hash is the file's still."""
    dark = Opener(lambda sample, _: open_perturbed(sample.path, Perturbation("contrast", 5)), {"kind": "contrast"})
    sample, token, found = Sample("toy", clip, 0), CancelToken(), FoundFaces()
    sharing(found, toy.ToyDetector()).score(sample, token)
    for wanted in (True, False):
        settings.looked = 0
        sharing(found, toy.OtherToyDetector(), dark).score(sample, token)
        assert (settings.looked > 0) is wanted


def test_found_faces_have_a_bounded_room(clip: Path, settings: toy.Settings) -> None:
    sample, token = Sample("toy", clip, 0), CancelToken()
    wide, tight = FoundFaces(), FoundFaces(room=0)
    room = wide.room
    for found in (wide, tight):
        alone = sharing(found, toy.ToyDetector()).score(sample, token)
        settings.looked = 0
        assert_same(sharing(found, toy.ToyDetector()).score(sample, token), alone)
        assert (settings.looked > 0) is (found is tight)
    assert tight.room == 0
    faces = 2 * toy.FRAMES - len(toy.GAP) - toy.B_FROM
    assert 60 * faces < room - wide.room < 120 * faces, "boxes, landmarks and little else"


def test_a_face_still_is_scored_whole(settings: toy.Settings, tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    pixels = np.zeros((50, 50, 3), np.uint8)
    pixels[..., 2] = 170
    cv2.imwrite(str(path), pixels[..., ::-1])
    (answer,) = judge([Sample("face", path, 0, kind="face")], scorer())
    assert answer.scores.fake_probability == pytest.approx(1 / (1 + np.exp(-0.7)), abs=1e-6)
    assert answer.scores.face_px == 50
    assert settings.looked == 0


def test_the_ladder_is_one_run_per_kind_and_level(clip: Path, tmp_path: Path, settings: toy.Settings) -> None:
    short = tmp_path / "short.png"
    cv2.imwrite(str(short), toy.picture(60)[..., ::-1])
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), toy.picture(61)[..., ::-1])
    samples = [Sample("short", short, 0, "test"), Sample("other", other, 1, "test")]
    measuring = Measuring(
        toy.ToyDetector(),
        toy.ToyFaces(),
        1,
        Settings(draws=20),
        False,
        CancelToken(),
        lambda _: None,  # type: ignore[arg-type]
    )
    runs = measuring.runs(PROTOCOLS["perturbations"], [SampleSet("set", "made", samples, trained_on=True)])
    assert [run.name for run in runs][:3] == ["set", "saturation 1", "saturation 2"]
    assert len(runs) == 1 + 5 * len(LEVELS)
    assert {run.facts["trained_on"] for run in runs} == {True}
    darker = next(run for run in runs if run.name == "contrast 1")
    clean, dark = (run.judged[0].scores.tracks[-1].probability[0] for run in (runs[0], darker))
    blue = 250 - 60
    assert clean == pytest.approx(1 / (1 + np.exp(-(blue / 100 - 1))), abs=0.01)
    assert dark == pytest.approx(1 / (1 + np.exp(-(0.85 * blue / 100 - 1))), abs=0.02)


def test_kept_scores_know_a_folder_of_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "sequence"
    folder.mkdir()
    for n in range(2):
        cv2.imwrite(str(folder / f"{n:03}.png"), toy.picture(n)[..., ::-1])
    (answer,) = judge([Sample("sequence", folder, 0)], scorer(every=1))
    assert answer.scores.tracks[0].frames.tolist() == [0, 1]
    kept = KeptScores(scorer(every=1).key)
    assert kept.get(folder) is not None
    cv2.imwrite(str(folder / "002.png"), toy.picture(2)[..., ::-1])
    assert KeptScores(scorer(every=1).key).get(folder) is None
