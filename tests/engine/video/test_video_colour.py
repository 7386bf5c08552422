"""Known colours come out as they went in, whatever the matrix, range and depth."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from video_clips import Clip, make_clip, number_picture

from engine.results import Picture
from engine.video.deinterlace import deinterlaced
from engine.video.media import open_media

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 100, 50),
           (30, 180, 220)]  # fmt: skip
WEIGHTS = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}
SPC = {"bt709": 1, "smpte170m": 6, "bt2020nc": 9}


def planes(rgb: tuple[int, int, int], matrix: str, *, full: bool) -> tuple[float, float, float]:
    """Y'CbCr of 8-bit R'G'B' by the definition (ITU-R BT.709 section 3, BT.601 section 2.5)."""
    kr, kb = WEIGHTS[matrix]
    r, g, b = (c / 255 for c in rgb)
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    if full:
        return 255 * y, 128 + 255 * cb, 128 + 255 * cr
    return 16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr


def colour_clip(path: Path, matrix: str | None, *, full: bool | None, fmt: str, height: int = 96) -> Path:
    """One frame per colour, lossless, written as planes so that no converter of ours takes part."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1" if "10" in fmt else "libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, height, fmt
        if "10" not in fmt:
            stream.options = {"qp": "0", "preset": "ultrafast"}
        if matrix:
            stream.codec_context.colorspace = SPC[matrix]
        if full is not None:
            stream.codec_context.color_range = 2 if full else 1
        taken = matrix or ("bt709" if height >= 720 else "smpte170m")
        for pts, rgb in enumerate(COLOURS):
            frame = av.VideoFrame(64, height, fmt)
            scale = 4 if "10" in fmt else 1
            for plane, value in zip(frame.planes, planes(rgb, taken, full=bool(full)), strict=True):
                kind = np.uint16 if scale == 4 else np.uint8
                stored = kind(min(round(value * scale), 256 * scale - 1))
                plane.update(np.full(plane.buffer_size // np.dtype(kind).itemsize, stored, kind).tobytes())
            frame.pts = pts
            frame.colorspace = SPC[taken] if matrix else 2
            frame.color_range = 0 if full is None else 2 if full else 1
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def shown(path: Path) -> list[Picture]:
    media = open_media(path)
    reader = media.reader()
    try:
        return [frame.pixels for frame in reader.frames(0, len(media.index) - 1)]
    finally:
        reader.close()


@pytest.mark.parametrize("fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc"])
def test_stated_colours_are_exact(tmp_path: Path, matrix: str, full: bool, fmt: str) -> None:
    pictures = shown(colour_clip(tmp_path / "clip.mkv", matrix, full=full, fmt=fmt))
    for picture, rgb in zip(pictures, COLOURS, strict=True):
        assert np.abs(picture.astype(int) - rgb).max() <= 3, rgb


@pytest.mark.parametrize("height", [96, 576, 720])
def test_unstated_colours_follow_the_height(tmp_path: Path, height: int) -> None:
    path = colour_clip(tmp_path / "clip.mkv", None, full=None, fmt="yuv420p", height=height)
    for picture, rgb in zip(shown(path), COLOURS, strict=True):
        assert np.abs(picture.astype(int) - rgb).max() <= 3, rgb
    stream = open_media(path).facts.stream
    assert stream.colour_assumed == ("BT.709" if height >= 720 else "BT.601") + " matrix, limited range"


def test_full_range_by_pixel_format(tmp_path: Path) -> None:
    clip = Clip(suffix=".avi", codec="mjpeg", pixel_format="yuvj420p", frames=3, picture=flat)
    for picture in shown(make_clip(tmp_path / "clip.avi", clip)):
        assert np.abs(picture.astype(int) - (250, 250, 250)).max() <= 3


def flat(number: int, width: int, height: int) -> Picture:
    return np.full((height, width, 3), 250, np.uint8)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_agrees_with_another_player(tmp_path: Path, degrees: int) -> None:
    options = {"preset": "ultrafast", "qp": "4"}
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=4, rotation=degrees, options=options))
    capture = cv2.VideoCapture(str(path))
    other = cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB)
    capture.release()
    media = open_media(path)
    picture = shown(path)[0]
    assert picture.shape == other.shape == (96, 160, 3)
    assert (media.width, media.height) == (160, 96)
    assert media.facts.stream.rotation == degrees
    assert np.abs(picture.astype(int) - other).mean() < 3
    assert np.abs(picture.astype(int) - number_picture(0)).mean() < 6


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_mirrored_pictures_come_out_as_asked(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    """Stored so that turning `degrees` anticlockwise and then swapping left and right shows the drawing."""
    upright = number_picture(5)
    stored = np.rot90(upright[:, ::-1] if mirrored else upright, -degrees // 90)
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.height, stream.width = stored.shape[:2]
        stream.pix_fmt = "yuv444p"
        stream.options = {"qp": "4", "preset": "ultrafast"}
        stream.set_display_rotation(degrees, hflip=mirrored)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(stored), format="rgb24").reformat(format="yuv444p")
        frame.pts = 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    (picture,) = shown(path)
    assert np.abs(picture.astype(int) - upright).mean() < 4


@pytest.mark.parametrize("width", [40, 97, 160, 500])
def test_reduced_pictures_are_scaled_ones(tmp_path: Path, width: int) -> None:
    options = {"preset": "ultrafast", "qp": "4"}
    media = open_media(make_clip(tmp_path / "clip.mp4", Clip(frames=3, rotation=90, options=options)))
    reader = media.reader()
    try:
        decoded = reader.decode(1)
        whole, small = decoded.rgb(), decoded.rgb_reduced(width)
    finally:
        reader.close()
    assert small.shape[1] == min(width, 160)
    expected = cv2.resize(whole, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected).mean() < 4
    assert not small.flags.writeable
    assert not whole.flags.writeable


def test_deinterlacing_keeps_one_field_and_averages_the_other() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (7, 4, 3), np.uint8)
    for top in (True, False):
        result = deinterlaced(pixels, keep_top=top)
        for y in range(7):
            if y % 2 == (0 if top else 1):
                expected = pixels[y]
            else:
                near = [pixels[k].astype(int) for k in (y - 1, y + 1) if 0 <= k < 7]
                expected = (sum(near) + len(near) - 1) // len(near)
            assert (result[y] == expected).all(), (top, y)
    assert deinterlaced(pixels[:1], keep_top=False).shape == (1, 4, 3)
