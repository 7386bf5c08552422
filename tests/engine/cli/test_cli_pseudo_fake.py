"""`pseudo-fake` from end to end on a small clip: files, truth, repetition, cancelling, bad input."""

import hashlib
import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from test_cli_bad_input import text, video

from engine import cli
from engine.errors import CancelledError
from engine.exports import demo_clip
from engine.progress import CancelToken
from engine.training.faces.shape68 import MEAN_SHAPE
from engine.training.pseudo_fakes.clip_points import smoothed
from engine.training.pseudo_fakes.operators.plan import ClipFaces
from engine.training.pseudo_fakes.rendering import ClipForger
from engine.training.pseudo_fakes.serial import forgery_from_plain
from engine.training.pseudo_fakes.video import Order, forge_video
from engine.video.media import open_media
from engine.video.writer import ClipWriter

FRAMES = 24
NAMES = ["clip_forged.json", "clip_forged.mp4", "clip_forged_mask.mp4"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face at 319x239 (odd), its frames at uneven times."""
    path = tmp_path_factory.mktemp("pseudo") / "clip.mp4"
    picture = demo_clip._picture()
    with ClipWriter(path, 319, 239, Fraction(1, 1000)) as writer:
        for number in range(FRAMES):
            view = demo_clip._view(picture, 3 * number)[::2, ::2][:239, :319]
            writer.write(view, 40 * number + 7 * (number % 3), 40)
    return path


def decoded(path: Path, pixel_format: str) -> tuple[np.ndarray, list[float]]:
    with av.open(str(path)) as container:
        frames = [(f.to_ndarray(format=pixel_format), f.time) for f in container.decode(video=0)]
    return np.stack([pixels for pixels, _ in frames]), [time for _, time in frames]


def landmarks(path: Path, clip: Path) -> Path:
    """68 points of every frame but the first two, where there is none."""
    points = np.repeat(((MEAN_SHAPE - 0.5) * 80 + [160, 120])[None], FRAMES, 0)
    points[:2] = np.nan
    np.savez(path, points=points.astype(np.float32))
    return path


def test_a_forged_copy_with_its_truth_twice_the_same(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["pseudo-fake", str(clip), "--operators", "jitter,partial", "--region", "no-forehead", "--seed", "5"]
    for place in ("one", "two"):
        assert cli.run([*asked, "--out", str(tmp_path / place)]) == 0
        assert sorted(p.name for p in (tmp_path / place).iterdir()) == NAMES
    for name in NAMES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert "jitter, partial; no-forehead" in capsys.readouterr().out
    forged, times = decoded(tmp_path / "one" / NAMES[1], "rgb24")
    masks, mask_times = decoded(tmp_path / "one" / NAMES[2], "gray")
    original, original_times = decoded(clip, "rgb24")
    assert times == mask_times == original_times
    assert forged.shape == (FRAMES, 240, 320, 3)
    truth = json.loads((tmp_path / "one" / NAMES[0]).read_text())
    labels = np.array(truth["labels"], bool)
    np.testing.assert_array_equal(labels, masks.any(axis=(1, 2)))
    assert 0 < labels.sum() < FRAMES
    first, last = truth["forged"][0]
    assert np.flatnonzero(labels).tolist() == list(range(first, last + 1))
    for part, file in (
        ("source", clip),
        ("clip", tmp_path / "one" / NAMES[1]),
        ("mask", tmp_path / "one" / NAMES[2]),
    ):
        assert truth[part]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert truth["forgery"]["mask"]["region"] == "no-forehead"
    assert [each["id"] for each in truth["forgery"]["operators"]] == ["jitter", "partial"]
    change = np.abs(forged.astype(int) - original).mean(axis=3)
    assert change[masks > 200].mean() > 2 * change[masks == 0].mean()
    ys, xs = np.nonzero(masks[first])
    assert np.hypot(xs.mean() - 160, ys.mean() - 115) < 40  # the face is in the middle


def test_the_mask_is_lossless_and_given_landmarks_are_used(clip: Path, tmp_path: Path) -> None:
    points = landmarks(tmp_path / "points.npz", clip)
    words = [
        "pseudo-fake",
        str(clip),
        "--operators",
        "flicker",
        "--landmarks",
        str(points),
        "--out",
        str(tmp_path),
    ]
    assert cli.run([*words, "--frames", "0:12"]) == 0
    masks, _ = decoded(tmp_path / NAMES[2], "gray")
    truth = json.loads((tmp_path / NAMES[0]).read_text())
    assert truth["labels"] == [0, 0] + [1] * 10 + [0] * 12
    assert truth["face"]["landmarks"] == "68 given points"
    given = np.load(points)["points"][2:12]
    forger = ClipForger(
        ClipFaces(smoothed(given), truth["rate"]), forgery_from_plain(truth["forgery"]), (319, 239)
    )
    blank = np.zeros((239, 319, 3), np.uint8)
    for row in range(10):
        mask = forger.frame(row, lambda _: blank)[1]
        np.testing.assert_array_equal(masks[row + 2, :239, :319], np.round(mask * 255))


def test_a_random_draw_depends_on_the_seed(clip: Path, tmp_path: Path) -> None:
    points = landmarks(tmp_path / "points.npz", clip)
    drawn = []
    for seed in (1, 2):
        out = tmp_path / str(seed)
        words = ["pseudo-fake", str(clip), "--landmarks", str(points), "--out", str(out), "--seed", str(seed)]
        assert cli.run(words) == 0
        drawn.append(json.loads((out / NAMES[0]).read_text())["forgery"])
    assert drawn[0] != drawn[1]


def test_cancelling_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    points = np.load(landmarks(tmp_path / "points.npz", clip))["points"]
    token = CancelToken()

    def cancel_midway(progress: object) -> None:
        if getattr(progress, "label", "") == "Forging":
            assert list((tmp_path / "out").glob("*.part"))
            token.cancel()

    media = open_media(clip)
    try:
        with pytest.raises(CancelledError):
            forge_video(
                media,
                tmp_path / "out",
                Order(operators=("drift",), landmarks=points),
                cancel=token,
                progress=cancel_midway,
            )
    finally:
        media.close()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["{clip}", "--operators", "jitter,shake"], "Choose among jitter, drift"),
        (["{clip}", "--operators", "swap"], "go together"),
        (["{clip}", "--operators", ","], "No id was given"),
        (["{clip}", "--seed", "-1"], "negative"),
        (["{clip}", "--frames", "5:900"], "There is no frame"),
        (["{clip}", "--track", "4"], "There is no face 4"),
        (["{clip}", "--landmarks", "{letter}"], "no landmarks"),
        (["{clip}", "--region", "ear"], "invalid choice"),
        (["{noise}", "--operators", "jitter"], "There is no face"),
        (["{letter}"], "letter"),
        (["{folder}/absent.mp4"], "absent.mp4"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], message: str
) -> None:
    letter = text(tmp_path).rename(tmp_path / "letter.mp4")
    places = {"clip": clip, "letter": letter, "folder": tmp_path}
    if "{noise}" in given:
        places["noise"] = video(tmp_path / "noise.mp4", 10)
    words = [word.format(**places) for word in given]
    assert cli.run(["pseudo-fake", *words, "--out", str(tmp_path / "out")]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_landmarks_of_too_many_frames_are_refused(clip: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "many.npz", points=np.zeros((FRAMES + 1, 68, 2), np.float32))
    words = ["pseudo-fake", str(clip), "--landmarks", str(tmp_path / "many.npz"), "--out", str(tmp_path / "out")]
    assert cli.run(words) == 2


@pytest.fixture(scope="module")
def couple(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smaller face on the left and a larger one on the right, 560x240, 10 frames."""
    path = tmp_path_factory.mktemp("couple") / "clip.mp4"
    view = demo_clip._view(demo_clip._picture(), 0)
    small, large = (cv2.resize(view, size, interpolation=cv2.INTER_AREA) for size in ((224, 168), (336, 240)))
    scene = np.full((240, 560, 3), 128, np.uint8)
    scene[30:198, :224], scene[:, 224:] = small, large
    with ClipWriter(path, 560, 240, Fraction(1, 25)) as writer:
        for number in range(10):
            writer.write(scene, number, 1)
    return path


@pytest.mark.parametrize(("words", "left"), [([], False), (["--track", "1"], True), (["--track", "2"], False)])
def test_the_largest_face_is_forged_unless_another_is_asked_for(
    couple: Path, tmp_path: Path, words: list[str], left: bool
) -> None:
    assert cli.run(["pseudo-fake", str(couple), *words, "--operators", "flicker", "--out", str(tmp_path)]) == 0
    masks, _ = decoded(tmp_path / NAMES[2], "gray")
    columns = np.nonzero(masks.max(axis=(0, 1)))[0]
    assert columns.max() < 224 if left else columns.min() >= 224
