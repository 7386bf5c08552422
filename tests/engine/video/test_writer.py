"""The clip writer: exact times, true colours, sound in its place, and nothing left behind when it fails."""

import errno
import io
import resource
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from engine.errors import CancelledError, ExportError
from engine.video.audio import AudioCut
from engine.video.writer import ClipWriter


def plain(width: int, height: int, colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def write(path: Path, pts: list[int], base: Fraction, size: tuple[int, int] = (64, 48), last: int = 1) -> None:
    with ClipWriter(path, *size, base) as writer:
        for i, time in enumerate(pts):
            writer.write(
                plain(*size, (i * 9 % 256, 90, 160)), time, pts[i + 1] - time if i + 1 < len(pts) else last
            )


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("pts", "base", "last"),
    [
        (list(range(40)), Fraction(1, 25), 1),
        ([n * 1001 for n in range(30)], Fraction(1, 30000), 1001),
        (list(range(20)), Fraction(1001, 30000), 1),
        ([90_000 + n * 3600 for n in range(20)], Fraction(1, 90_000), 3600),
        ([7, 40, 41, 300, 301, 302, 1300], Fraction(1, 1000), 500),
        ([-3, 5, 6, 100], Fraction(1, 100), 1),
        ([2**33 + 1000 * n * n for n in range(1, 9)], Fraction(1, 90_000), 10),
        ([5], Fraction(1, 30), 1),
    ],
    ids=["25 fps", "ntsc", "ntsc ticks", "offset", "variable", "negative", "mpeg-ts", "one frame"],
)
def test_times_are_those_of_the_source_to_the_tick(
    tmp_path: Path, pts: list[int], base: Fraction, last: int
) -> None:
    write(tmp_path / "a.mp4", pts, base, last=last)
    assert times(tmp_path / "a.mp4") == [(time - pts[0]) * base for time in pts]
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.duration is not None
        assert stream.duration * stream.time_base == (pts[-1] + last - pts[0]) * base
        assert stream.start_time == 0


@pytest.mark.parametrize("size", [(64, 48), (101, 75), (100, 75), (101, 76)])
def test_odd_sizes_are_padded_by_repeating_the_edge(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    ramp = np.linspace(0, 255, width).astype(np.uint8)
    picture = np.repeat(np.repeat(ramp[None, :, None], height, 0), 3, 2)
    with ClipWriter(tmp_path / "a.mp4", width, height, Fraction(1, 25)) as writer:
        writer.write(picture, 0)
        assert writer.padding == (width % 2, height % 2)
    with av.open(str(tmp_path / "a.mp4")) as container:
        (frame,) = container.decode(video=0)
        back = frame.to_ndarray(format="rgb24").astype(int)
    assert back.shape[:2] == (height + height % 2, width + width % 2)
    assert np.abs(back[:height, :width] - picture).max() < 8
    if width % 2:
        assert (back[:, -1] > 245).all()


COLOURS = [
    (0, 0, 0),
    (255, 255, 255),
    (128, 128, 128),
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (225, 90, 0),
    (0, 90, 200),
]


def test_colours_are_bt709_and_tagged_so(tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "a.mp4", 64, 48, Fraction(1, 25)) as writer:
        for number, colour in enumerate(COLOURS):
            writer.write(plain(64, 48, colour), number)
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.pix_fmt, context.codec.name) == ("yuv420p", "h264")
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (
            1,
            1,
            1,
            1,
        )
        for frame, colour in zip(container.decode(video=0), COLOURS, strict=True):
            planes = [np.frombuffer(bytes(plane), np.uint8)[0] for plane in frame.planes]
            assert planes == pytest.approx(ycbcr(colour), abs=2)


def ycbcr(rgb: tuple[int, int, int]) -> list[float]:
    """ITU-R BT.709, limited range, 8 bits."""
    r, g, b = (c / 255 for c in rgb)
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    return [16 + 219 * y, 128 + 224 * (b - y) / 1.8556, 128 + 224 * (r - y) / 1.5748]


