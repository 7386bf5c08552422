"""What cannot be opened is refused in one clear line; what vanishes or changes is noticed."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from video_clips import Clip, make_clip, read_number

from engine.errors import CancelledError, EvidenceChangedError, FrameUnavailableError, TellframeError, VideoError
from engine.progress import CancelToken
from engine.video.media import first_look, open_media

QUICK = {"preset": "ultrafast", "x264-params": "keyint=12:bframes=2:scenecut=0"}


def empty(folder: Path) -> Path:
    path = folder / "empty.mp4"
    path.touch()
    return path


def text(folder: Path) -> Path:
    path = folder / "text.mp4"
    path.write_text("This is no video at all.\n" * 50)
    return path


def playlist(folder: Path) -> Path:
    """A playlist would make a player read other files or the network."""
    path = folder / "playlist.mp4"
    target = make_clip(folder / "other.ts", Clip(suffix=".ts", frames=12, options=QUICK))
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target.name}\n#EXT-X-ENDLIST\n")
    return path


def without_moov(folder: Path) -> Path:
    whole = make_clip(folder / "whole.mp4", Clip(frames=40, options=QUICK)).read_bytes()
    path = folder / "cut.mp4"
    path.write_bytes(whole[: whole.rindex(b"moov") - 4])
    return path


def sound_only(folder: Path) -> Path:
    path = folder / "sound.m4a"
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=48000, layout="mono")
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 48000, 1024 * number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def zeros(folder: Path) -> Path:
    path = folder / "zeros.mp4"
    path.write_bytes(bytes(10000))
    return path


def no_frames(folder: Path) -> Path:
    """A container with a video stream and not one packet."""
    path = folder / "none.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        out.start_encoding()
    return path


def header_only(folder: Path) -> Path:
    whole = make_clip(folder / "whole.mkv", Clip(suffix=".mkv", frames=40, options=QUICK)).read_bytes()
    path = folder / "header.mkv"
    path.write_bytes(whole[:700])
    return path


def folder_without_pictures(folder: Path) -> Path:
    path = folder / "nothing"
    path.mkdir()
    (path / "notes.txt").write_text("no pictures here")
    return path


def text_as_picture(folder: Path) -> Path:
    path = folder / "text.png"
    path.write_text("no picture")
    return path


def absent(folder: Path) -> Path:
    return folder / "absent.mp4"


def absent_pattern(folder: Path) -> Path:
    return folder / "frame_%04d.png"


@pytest.mark.parametrize(
    "make",
    [
        empty, text, playlist, without_moov, sound_only, zeros, no_frames, header_only, folder_without_pictures,
        text_as_picture, absent, absent_pattern,
    ],
    ids=lambda make: make.__name__,
)  # fmt: skip
@pytest.mark.parametrize("opening", [open_media, first_look], ids=["open_media", "first_look"])
def test_it_is_refused_in_one_line(
    tmp_path: Path, make: Callable[[Path], Path], opening: Callable[[Path], object]
) -> None:
    path = make(tmp_path)
    with pytest.raises(VideoError) as caught:
        opening(path)
    line = str(caught.value)
    assert "\n" not in line
    assert path.name in line
    assert caught.value.exit_status == 2
    assert len(caught.value.advice) > 10


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (empty, "empty"),
        (text, "text"),
        (without_moov, "moov"),
        (sound_only, "only sound"),
        (absent, "no such file"),
    ],
)
def test_the_line_says_why(tmp_path: Path, make: Callable[[Path], Path], words: str) -> None:
    with pytest.raises(VideoError, match=words):
        open_media(make(tmp_path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=5, options=QUICK))
    path.chmod(0)
    with pytest.raises(VideoError, match="may not read"):
        open_media(path)


def test_a_forbidden_file_is_refused_for_anyone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=5, options=QUICK))
    monkeypatch.setattr("engine.video.source.os.access", lambda *_: False)
    with pytest.raises(VideoError, match="may not read"):
        open_media(path)


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    media = open_media(make_clip(tmp_path / "one.mp4", Clip(frames=1, options=QUICK)))
    reader = media.reader()
    try:
        assert read_number(reader.read(0).pixels) == 0
    finally:
        reader.close()
    assert len(media.index) == 1
    assert not media.index.variable_rate
    assert media.index.duration == pytest.approx(1 / 25)


@pytest.mark.parametrize("index", [-1, 20, 10**9])
def test_a_frame_outside_is_refused(tmp_path: Path, index: int) -> None:
    reader = open_media(make_clip(tmp_path / "clip.mp4", Clip(frames=20, options=QUICK))).reader()
    with pytest.raises(FrameUnavailableError, match="0 to 19"):
        reader.read(index)
    reader.close()


def test_an_unknown_stream_is_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=5, options=QUICK))
    with pytest.raises(VideoError, match="no video stream 3"):
        open_media(path, stream=3)


def vanish(path: Path) -> None:
    path.unlink()


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("change", [vanish, grow, replaced], ids=lambda change: change.__name__)
def test_a_changed_file_is_noticed_while_open(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=30, options=QUICK))
    media = open_media(path)
    reader = media.reader(stepping=True)
    reader.read(0)
    change(path)
    actions: list[Callable[[], object]] = [
        media.verify_unchanged, media.identity, lambda: reader.read(20), lambda: media.reader(),
    ]  # fmt: skip
    for action in actions:
        with pytest.raises(EvidenceChangedError) as caught:
            action()
        assert path.name in str(caught.value)
    reader.close()


def test_hashing_gives_the_files_hash_and_can_be_cancelled(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=30, options=QUICK))
    cancel = CancelToken()
    cancel.cancel()
    media = open_media(path)
    with pytest.raises(CancelledError):
        media.identity(cancel)
    seen: list[float] = []
    identity = media.identity(progress=lambda p: seen.append(p.fraction))
    assert identity.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert identity.frames == 30
    assert seen[-1] == 1.0


def test_opening_can_be_cancelled(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", Clip(frames=30, options=QUICK))
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(CancelledError):
        open_media(path, cancel=cancel)


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    reader = open_media(make_clip(tmp_path / "clip.mp4", Clip(frames=30, options=QUICK))).reader()
    cancel = CancelToken()
    frames = reader.frames(0, 29, cancel=cancel)
    assert next(frames).index == 0
    cancel.cancel()
    with pytest.raises(CancelledError):
        next(frames)
    reader.close()


def test_opening_writes_nothing_beside_the_evidence(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.avi", Clip(suffix=".avi", frames=30, options=QUICK))
    before = path.read_bytes(), path.stat().st_mtime_ns
    media = open_media(path)
    media.identity()
    reader = media.reader()
    reader.read(7)
    reader.close()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [p.name for p in tmp_path.iterdir() if "XDG" not in p.name] == ["clip.avi"]


def test_every_error_is_ours(tmp_path: Path) -> None:
    """Random rubbish behind real headers never ends in a foreign exception."""
    whole = make_clip(tmp_path / "clip.mp4", Clip(frames=20, options=QUICK)).read_bytes()
    chooser = np.random.default_rng(2)
    for trial in range(25):
        broken = bytearray(whole)
        for place in chooser.integers(0, len(broken), 40):
            broken[place] = int(chooser.integers(256))
        path = tmp_path / f"broken{trial}.mp4"
        path.write_bytes(broken)
        with suppress(TellframeError):
            media = open_media(path)
            reader = media.reader()
            for frame in reader.frames(0, len(media.index) - 1):
                assert frame.pixels.shape == (media.height, media.width, 3)
            reader.close()
