"""The asked frame and no other: 0 wrong of at least 200 accesses for every kind of file."""

import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest
from video_clips import Clip, make_clip, read_number

from engine.video.media import open_media


def x264(params: str = "keyint=48:bframes=3:scenecut=0", **more: str) -> dict[str, str]:
    return {"preset": "veryfast", "x264-params": params} | more


def uneven_times(count: int, seed: int = 5) -> list[int]:
    chooser, times = random.Random(seed), [0]
    for _ in range(count - 1):
        times.append(times[-1] + chooser.choice((900, 1500, 3000, 3003, 7000)))
    return times


OPEN_GOP = x264("keyint=24:bframes=4:open-gop=1:b-pyramid=normal:scenecut=0")
MPEG2 = {"g": "15", "bf": "2"}
HEVC = {"preset": "ultrafast", "x265-params": "keyint=30:bframes=4:open-gop=1:log-level=none"}
VP = {"g": "40", "cpu-used": "8", "deadline": "realtime", "b": "400k"}

CLIPS = {
    "constant rate": Clip(options=x264()),
    "no B-frames": Clip(options=x264("keyint=30:bframes=0")),
    "variable rate": Clip(times=uneven_times(130), time_base=Fraction(1, 90000), options=x264()),
    "variable rate in mkv": Clip(
        suffix=".mkv", times=uneven_times(130), time_base=Fraction(1, 90000), options=x264()
    ),
    "open GOP in mkv": Clip(suffix=".mkv", options=OPEN_GOP),
    "open GOP in mp4": Clip(options=OPEN_GOP),
    "open GOP in TS": Clip(suffix=".ts", options=OPEN_GOP),
    "TS": Clip(suffix=".ts", options=x264()),
    "TS with start offset": Clip(suffix=".ts", shift=25 * 3600, options=x264()),
    "gradual refresh": Clip(options=x264("keyint=48:intra-refresh=1:bframes=2")),
    "edit list": Clip(shift=-30, options=x264(), muxer={"avoid_negative_ts": "disabled"}),
    "rotated 90": Clip(rotation=90, options=x264()),
    "rotated 180": Clip(rotation=180, options=x264()),
    "rotated 270": Clip(rotation=270, options=x264()),
    "odd size": Clip(width=161, height=97, pixel_format="yuv444p", options=x264()),
    "odd size, 4:2:0": Clip(suffix=".webm", codec="libvpx-vp9", width=161, height=97, options=VP),
    "10 bit": Clip(pixel_format="yuv420p10le", options=x264()),
    "4:2:2": Clip(pixel_format="yuv422p", options=x264()),
    "4:4:4": Clip(pixel_format="yuv444p", options=x264()),
    "interlaced": Clip(options=x264("keyint=48:bframes=3:tff=1", flags="+ildct+ilme")),
    "interlaced in TS": Clip(suffix=".ts", options=x264("keyint=48:bframes=3:tff=1", flags="+ildct+ilme")),
    "two video streams": Clip(streams=2, options=x264()),
    "VP9 in webm": Clip(suffix=".webm", codec="libvpx-vp9", options=VP | {"auto-alt-ref": "1"}),
    "VP8 in webm": Clip(suffix=".webm", codec="libvpx", options=VP | {"auto-alt-ref": "1"}),
    "HEVC": Clip(codec="libx265", options=HEVC),
    "HEVC in TS": Clip(suffix=".ts", codec="libx265", options=HEVC),
    "mkv": Clip(suffix=".mkv", options=x264()),
    "mov": Clip(suffix=".mov", options=x264()),
    "flv": Clip(suffix=".flv", options=x264()),
    "MPEG-4 in avi": Clip(suffix=".avi", codec="mpeg4", options={"g": "30"}),
    "MPEG-4 with B-frames in avi": Clip(suffix=".avi", codec="mpeg4", options={"g": "30", "bf": "2"}),
    "H.264 in avi": Clip(suffix=".avi", options=x264()),
    "MJPEG in avi": Clip(suffix=".avi", codec="mjpeg", pixel_format="yuvj420p"),
    "FFV1 in avi": Clip(suffix=".avi", codec="ffv1"),
    "ProRes in mov": Clip(suffix=".mov", codec="prores_ks", pixel_format="yuv422p10le"),
    "gif": Clip(suffix=".gif", codec="gif", pixel_format="rgb8"),
    "MPEG-2 in PS": Clip(suffix=".mpg", codec="mpeg2video", options=MPEG2),
    "MPEG-1 in PS": Clip(suffix=".mpg", codec="mpeg1video", options=MPEG2),
    "MPEG-2 in TS": Clip(suffix=".ts", codec="mpeg2video", options=MPEG2),
    "raw H.264": Clip(suffix=".h264", options=x264()),
    "WMV": Clip(suffix=".wmv", codec="wmv2", options={"g": "30"}),
}
FIRST = {"edit list": 30}


