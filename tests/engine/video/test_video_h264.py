"""What is told of H.264 packets without decoding agrees with what FFmpeg's decoder does with them."""

from pathlib import Path
from typing import Any

import av
import pytest
from video_clips import Clip, make_clip

from engine.video.h264 import is_unreferenced

PYRAMID = "keyint=24:bframes=3:b-adapt=0:b-pyramid=normal:scenecut=0"
KINDS = {
    "b-pyramid": (".mp4", PYRAMID),
    "no b-frames": (".mp4", "keyint=24:bframes=0"),
    "start codes": (".ts", PYRAMID),
    "four slices": (".mkv", PYRAMID + ":slices=4"),
    "interlaced": (".mp4", PYRAMID + ":tff=1"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_unreferenced_packets_are_those_that_the_decoder_leaves_out(kind: str, tmp_path: Path) -> None:
    suffix, params = KINDS[kind]
    path = tmp_path / f"clip{suffix}"
    make_clip(path, Clip(suffix=suffix, frames=60, options={"preset": "ultrafast", "x264-params": params}))
    assert told(path) == all_times(path) - decoded_without_unreferenced(path)
    assert bool(told(path)) == (kind != "no b-frames")


def told(path: Path) -> set[int | None]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        extradata = stream.codec_context.extradata
        return {
            p.pts for p in container.demux(stream) if p.size and is_unreferenced(memoryview(p), extradata)
        }  # fmt: skip


def all_times(path: Path) -> set[int | None]:
    with av.open(str(path)) as container:
        return {p.pts for p in container.demux(container.streams.video[0]) if p.size}


def decoded_without_unreferenced(path: Path) -> set[int | None]:
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        stream.codec_context.skip_frame = "NONREF"
        return {frame.pts for frame in container.decode(stream)}


def test_what_is_no_picture_is_not_left_out() -> None:
    parameters = b"\0\0\0\1\x67\x42\0\0\0\1\x01\x9a\x55"  # a parameter set beside an unreferenced slice
    assert not is_unreferenced(memoryview(parameters), None)
    assert is_unreferenced(memoryview(b"\0\0\1\x09\xf0\0\0\1\x01\x9a\x55"), None)
    assert not is_unreferenced(memoryview(b"\0\0\1\x21\x9a\x55"), None)
    assert not is_unreferenced(memoryview(b""), None)
