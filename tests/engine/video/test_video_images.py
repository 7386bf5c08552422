"""Stills and sequences behave like videos."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from video_clips import number_picture, read_number

from engine.errors import EvidenceChangedError, FrameUnavailableError, VideoError
from engine.video.media import first_look, open_media


def write(path: Path, number: int) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(number_picture(number), cv2.COLOR_RGB2BGR))
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
def test_a_still_is_a_video_of_one_frame(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"still{suffix}", 9)
    media = open_media(path)
    assert (len(media.index), media.width, media.height) == (1, 160, 96)
    assert read_number(media.reader().read(0).pixels) == 9
    assert media.identity().sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert media.warnings() == ()
    if suffix in (".png", ".bmp", ".tif"):
        assert (first_look(path).frame.pixels == number_picture(9)).all()


def test_a_still_is_turned_as_its_camera_said(tmp_path: Path) -> None:
    path = write(tmp_path / "still.jpg", 9)
    data = path.read_bytes()
    exif = (
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # orientation 6: 90 clockwise
    )
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    picture = open_media(path).reader().read(0).pixels
    assert picture.shape == (160, 96, 3)
    assert read_number(np.rot90(picture)) == 9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in (*range(8), 9, 10, 11):  # 8 is missing
        write(tmp_path / f"shot_{number}.png", number)
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_a_folder_is_read_in_the_order_of_its_numbers(folder: Path) -> None:
    media = open_media(folder)
    reader = media.reader()
    assert [read_number(f.pixels) for f in reader.frames(0, 10)] == [*range(8), 9, 10, 11]
    assert media.index.rate == 25
    assert not media.index.variable_rate
    assert media.index.duration == pytest.approx(11 / 25)
    assert any("25 frames per second" in value for _, _, value in media.facts.rows())
    assert any("1 numbers are missing" in warning for warning in media.warnings())
    hashes = sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("*.png"))
    assert media.identity().sha256 == hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def test_a_pattern_takes_only_what_fits(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"a_{number:04d}.png", number)
        write(tmp_path / f"b_{number:04d}.png", 100 + number)
    write(tmp_path / "a_7.png", 7)
    media = open_media(tmp_path / "a_%04d.png")
    assert [read_number(f.pixels) for f in media.reader().frames(0, len(media.index) - 1)] == [0, 1, 2]


def test_a_picture_of_another_size_or_broken_is_refused_alone(folder: Path) -> None:
    cv2.imwrite(str(folder / "shot_3.png"), np.zeros((50, 60, 3), np.uint8))
    (folder / "shot_5.png").write_bytes(b"broken")
    media = open_media(folder)
    reader = media.reader()
    assert [f.index for f in reader.frames(0, 10)] == [0, 1, 2, 4, 6, 7, 8, 9, 10]
    assert media.damaged == (3, 5)
    with pytest.raises(FrameUnavailableError, match="60 x 50"):
        reader.read(3)


def test_a_vanished_picture_is_noticed(folder: Path) -> None:
    media = open_media(folder)
    (folder / "shot_2.png").unlink()
    with pytest.raises(EvidenceChangedError):
        media.verify_unchanged()
    with pytest.raises(EvidenceChangedError):
        media.reader().read(2)
    assert read_number(media.reader().read(1).pixels) == 1


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(VideoError, match="holds no pictures"):
        open_media(tmp_path / "nothing")
