"""Damaged files: what is shown is what decoding from the start shows, and the rest is refused and listed."""

import random
from pathlib import Path

import av
import av.error
import pytest
from video_clips import Clip, make_clip

from engine.errors import FrameUnavailableError
from engine.video.media import open_media
from engine.video.reader import FrameReader

FRAMES = 120
X264 = {"preset": "veryfast", "x264-params": "keyint=30:bframes=3:scenecut=0"}
CLIPS = {
    "mp4": Clip(frames=FRAMES, options=X264),
    "mkv": Clip(suffix=".mkv", frames=FRAMES, options=X264),
    "ts": Clip(suffix=".ts", frames=FRAMES, options=X264),
    "avi": Clip(suffix=".avi", codec="mjpeg", pixel_format="yuvj420p", frames=FRAMES),
    "mpg": Clip(suffix=".mpg", codec="mpeg2video", frames=FRAMES, options={"g": "15", "bf": "2"}),
}


def plain_decode(path: Path) -> dict[int, bytes]:
    """Luma of every frame by its time, decoded from the start by one thread."""
    found: dict[int, bytes] = {}
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        for packet in container.demux(video=0):
            try:
                for frame in packet.decode():
                    found[frame.pts] = frame.to_ndarray(format="gray8").tobytes()
            except av.error.FFmpegError:
                continue
    return found


def luma(reader: FrameReader, index: int) -> bytes | None:
    try:
        raw = reader.decode(index).make.args[0]  # type: ignore[attr-defined]
    except FrameUnavailableError:
        return None
    return raw.to_ndarray(format="gray8").tobytes()


@pytest.mark.parametrize("kind", CLIPS)
def test_zeroed_bytes(tmp_path: Path, kind: str) -> None:
    path = make_clip(tmp_path / f"clip{CLIPS[kind].suffix}", CLIPS[kind])
    data = bytearray(path.read_bytes())
    middle = len(data) * 3 // 5
    data[middle : middle + 600] = bytes(600)
    path.write_bytes(data)

    truth = plain_decode(path)
    count = len(open_media(path).index)
    shuffled = random.Random(1).sample(range(count), count)
    good: dict[int, bytes] = {}
    for order in (range(count), shuffled, range(count - 1, -1, -1)):
        media = open_media(path)
        reader = media.reader(stepping=order is not range(count))
        for index in order:
            pixels = luma(reader, index)
            if pixels is None:
                assert index in media.damaged
                continue
            assert media.index.stamp is not None
            assert pixels == truth[int(media.index.stamp[index])], index
            assert good.setdefault(index, pixels) == pixels
        reader.close()
        assert len(media.damaged) < count / 2
    assert len(good) > count / 2


def test_truncated_file_gives_the_frames_it_has(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.ts", CLIPS["ts"])
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    media = open_media(path)
    reader = media.reader()
    frames = [f.index for f in reader.frames(0, len(media.index) - 1)]
    reader.close()
    assert 40 < len(frames) <= len(media.index) < FRAMES
    assert set(frames) | set(media.damaged) == set(range(len(media.index)))


def test_recording_that_starts_between_key_frames(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.ts", CLIPS["ts"])
    data = path.read_bytes()
    packets = len(data) // 188
    path.write_bytes(data[: 188 * 3] + data[188 * (packets // 3) :])
    with av.open(str(path)) as container:
        decoded = [f.pts for f in container.decode(video=0)]
    media = open_media(path)
    assert media.index.stamp is not None
    assert media.index.stamp.tolist() == decoded


def test_a_file_with_one_broken_frame_says_so(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.avi", CLIPS["avi"])
    with av.open(str(path)) as container:
        packet = [p for p in container.demux(video=0) if p.size][50]
        place, size = packet.pos, packet.size
    data = bytearray(path.read_bytes())
    data[place + 16 : place + size - 16] = bytes(size - 32)
    path.write_bytes(data)
    media = open_media(path)
    reader = media.reader(stepping=True)
    for index in (0, 49, 51, 119):
        reader.read(index)
    with pytest.raises(FrameUnavailableError, match=r"frame 50: .*damaged"):
        reader.read(50)
    reader.close()
    assert media.damaged == (50,)
    assert any("damaged" in w for w in media.warnings())
