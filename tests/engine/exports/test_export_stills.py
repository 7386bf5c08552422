"""Stills: exactly the decoded pixels, named by number and pts."""

import hashlib
import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from exports_scene import make_scene
from PIL import Image

from engine.errors import CancelledError, ExportError, UsageError
from engine.exports.stills import export_stills
from engine.progress import CancelToken, Progress
from engine.rendering.compose import render_frame
from engine.rendering.layers import build_layers
from engine.rendering.style import OverlayStyle
from engine.verdict import Statement
from engine.video.media import Media


def test_stills_are_the_decoded_frames_bit_for_bit(tmp_path: Path, media: Media, odd_video: Path) -> None:
    written = export_stills(media, [7, 0, 3, 3], tmp_path / "new" / "stills")
    with closing(media.reader()) as reader:
        names = [f"frame_{i:07d}_pts_{media.index.pts[i]}.png" for i in (0, 3, 7)]
        assert [path.name for path in written] == names
        for number, path in zip((0, 3, 7), written, strict=True):
            picture = cv2.imread(str(path))[..., ::-1]
            assert (picture == reader.read(number).pixels).all()
    side = json.loads((tmp_path / "new" / "stills" / "stills.json").read_text())
    for path, entry in zip(written, side["stills"], strict=True):
        assert entry["file"] == path.name
        assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    text = Image.open(written[1]).text
    assert text["Frame"] == "3"
    assert text["Source SHA-256"] == hashlib.sha256(odd_video.read_bytes()).hexdigest()


def test_stills_agree_with_a_plain_sequential_decode(tmp_path: Path, media: Media, odd_video: Path) -> None:
    written = export_stills(media, range(12), tmp_path)
    with av.open(str(odd_video)) as container:
        for path, frame in zip(written, container.decode(video=0), strict=True):
            plain = frame.to_ndarray(format="rgb24")
            assert np.abs(cv2.imread(str(path))[..., ::-1].astype(int) - plain).mean() < 2


def test_overlays_are_those_of_the_renderer(tmp_path: Path, media: Media) -> None:
    scene, style = make_scene(media.width, media.height), OverlayStyle(curve=False, opacity=0.8)
    scene = replace(scene, statement=Statement("short", {"text": "in full"}))
    (path,) = export_stills(media, [3], tmp_path, scene=scene, style=style)
    reader = media.reader()
    frame = reader.read(3)
    reader.close()
    expected = render_frame(frame.pixels, build_layers(scene.at(3, frame.pts, frame.seconds), style))
    assert (cv2.imread(str(path))[..., ::-1] == expected).all()
    side = json.loads((tmp_path / "stills.json").read_text())
    assert side["detector"] == "frame-mobile"
    assert side["style"]["opacity"] == 0.8
    assert side["likelihood"] == {"text": "in full"}


@pytest.mark.parametrize("frames", [[], [12], [3, 99], [-1]])
def test_frames_that_do_not_exist_are_refused(tmp_path: Path, media: Media, frames: list[int]) -> None:
    with pytest.raises(UsageError):
        export_stills(media, frames, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_cancel_leaves_nothing_not_even_the_folder(tmp_path: Path, media: Media) -> None:
    token = CancelToken()

    def progress(now: Progress) -> None:
        if now.label == "Writing stills":
            token.cancel()

    with pytest.raises(CancelledError):
        export_stills(media, range(12), tmp_path / "a" / "b", cancel=token, progress=progress)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_what_was_there_before(
    tmp_path: Path, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.txt").write_text("x")
    real, left = Path.write_bytes, [3]

    def filling(self: Path, data: bytes) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", filling)
    with pytest.raises(ExportError, match="The disk is full"):
        export_stills(media, range(12), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path, media: Media) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(ExportError, match="not a folder"):
        export_stills(media, [0], tmp_path / "a")
