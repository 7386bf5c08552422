"""Preparing faces: stopped, killed and taken up again, by one process and by several, with the same bytes."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine.errors import CancelledError, DataError
from engine.paths import cache_dir
from engine.progress import CancelToken, Progress
from engine.training.datasets.base import Dataset, Item
from engine.training.faces.shape68 import MEAN_SHAPE
from engine.training.faces.store import FaceStore, gather_faces, gather_runs
from tests.engine.video.video_clips import Clip, make_clip

VIDEOS, FRAMES = 10, 40


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    first = make_clip(folder / "0.mp4", Clip(width=640, height=480, frames=FRAMES))
    for number in range(1, VIDEOS):
        shutil.copy(first, folder / f"{number}.mp4")
    return folder


def dataset_of(folder: Path) -> Dataset:
    points = np.repeat((MEAN_SHAPE * 200 + 100)[None], FRAMES, axis=0).astype(np.float32)
    paths = sorted(folder.glob("*.mp4"))
    return Dataset(
        "test", folder, tuple(Item(p.name, p, "clip", 0, (p.stem,), "train", "s", points=points) for p in paths)
    )


def packs(cache: Path | None = None) -> dict[str, str]:
    """Name -> SHA-256 of all packs."""
    root = (cache_dir() if cache is None else cache / "tellframe") / "face-packs"
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*.safetensors")}


SCRIPT = """
if __name__ == "__main__":
    import sys
    from pathlib import Path
    from tests.engine.training.faces.test_preparing import dataset_of
    from engine.training.faces.store import gather_faces
    dataset = dataset_of(Path(sys.argv[1]))
    gather_faces(dataset, dataset.items, 30, workers=2)
"""


def test_a_killed_preparation_goes_on_and_ends_with_the_same_bytes(videos: Path, tmp_path: Path) -> None:
    script = tmp_path / "prepare.py"
    script.write_text(SCRIPT)
    cache = tmp_path / "cache"
    root = Path(__file__).resolve().parents[4]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(root)}
    process = subprocess.Popen([sys.executable, str(script), str(videos)], env=environment, cwd=root)
    deadline = time.monotonic() + 60
    while len(packs(cache)) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 5
    while any(_runs(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_runs(child) for child in children)  # nobody is left behind
    made = packs(cache)
    assert 2 <= len(made) < VIDEOS
    when = {path: path.stat().st_mtime_ns for path in cache.rglob("*.safetensors")}
    subprocess.run([sys.executable, str(script), str(videos)], env=environment, cwd=root, check=True, timeout=90)
    assert all(path.stat().st_mtime_ns == at for path, at in when.items())  # what was made is not made again
    assert not list(cache.rglob("*.part"))
    dataset = dataset_of(videos)
    gather_faces(dataset, dataset.items, 30)  # here, by one process, in one go
    assert packs(cache) == packs()
    assert len(packs()) == VIDEOS


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class CancelsSoon(CancelToken):
    """Cancelled at the second look at it since there is a pack: within a video, where this process works."""

    looks = 0
    when = 0.0

    def check(self) -> None:
        self.looks += bool(packs())
        if self.looks == 2:
            self.when = time.monotonic()
            self.cancel()
        super().check()


@pytest.mark.parametrize("workers", [1, 2])
def test_cancelling_takes_less_than_a_second_and_keeps_what_is_made(videos: Path, workers: int) -> None:
    token, dataset = CancelsSoon(), dataset_of(videos)
    with pytest.raises(CancelledError):
        gather_faces(dataset, dataset.items, 31, workers=workers, cancel=token)
    assert time.monotonic() - token.when < 1.0
    made = packs()
    assert 1 <= len(made) < VIDEOS
    again: list[Progress] = []
    gather_faces(dataset, dataset.items, 31, workers=1, progress=again.append)
    assert (again[0].done, again[-1].done, again[-1].total, again[-1].unit) == (
        len(made),
        VIDEOS,
        VIDEOS,
        "videos",
    )
    assert again[-2].seconds_left is not None
    assert made.items() <= packs().items()
    assert not list(cache_dir().rglob("*.part"))


def test_a_pack_is_used_again_and_made_anew_when_its_video_settings_or_itself_changed(videos: Path) -> None:
    dataset = dataset_of(videos)
    few = dataset.items[:2]
    store = gather_faces(dataset, few, 3)
    first = packs()
    picture = store.load(4)
    gather_faces(dataset, few, 3)
    assert packs() == first
    gather_faces(dataset, few, 4)
    gather_runs(dataset, few, 3, 2)
    assert len(packs()) == 3 * len(first)
    place = next(path for path in cache_dir().rglob("*.safetensors") if path.name in first)
    place.write_bytes(place.read_bytes()[:1000])
    assert (gather_faces(dataset, few, 3).load(4) == picture).all()
    assert first.items() <= packs().items()
    state = few[0].path.stat()
    os.utime(few[0].path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    gather_faces(dataset, few, 3)
    assert len(packs()) == 3 * len(first) + 1
    place.unlink()
    lost = next(number for number, face in enumerate(store.faces) if face.pack == place)
    with pytest.raises(DataError, match="gone or damaged"):
        FaceStore(store.faces).load(lost)