def test_the_shape_of_pixels_is_kept(tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "a.mp4", 64, 48, Fraction(1, 25), pixel_aspect=Fraction(16, 11)) as writer:
        writer.write(plain(64, 48, (1, 2, 3)), 0)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].codec_context.sample_aspect_ratio == Fraction(16, 11)


def test_the_name_appears_only_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"an earlier export")
    with ClipWriter(path, 64, 48, Fraction(1, 25)) as writer:
        writer.write(plain(64, 48, (1, 2, 3)), 0)
        assert path.read_bytes() == b"an earlier export"
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert times(path) == [0]


@pytest.mark.parametrize("fault", [CancelledError(), KeyboardInterrupt(), RuntimeError("x")])
def test_a_cancelled_clip_leaves_nothing(tmp_path: Path, fault: BaseException) -> None:
    with pytest.raises(type(fault)):
        start_and_fail(tmp_path / "a.mp4", fault)
    assert list(tmp_path.iterdir()) == []


def start_and_fail(path: Path, fault: BaseException) -> None:
    with ClipWriter(path, 64, 48, Fraction(1, 25)) as writer:
        for number in range(30):
            writer.write(plain(64, 48, (number, 2, 3)), number)
        raise fault


def write_noise(path: Path, frames: int = 30) -> None:
    rng = np.random.default_rng(0)
    with ClipWriter(path, 320, 240, Fraction(1, 25)) as writer:
        for number in range(frames):
            writer.write(rng.integers(0, 256, (240, 320, 3), dtype=np.uint8), number)