@pytest.fixture(scope="module", params=CLIPS, ids=lambda name: name.replace(" ", "-"))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A clip and the number that its frame 0 shows."""
    clip = CLIPS[request.param]
    path = tmp_path_factory.mktemp("clips") / f"clip{clip.suffix}"
    try:
        make_clip(path, clip)
    except av.error.EncoderNotFoundError:
        pytest.skip(f"no encoder {clip.codec} here")
    yield path, FIRST.get(request.param, 0)
    path.unlink()


def test_every_access_gives_the_asked_frame(made: tuple[Path, int]) -> None:
    path, first = made
    with av.open(str(path)) as container:
        decoded = sum(1 for _ in container.decode(container.streams.video[0]))
    media = open_media(path)
    count = len(media.index)
    assert count == decoded == 130 - first

    chooser = random.Random(7)
    order = [chooser.randrange(count) for _ in range(120)]
    order += [*range(count // 2, count), *range(count - 1, count - 60, -1)]
    stepping, sequential = media.reader(stepping=True), media.reader()
    try:
        wrong = [i for i in order if read_number(stepping.read(i).pixels) != first + i]
        shown = [(f.index, read_number(f.pixels)) for f in sequential.frames(0, count - 1)]
    finally:
        stepping.close()
        sequential.close()
    assert len(order) >= 200
    assert not wrong
    assert shown == [(i, first + i) for i in range(count)]
    assert not media.damaged


@pytest.mark.parametrize("stream", [0, 1])
def test_either_of_two_streams_can_be_chosen(tmp_path: Path, stream: int) -> None:
    path = make_clip(tmp_path / "two.mp4", Clip(frames=40, streams=2, options=x264()))
    reader = open_media(path, stream=stream).reader()
    try:
        shown = [read_number(f.pixels) for f in reader.frames(0, 39)]
    finally:
        reader.close()
    assert shown == [1000 * stream + i for i in range(40)]


def test_times_are_those_of_the_file(tmp_path: Path) -> None:
    times = uneven_times(60)
    clip = Clip(times=times, time_base=Fraction(1, 90000), options=x264())
    index = open_media(make_clip(tmp_path / "uneven.mp4", clip)).index
    assert index.variable_rate
    assert [index.seconds(i) for i in range(60)] == pytest.approx([t / 90000 for t in times], abs=1e-9)
    for i in range(59):
        middle = (times[i] + times[i + 1]) / 2 / 90000
        assert index.at_seconds(middle) == index.at_seconds(times[i] / 90000) == i


def test_a_constant_rate_is_called_constant(tmp_path: Path) -> None:
    index = open_media(make_clip(tmp_path / "even.mkv", Clip(rate=30, frames=90, options=x264()))).index
    assert not index.variable_rate
    assert index.rate == pytest.approx(30, rel=0.002)
    assert index.duration == pytest.approx(3.0, abs=0.035)


def test_two_recordings_in_one_file_are_read_as_they_follow(tmp_path: Path) -> None:
    """Copied one behind the other, their times repeat and their sizes differ."""
    first = make_clip(tmp_path / "first.ts", Clip(suffix=".ts", frames=60, options=x264()))
    second = make_clip(tmp_path / "second.ts", Clip(suffix=".ts", frames=60, width=176, options=x264()))
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    media = open_media(both)
    assert len(media.index) == 120
    assert any("from the start" in warning for warning in media.warnings())
    reader = media.reader(stepping=True)
    try:
        order = random.Random(3).sample(range(120), 40)
        assert [read_number(reader.read(i).pixels) for i in order] == [i % 60 for i in order]
        assert reader.read(119).pixels.shape == (media.height, media.width, 3)
    finally:
        reader.close()


def test_a_step_leaves_frames_out(tmp_path: Path) -> None:
    reader = open_media(make_clip(tmp_path / "clip.mp4", Clip(frames=50, options=x264()))).reader()
    try:
        assert [read_number(f.pixels) for f in reader.frames(3, 44, 7)] == [3, 10, 17, 24, 31, 38]
    finally:
        reader.close()
