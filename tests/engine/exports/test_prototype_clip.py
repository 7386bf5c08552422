"""The animation decoded again: as many pictures, as long, with the patch where it belongs, and its sidecar."""

import hashlib
import io
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from exports_scene import PROVENANCE, PTS, make_video
from PIL import Image

from engine.errors import CancelledError, UsageError
from engine.exports.prototype_clip import PAD, PANE, ROUNDS, SideBySide, export_prototype_clip, sheets
from engine.progress import CancelToken
from engine.results import Prototype, PrototypeSource, frozen
from engine.video.media import Media, open_media

FIELDS = 5


@pytest.fixture
def media(tmp_path: Path) -> Iterator[Media]:
    opened = open_media(make_video(tmp_path / "video.mp4"))
    yield opened
    opened.close()


def shown(own_name: str = "") -> SideBySide:
    """The prototype moves to the right, the patch downwards; the patch has a colour of its own in every frame."""
    right, down = (np.zeros((FIELDS, 2, 8, 8), np.float32) for _ in range(2))
    right[:, 0], down[:, 1] = 2.0, 2.0
    pictures = np.zeros((FIELDS, 16, 8, 3), np.uint8)
    for number, picture in enumerate(pictures):
        picture[:] = (40 * number, 90, 200 - 40 * number)
    source = PrototypeSource("train/a.mp4", 30, (0, 0, 100, 100), (1, 2), (10, 20, 30, 40), 0.25, "jitter")
    prototype = Prototype("jitter of the eyes 1", "fake", (-0.5, 1.0), source)
    return SideBySide(
        prototype, frozen(right), np.arange(2, 2 + FIELDS), frozen(pictures), frozen(down), (10, 20, 30, 60), 0,
        0.75, 1, PROVENANCE, own_name, ("real 1",),
    )  # fmt: skip


def panes(picture: np.ndarray) -> list[np.ndarray]:
    """The three, from a whole picture: they are the rows without any ground at the left pane's first column."""
    rows = np.flatnonzero((picture[:, PAD + PANE // 2] != (20, 23, 28)).any(axis=1))
    top = next(at for at in rows if set(range(at, at + PANE)) <= set(rows.tolist()))
    return [picture[top : top + PANE, PAD + k * (PANE + PAD) :][:, :PANE] for k in range(3)]


def test_each_picture_has_the_patch_of_its_frame_between_the_two_motions() -> None:
    for number, picture in enumerate(sheets(shown())):
        prototype, patch, motion = panes(picture)
        assert (patch[:, PANE // 4 : 3 * PANE // 4] == (40 * number, 90, 200 - 40 * number)).all()  # twice as high
        assert (patch[:, : PANE // 4 - 1] == (20, 23, 28)).all()
        reddish, yellowish = prototype.reshape(-1, 3).mean(axis=0), motion.reshape(-1, 3).mean(axis=0)
        assert reddish[0] > reddish[1] + 20  # to the right
        assert min(yellowish[0], yellowish[1]) > yellowish[2] + 20  # downwards


def test_the_gif_has_all_pictures_for_their_time(media: Media, tmp_path: Path) -> None:
    out, beside = export_prototype_clip(media, tmp_path / "a.gif", shown())
    expected = list(sheets(shown()))
    told = json.loads(beside.read_text())["animation"]
    with Image.open(io.BytesIO(out.read_bytes())) as decoded:
        assert decoded.n_frames == FIELDS
        assert decoded.info["loop"] == 0
        for number, picture in enumerate(expected):
            decoded.seek(number)
            assert decoded.info["duration"] == told["milliseconds_each"]
            error = np.abs(np.asarray(decoded.convert("RGB"), int) - picture)
            assert error.mean() < 4  # 256 colours
    assert told["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()


def test_the_mp4_goes_round_some_times(media: Media, tmp_path: Path) -> None:
    out, beside = export_prototype_clip(media, tmp_path / "a.mp4", shown())
    expected = list(sheets(shown()))
    told = json.loads(beside.read_text())["animation"]
    decoded = open_media(out)
    try:
        assert len(decoded.index) == FIELDS * ROUNDS
        seconds = np.diff([decoded.index.seconds(n) for n in range(len(decoded.index))])
        np.testing.assert_allclose(seconds, told["milliseconds_each"] / 1000)
        reader = decoded.reader()
        for number in (0, FIELDS - 1, FIELDS, FIELDS * ROUNDS - 1):
            picture = expected[number % FIELDS]
            pixels = reader.read(number).pixels[: picture.shape[0], : picture.shape[1]]
            assert np.abs(pixels.astype(int) - picture).mean() < 6
        reader.close()
    finally:
        decoded.close()
    assert told["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()


def test_the_sidecar_says_where_all_of_it_comes_from(media: Media, tmp_path: Path) -> None:
    _, beside = export_prototype_clip(media, tmp_path / "a.gif", shown("lips"))
    told = json.loads(beside.read_text())
    assert told["source"]["sha256"] == hashlib.sha256(media.path.read_bytes()).hexdigest()
    assert (told["prototype"]["name"], told["prototype"]["own_name"]) == ("jitter of the eyes 1", "lips")
    assert told["prototype"]["source"]["clip"] == "train/a.mp4"
    assert told["questioned"]["frames"] == list(range(2, 2 + FIELDS))
    base = Fraction(told["source"]["time_base"])
    assert [pts * base * 1000 for pts in told["questioned"]["pts"]] == PTS[2 : 2 + FIELDS]
    assert told["questioned"]["similarity"] == 0.75
    assert told["excluded_prototypes"] == ["real 1"]
    assert told["provenance"][0]["weights_sha256"] == PROVENANCE.weights_sha256


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_cancelled_leaves_nothing(media: Media, tmp_path: Path, suffix: str) -> None:
    token, folder = CancelToken(), tmp_path / "out"
    folder.mkdir()

    def stop(progress: object) -> None:
        if getattr(progress, "label", "") == "Writing the animation":
            token.cancel()

    with pytest.raises(CancelledError):
        export_prototype_clip(media, folder / f"a{suffix}", shown(), cancel=token, progress=stop)
    assert list(folder.iterdir()) == []


def test_never_over_the_evidence_and_in_no_other_format(media: Media, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="evidence"):
        export_prototype_clip(media, media.path, shown())
    with pytest.raises(UsageError, match="gif"):
        export_prototype_clip(media, tmp_path / "a.webm", shown())