@pytest.mark.parametrize("limit", [1, 100_000, 600_000])
def test_a_file_that_may_not_grow_is_one_clear_error(tmp_path: Path, limit: int) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(ExportError, match="The disk is full"):
            write_noise(tmp_path / "a.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


class FullDisk(io.FileIO):
    """A file on a disk that has `room` bytes left."""

    room = 0

    def write(self, data: Any) -> int:
        type(self).room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("room", [0, 200_000, None], ids=["at once", "in the middle", "at the very end"])
def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int | None) -> None:
    if room is None:  # so much that only the last bytes do not fit
        write_noise(tmp_path / "b.mp4")
        room = (tmp_path / "b.mp4").stat().st_size - 50
        (tmp_path / "b.mp4").unlink()
    monkeypatch.setattr(FullDisk, "room", room)
    monkeypatch.setattr(Path, "open", lambda self, mode: FullDisk(self, mode))
    with pytest.raises(ExportError, match=r"The disk is full\. Free some space"):
        write_noise(tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no/a.mp4: The file cannot be written \(no such file"):
        write(tmp_path / "no" / "a.mp4", [0], Fraction(1, 25))


def test_frames_must_fit_and_follow(tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "a.mp4", 64, 48, Fraction(1, 25)) as writer:
        writer.write(plain(64, 48, (0, 0, 0)), 5)
        with pytest.raises(ValueError, match="does not fit"):
            writer.write(plain(48, 64, (0, 0, 0)), 6)
        with pytest.raises(ValueError, match="does not come after"):
            writer.write(plain(64, 48, (0, 0, 0)), 5)


RATE = 48_000
BEEP = 1.5
"""The source's sound is silent but for a beep of a tenth of a second here, and its picture turns white with it."""


@pytest.fixture(scope="module")
def make_source(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    made: dict[tuple[str, str], Path] = {}

    def make(suffix: str, codec: str) -> Path:
        if (suffix, codec) not in made:
            made[suffix, codec] = source(tmp_path_factory.mktemp("sound") / f"a.{suffix}", codec)
        return made[suffix, codec]

    return make


def source(path: Path, codec: str) -> Path:
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.options = {"bf": "0"}
        sound = out.add_stream(codec, rate=RATE)
        sound.layout = "mono"
        samples = np.zeros(3 * RATE, np.float32)
        beep = slice(round(BEEP * RATE), round((BEEP + 0.1) * RATE))
        samples[beep] = 0.8 * np.sin(np.arange(beep.stop - beep.start) * 2 * np.pi * 1000 / RATE)
        for number in range(75):
            white = BEEP <= number / 25 < BEEP + 0.1
            frame = av.VideoFrame.from_ndarray(plain(64, 48, (255,) * 3 if white else (0,) * 3), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for packet in video.encode(frame):
                out.mux(packet)
            piece = samples[number * RATE // 25 : (number + 1) * RATE // 25]
            block = av.AudioFrame.from_ndarray((piece * 32767).astype(np.int16)[None], format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = RATE, number * RATE // 25, Fraction(1, RATE)
            for packet in sound.encode(block):
                out.mux(packet)
        for stream in (video, sound):
            for packet in stream.encode(None):
                out.mux(packet)
    return path


def heard(path: Path) -> tuple[float, float, str]:
    """When the beep starts, how long the sound is, and its codec."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        loud, end = [], 0.0
        for frame in container.decode(stream):
            values = np.abs(frame.to_ndarray().astype(np.float64)).reshape(-1)
            peak = 32768.0 if frame.format.name.startswith("s16") else 1.0
            begin = float(frame.pts * frame.time_base)
            loud += [begin + i / frame.sample_rate for i in np.flatnonzero(values > 0.3 * peak)[:1]]
            end = begin + frame.samples / frame.sample_rate
        return loud[0], end, stream.codec_context.name


@pytest.mark.parametrize(
    ("suffix", "codec", "copied"),
    [("mp4", "aac", True), ("mkv", "libmp3lame", True), ("mkv", "libopus", True), ("mov", "pcm_s16le", False),
     ("mkv", "flac", False)],
)  # fmt: skip
@pytest.mark.parametrize(("first", "last"), [(0, 74), (25, 62)])
def test_sound_stays_with_its_picture(
    tmp_path: Path,
    make_source: Callable[[str, str], Path],
    suffix: str,
    codec: str,
    copied: bool,
    first: int,
    last: int,
) -> None:
    origin = make_source(suffix, codec)
    cut = AudioCut(origin, Fraction(first, 25), Fraction(last + 1, 25))
    try:
        with ClipWriter(tmp_path / "a.mp4", 64, 48, Fraction(1, 25), audio=cut) as writer:
            for number in range(first, last + 1):
                writer.write(plain(64, 48, (0, 0, 0)), number)
    finally:
        cut.close()
    begin, end, name = heard(tmp_path / "a.mp4")
    assert cut.copied is copied
    assert name.startswith({"libmp3lame": "mp3", "libopus": "opus"}.get(codec, "aac"))
    # Lossy codecs smear the start of a tone over a part of one of their frames, 26 ms at most.
    assert begin == pytest.approx(BEEP - first / 25, abs=0.015)
    assert end == pytest.approx((last + 1 - first) / 25, abs=0.06)


def test_a_video_without_sound_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", [0, 1], Fraction(1, 25))
    with pytest.raises(LookupError):
        AudioCut(tmp_path / "a.mp4", Fraction(0), Fraction(1))


def test_sound_and_picture_are_interleaved(tmp_path: Path, make_source: Callable[[str, str], Path]) -> None:
    cut = AudioCut(make_source("mp4", "aac"), Fraction(0), Fraction(3))
    with ClipWriter(tmp_path / "a.mp4", 64, 48, Fraction(1, 25), audio=cut) as writer:
        for number in range(75):
            writer.write(plain(64, 48, (0, 0, 0)), number)
    cut.close()
    with av.open(str(tmp_path / "a.mp4")) as container:
        places = {"video": [], "audio": []}
        for packet in container.demux():
            if packet.pos is not None and packet.size:
                places[packet.stream.type].append(packet.pos)
    assert min(places["video"][-1], places["audio"][-1]) > max(places["video"][0], places["audio"][0])
