"""Packs: the faces cut out of one video under one way of preparing, in one file, made once and memory-mapped.

A pack is a safetensors file: a JSON index of what lies where, then the arrays as they are in memory. Pictures are
not compressed, so that training spends no time on decoding them: a face of 288 px takes 249 KB, 24 of each of
1,000 videos 6.0 GB, all of FaceForensics++ in one compression (one real and five forged parts) 36 GB; 8 runs of 16
frames of each of 1,000 videos 32 GB.

A pack is named after the video's place, size and time of change, the settings, and where the landmarks came from.
The content is not hashed: that would mean to read hundreds of gigabytes before every training, and a data set does
not change behind its user's back without changing size or time. The place counts since unpacked archives hold
many files of one size and one time; a data set that is moved is prepared anew.
"""

import hashlib
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from engine.errors import DataError
from engine.paths import cache_dir
from engine.results import FloatArray, IntArray, Picture

STORED = 288
"""Side of a stored face, pixels."""
CONTEXT = 1.3
"""Side of what is stored, in sides of the detector's square: jitter and warps need surroundings."""
_VERSION = 2


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which frames of a video are stored.

    Attributes:
        places: how many places, spread evenly over the video.
        length: successive frames at each place; 1 for single frames.
    """

    places: int
    length: int = 1


@dataclass(frozen=True, eq=False)
class Faces:
    """Where faces are, N rows, in the order of runs and in each run in that of frames.

    Attributes:
        frames: (N,) int64.
        runs: (N,) int64, number of the place each frame belongs to.
        points: (N, 68, 2) float32 landmarks, pixels of the frame.
        squares: (N, 4) float32 x0, y0, x1, y1 of the square that is cut (with surroundings), pixels of the frame:
            the detector's of a single frame; one and the same for all frames of a run.
        size: width and height of the frame; None if unknown.
    """

    frames: IntArray
    runs: IntArray
    points: FloatArray
    squares: FloatArray
    size: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Pack:
    """What a pack says of its faces; their pictures are read by `PackReader`.

    Attributes:
        faces: where they are.
        pts: (N,) int64 of the frames.
        follows: whether the faces were given, not found: then they are those of an original, frame by frame.
        reason: why there is none, empty if there are some.
    """

    faces: Faces
    pts: IntArray
    follows: bool
    reason: str = ""


def from_stored(squares: FloatArray) -> FloatArray:
    """(N, 4) squares -> (N, 2, 3) maps from the stored picture to the frame, both continuous."""
    side = (squares[:, 2] - squares[:, 0]) * np.float32(CONTEXT)
    affines = np.zeros((len(squares), 2, 3), dtype=np.float32)
    affines[:, 0, 0] = affines[:, 1, 1] = side / STORED
    affines[:, :, 2] = (squares[:, :2] + squares[:, 2:] - side[:, None]) / 2
    return affines


def pack_path(path: Path, kind: str, sampling: Sampling, given: Faces | None) -> Path:
    """Where the pack of a video lies, whether it is made or not.

    Raises:
        OSError: the video is not there.
    """
    source = hashlib.sha256()
    if given is not None:
        for array in (given.frames, given.runs, given.points, given.squares):
            source.update(np.ascontiguousarray(array).tobytes())
        source.update(repr(given.size).encode())
    settings = [_VERSION, STORED, CONTEXT, kind, sampling.places, sampling.length]
    named = json.dumps([settings, _state(path), "detected" if given is None else source.hexdigest()])
    key = hashlib.sha256(named.encode()).hexdigest()[:32]
    return cache_dir() / "face-packs" / key[:2] / f"{key}.safetensors"


def _state(path: Path) -> list[object]:
    """Place, size and time of change of a file, or of all files of a folder."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return [str(path.resolve()), states]


def write_pack(place: Path, pack: Pack, pictures: Picture) -> None:
    """Write a pack so that it is there whole or not at all. Any process may do it at any time.

    Args:
        pictures: (N, 288, 288, 3) uint8, or none where a still is read from its own file.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.{secrets.token_hex(6)}.part")
    arrays = {
        "pictures": pictures,
        "frames": pack.faces.frames,
        "runs": pack.faces.runs,
        "points": pack.faces.points,
        "squares": pack.faces.squares,
        "pts": pack.pts,
    }
    index = {"size": pack.faces.size, "follows": pack.follows, "reason": pack.reason}
    try:
        save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, part, {"index": json.dumps(index)})
        part.replace(place)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            part.unlink()
        if place.is_file():  # another process was quicker
            return
        raise DataError(
            f"Faces cannot be written ({error})",
            advice="Free some space on the disk of the cache",
            file=place.parent,
        ) from error
    for stale in place.parent.glob(f"{place.name}.*.part"):  # of processes that were killed
        with suppress(OSError):
            stale.unlink()


def read_pack(place: Path) -> Pack | None:
    """What a pack says; None if it is not made yet or is damaged, and then has to be made anew."""
    try:
        with safe_open(place, "np") as file:
            index = json.loads(file.metadata()["index"])
            size = None if index["size"] is None else (int(index["size"][0]), int(index["size"][1]))
            arrays = {name: file.get_tensor(name) for name in ("frames", "runs", "points", "squares", "pts")}
        faces = Faces(arrays["frames"], arrays["runs"], arrays["points"], arrays["squares"], size)
        return Pack(faces, arrays["pts"], bool(index["follows"]), str(index["reason"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None


class PackReader:
    """Reads pictures out of packs. For one thread; cheap to make anew in another process."""

    _OPEN = 256  # packs that stay mapped

    def __init__(self) -> None:
        self._maps: dict[Path, Picture] = {}

    def read(self, place: Path, first: int, count: int) -> Picture:
        """Pictures first to first + count of a pack: (count, 288, 288, 3), a new array.

        Raises:
            DataError: the pack is gone or damaged.
        """
        pictures = self._maps.pop(place, None)
        if pictures is None:
            pictures = _mapped(place)
            while len(self._maps) >= self._OPEN:
                del self._maps[next(iter(self._maps))]
        self._maps[place] = pictures  # the last used one comes last
        return np.array(pictures[first : first + count])


def _mapped(place: Path) -> Picture:
    """The pictures of a pack without reading them. The file begins with the length of its index, 8 bytes."""
    try:
        with place.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            entry = json.loads(file.read(length))["pictures"]
        shape, start = tuple(entry["shape"]), 8 + length + entry["data_offsets"][0]
        return np.memmap(place, dtype=np.uint8, mode="r", offset=start, shape=shape)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            "A file of prepared faces is gone or damaged", advice="Start the training again", file=place
        ) from error
