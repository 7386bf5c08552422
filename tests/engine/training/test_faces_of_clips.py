"""Faces cut out of clips: where they lie, that pairs match, and what is kept in the cache."""

from pathlib import Path

import av
import numpy as np

from engine.paths import cache_dir
from engine.training.datasets.base import Dataset, Item
from engine.training.faces import CONTEXT, STORED, gather_faces
from engine.training.shape68 import MEAN_SHAPE, face_square

COUNT = 9


def write(path: Path, frames: list[np.ndarray]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "8"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))


def clips(folder: Path) -> Dataset:
    """A real clip whose level names the frame, with a white square on the nose, and its forgery (black square)."""
    points = np.stack([MEAN_SHAPE * 120 + [40 + 3 * k, 30] for k in range(COUNT)]).astype(np.float32)
    points[4] = np.nan
    items = []
    for label, nose in enumerate((255, 0)):
        frames = []
        for k in range(COUNT):
            frame = np.full((220, 240, 3), 60 + 12 * k, np.uint8)
            x, y = (MEAN_SHAPE[30] * 120 + [40 + 3 * k, 30]).round().astype(int)
            frame[y - 8 : y + 8, x - 8 : x + 8] = nose
            frames.append(frame)
        path = folder / f"{label}.mp4"
        write(path, frames)
        original = "0" if label else ""
        items.append(Item(str(label), path, "clip", label, ("p",), "train", "s", original=original, points=points))
    return Dataset("test", folder, tuple(items))


def test_faces_lie_where_the_landmarks_are_and_pairs_match(tmp_path: Path) -> None:
    dataset = clips(tmp_path)
    store = gather_faces(dataset, dataset.items, 4)
    assert len(store.faces) == 8
    assert sorted({face.frame for face in store.faces}) == [0, 2, 6, 8]  # spread, without the one that has no face
    for index, face in enumerate(store.faces):
        picture = store.load(index)
        assert picture.shape == (STORED, STORED, 3)
        assert abs(int(picture[5, 5, 0]) - (60 + 12 * face.frame)) <= 3
        x, y = face.points[30].astype(int)
        assert abs(int(picture[y, x, 1]) - (0 if face.item.label else 255)) < 25
        np.testing.assert_allclose(face_square(face.points), face.square, atol=0.5)
        np.testing.assert_allclose(face.square[2:] - face.square[:2], STORED / CONTEXT, rtol=1e-5)
        if face.item.label:
            original = store.faces[face.original]  # type: ignore[index]
            assert (original.item.label, original.frame) == (0, face.frame)
            np.testing.assert_array_equal(original.points, face.points)


def test_the_cache_is_used_again_and_made_anew_for_a_changed_clip(tmp_path: Path) -> None:
    dataset = clips(tmp_path)
    gather_faces(dataset, dataset.items, 4)
    kept = {path: path.stat().st_mtime_ns for path in (cache_dir() / "faces").glob("*.npy")}
    gather_faces(dataset, dataset.items, 4)
    assert kept == {path: path.stat().st_mtime_ns for path in (cache_dir() / "faces").glob("*.npy")}
    changed = clips(tmp_path)
    gather_faces(changed, changed.items, 4)
    assert len(list((cache_dir() / "faces").glob("*.npy"))) == 2 * len(kept)
    assert not list((cache_dir() / "faces").glob("*.part"))
