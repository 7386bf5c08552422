"""Faces ready to be cut: pictures with some surroundings, landmarks and the detector's square, from any item.

Clips are decoded once; their faces lie in the cache as one array per data set and settings. Stills are read from
their files each time.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from engine.errors import DataError
from engine.paths import cache_dir
from engine.progress import CancelToken, ProgressCallback, ProgressMeter
from engine.results import FloatArray, Picture
from engine.training import warps
from engine.training.datasets.base import FACE_SIDE, Dataset, Item
from engine.training.shape68 import face_square, transform

STORED = 288
"""Side of a stored face, pixels."""
CONTEXT = 1.3
"""Side of what is stored, in sides of the detector's square: jitter and warps need surroundings."""
_VERSION = 1


@dataclass(frozen=True, eq=False)
class Face:
    """One face of one frame.

    Attributes:
        item: where it is from.
        frame: of the clip, 0 for stills.
        points: (68, 2) in pixels of the picture that `FaceStore.load` gives.
        square: (4,) x0, y0, x1, y1 of the detector's square in that picture.
        slot: row in the store's array, None for a still, which is read from its file.
        original: index of the real face it was made from, None if unknown.
    """

    item: Item
    frame: int
    points: FloatArray
    square: FloatArray
    slot: int | None
    original: int | None = None


class FaceStore:
    """All faces of some items. Cheap to send to another process; one thread at a time."""

    def __init__(self, faces: Sequence[Face], array: Path | None) -> None:
        self.faces = tuple(faces)
        self._path = array
        self._array: Picture | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"faces": self.faces, "_path": self._path, "_array": None}

    def load(self, index: int) -> Picture:
        """The picture (H, W, 3) of a face; all faces of one original share one size.

        Raises:
            DataError: the file of a still cannot be read.
        """
        face = self.faces[index]
        if face.slot is None:
            return read_still(face.item.path)
        if self._array is None:
            if self._path is None:
                raise ValueError("the store has slots and no array")
            self._array = np.load(self._path, mmap_mode="r", allow_pickle=False)
        return np.array(self._array[face.slot])


def read_still(path: Path) -> Picture:
    """A picture file as (H, W, 3) RGB."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise DataError("The picture cannot be read", advice="Restore or remove it", file=path)
    return np.ascontiguousarray(picture[..., ::-1])


def gather_faces(
    dataset: Dataset,
    items: Sequence[Item],
    frames_per_clip: int,
    *,
    cancel: CancelToken | None = None,
    progress: ProgressCallback | None = None,
) -> FaceStore:
    """Faces of stills and of frames spread evenly over clips, from the landmarks that come with the data.

    A forged clip whose original is known gives the same frames, cut with the original's square and landmarks, so
    that the two differ in the forgery alone.
    """
    by_name = {item.name: item for item in dataset.items}
    faces: list[Face] = []
    wanted: list[tuple[Item, int, FloatArray]] = []
    for item in items:
        lead = by_name.get(item.original, item)
        if lead.points is None:
            continue
        if item.kind == "clip":
            seen = np.flatnonzero(~np.isnan(lead.points).any(axis=(1, 2)))
            picks = seen[np.linspace(0, len(seen) - 1, min(frames_per_clip, len(seen))).round().astype(int)]
            wanted += [(item, int(frame), lead.points[frame]) for frame in picks]
        else:
            points = lead.points[0]
            whole = np.array([0, 0, FACE_SIDE, FACE_SIDE], dtype=np.float32)
            faces.append(Face(item, 0, points, whole if item.kind == "face" else face_square(points), None))
    if not wanted:
        return FaceStore(_with_originals(faces), None)
    affines = [_stored_affine(face_square(points)) for _, _, points in wanted]
    array = _decoded(wanted, affines, cancel, progress)
    inner = np.array([1, 1, -1, -1]) * STORED * (CONTEXT - 1) / 2 / CONTEXT + np.array([0, 0, STORED, STORED])
    done = np.load(array.with_suffix(".done.npy"), allow_pickle=False)
    for slot, ((item, frame, points), affine) in enumerate(zip(wanted, affines, strict=True)):
        if done[slot]:
            faces.append(Face(item, frame, transform(affine, points), inner.astype(np.float32), slot))
    return FaceStore(_with_originals(faces), array)


def _with_originals(faces: list[Face]) -> list[Face]:
    at = {(face.item.name, face.frame): index for index, face in enumerate(faces)}
    return [Face(f.item, f.frame, f.points, f.square, f.slot, at.get((f.item.original, f.frame))) for f in faces]


def _stored_affine(square: FloatArray) -> FloatArray:
    """(2, 3) from frame to stored picture."""
    side = float(square[2] - square[0]) * CONTEXT
    factor = STORED / side
    corner = (square[:2] + square[2:]) / 2 - side / 2
    return np.array([[factor, 0, -factor * corner[0]], [0, factor, -factor * corner[1]]], dtype=np.float32)


def _decoded(
    wanted: list[tuple[Item, int, FloatArray]],
    affines: list[FloatArray],
    cancel: CancelToken | None,
    progress: ProgressCallback | None,
) -> Path:
    """The array of all stored pictures, from the cache or decoded now."""
    stats = [
        (item.name, frame, item.path.stat().st_size, item.path.stat().st_mtime_ns) for item, frame, _ in wanted
    ]
    places = np.stack(affines).tobytes()
    key = hashlib.sha256(json.dumps([_VERSION, STORED, CONTEXT, stats]).encode() + places).hexdigest()[:24]
    folder = cache_dir() / "faces"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{key}.npy"
    if path.is_file():
        return path
    part = path.with_suffix(".npy.part")
    array = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(len(wanted), STORED, STORED, 3))
    done = np.zeros(len(wanted), dtype=np.bool_)
    slots: dict[Path, dict[int, int]] = {}
    for slot, (item, frame, _) in enumerate(wanted):
        slots.setdefault(item.path, {})[frame] = slot
    meter = ProgressMeter("Cutting faces out of clips", len(wanted), "faces", progress)
    for clip, frames in slots.items():
        for frame, pixels in _frames(clip, max(frames)):
            if cancel is not None and cancel.cancelled:
                del array
                part.unlink()
                cancel.check()
            if frame in frames:
                array[frames[frame]] = _cut(pixels, affines[frames[frame]])
                done[frames[frame]] = True
                meter.update(int(done.sum()))
    array.flush()
    del array
    np.save(path.with_suffix(".done.npy"), done)
    part.replace(path)
    return path


def _cut(pixels: Picture, affine: FloatArray) -> Picture:
    """Reduce first where the face is larger than what is stored, so that nothing aliases."""
    factor = float(affine[0, 0])
    if factor < 0.75:
        height, width = pixels.shape[:2]
        small = (max(1, round(width * factor)), max(1, round(height * factor)))
        pixels = np.asarray(cv2.resize(pixels, small, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        affine = affine / np.array([[small[0] / width, small[1] / height, 1.0]])
    return warps.warp_affine(pixels, affine, (STORED, STORED))


def _frames(path: Path, last: int) -> Iterator[tuple[int, Picture]]:
    """Frames 0 to `last` in display order."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for number, frame in enumerate(container.decode(video=0)):
            yield number, np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
            if number == last:
                return
