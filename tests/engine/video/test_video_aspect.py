"""Pixels that are not square: as displayed, in the warnings, and in the exported clip."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from engine.exports.clip import export_clip
from engine.rendering.scene import Scene
from engine.rendering.style import OverlayStyle
from engine.video.media import open_media
from engine.video.writer import ClipWriter

QUARTER_TURN = struct.pack(">9I", 0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000)


def clip(path: Path, aspect: Fraction, turned: bool) -> Path:
    with ClipWriter(path, 64, 48, Fraction(1, 25), pixel_aspect=aspect) as writer:
        for number in range(3):
            writer.write(np.full((48, 64, 3), 60 * number, np.uint8), number, 1)
    if turned:
        data = bytearray(path.read_bytes())
        header = data.index(b"tkhd")
        assert data[header + 4] == 0, "version 0: the matrix lies 40 bytes further on"
        data[header + 44 : header + 80] = QUARTER_TURN
        path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("aspect", "turned", "shown", "warned"),
    [
        (Fraction(1), False, Fraction(1), False),
        (Fraction(100, 99), False, Fraction(100, 99), False),
        (Fraction(16, 11), False, Fraction(16, 11), True),
        (Fraction(16, 11), True, Fraction(11, 16), True),
    ],
)
def test_pixels_keep_their_shape(
    tmp_path: Path, aspect: Fraction, turned: bool, shown: Fraction, warned: bool
) -> None:
    media = open_media(clip(tmp_path / "a.mp4", aspect, turned))
    try:
        assert (media.width, media.height) == ((48, 64) if turned else (64, 48))
        assert media.facts.stream.shown_pixel_aspect == shown
        assert any(f"({shown.numerator}:{shown.denominator})" in line for line in media.warnings()) is warned
        scene = Scene(media.width, media.height, 0, 2)
        made = export_clip(media, tmp_path / "out.mp4", scene, OverlayStyle(labels=False))
    finally:
        media.close()
    with av.open(str(made.clip)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == ((48, 64) if turned else (64, 48))
        assert stream.sample_aspect_ratio == shown


def test_evidence_is_named_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or two files of one name in two folders pass for one that changed."""
    clip(tmp_path / "a.mp4", Fraction(1), turned=False)
    monkeypatch.chdir(tmp_path)
    media = open_media("a.mp4")
    assert media.identity().path == str(tmp_path / "a.mp4")
    media.close()
