"""Faces cut out of clips: where they lie, that pairs match, whose colours they have, what is found by itself."""

import logging
import pickle
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data

from engine.errors import DataError
from engine.faces.detector import FaceDetector
from engine.training.datasets.base import Dataset, Item
from engine.training.faces.shape68 import MEAN_SHAPE, face_square, five_points
from engine.training.faces.store import CONTEXT, STORED, gather_faces, gather_runs
from engine.video.media import open_media
from tests.engine.video.video_clips import Clip, make_clip, read_number

COUNT = 9


def write(path: Path, frames: list[np.ndarray], **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "8", **options})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))
    return path


def item(path: Path, points: np.ndarray | None = None, **more: object) -> Item:
    values = {"kind": "clip", "label": 0, "persons": ("p",), "split": "train", "source": "s"} | more
    return Item(path.name, path, points=points, **values)  # type: ignore[arg-type]


def dataset_of(*items: Item) -> Dataset:
    return Dataset("test", items[0].path.parent, items)


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
        path = write(folder / f"{label}.mp4", frames)
        items.append(item(path, points, label=label, original="0.mp4" if label else ""))
    return dataset_of(*items)


def test_faces_lie_where_the_landmarks_are_and_pairs_match(tmp_path: Path) -> None:
    dataset = clips(tmp_path)
    store = gather_faces(dataset, dataset.items, 4)
    assert len(store.faces) == 8
    assert sorted({face.frame for face in store.faces}) == [0, 2, 6, 8]  # spread, without the one that has no face
    assert store.runs == ()
    index = open_media(dataset.items[0].path).index
    for number, face in enumerate(store.faces):
        picture = store.load(number)
        assert picture.shape == (STORED, STORED, 3)
        assert abs(int(picture[5, 5, 0]) - (60 + 12 * face.frame)) <= 3
        assert face.pts == index.pts[face.frame]
        x, y = face.points[30].astype(int)
        assert abs(int(picture[y, x, 1]) - (0 if face.item.label else 255)) < 25
        np.testing.assert_allclose(face_square(face.points), face.square, atol=0.5)
        np.testing.assert_allclose(face.square[2:] - face.square[:2], STORED / CONTEXT, rtol=1e-5)
        if face.item.label:
            original = store.faces[face.original]  # type: ignore[index]
            assert (original.item.label, original.frame) == (0, face.frame)
            np.testing.assert_array_equal(original.points, face.points)
    copy = pickle.loads(pickle.dumps(store))  # noqa: S301 - as a loader's process gets it
    np.testing.assert_array_equal(copy.load(5), store.load(5))


WHOLE = (MEAN_SHAPE + (CONTEXT - 1) / 2) * STORED / CONTEXT
"""Landmarks with which a frame of 288 x 288 is stored as it is, pixel by pixel."""


@pytest.mark.parametrize(
    ("matrix", "full", "rotation", "size"),
    [
        (2, False, 0, (960, 720)),  # unstated, 720 lines: BT.709, where PyAV's own conversion takes BT.601
        (1, True, 0, (STORED, STORED)),
        (6, False, 90, (STORED, STORED)),
        (9, False, 180, (STORED, STORED)),
    ],
)
def test_stored_colours_are_those_of_the_applications_own_reader(
    tmp_path: Path, matrix: int, full: bool, rotation: int, size: tuple[int, int]
) -> None:
    def colours(number: int, width: int, height: int) -> np.ndarray:
        x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
        return np.stack([x, y, np.full_like(x, 20 * number)], axis=2).astype(np.uint8)

    def state(context: object) -> None:
        context.colorspace, context.color_range = matrix, 2 if full else 1  # type: ignore[attr-defined]

    width, height = size
    clip = Clip(width=width, height=height, frames=6, rotation=rotation, picture=colours, context=state)
    path = make_clip(tmp_path / "colour.mp4", clip)
    left, top = (200, 100) if width > STORED else (0, 0)
    points = np.repeat((WHOLE + np.array([left, top]))[None], 6, axis=0).astype(np.float32)
    dataset = dataset_of(item(path, points))
    store = gather_faces(dataset, dataset.items, 3)
    media = open_media(path)
    reader = media.reader()
    assert [face.frame for face in store.faces] == [0, 2, 5]
    for number, face in enumerate(store.faces):
        shown = reader.read(face.frame).pixels[top : top + STORED, left : left + STORED]
        np.testing.assert_array_equal(store.load(number), shown)
    reader.close()
    media.close()


def test_runs_are_successive_frames_at_the_clips_own_rate(tmp_path: Path) -> None:
    times = [0, 40, 90, 120, 160, 210, 240, 280, 330, 360, 400, 440, 490, 520, 560, 600, 650, 680, 720, 760]
    path = make_clip(
        tmp_path / "numbers.mp4", Clip(width=STORED, height=STORED, frames=20, times=times, rate=1000)
    )
    points = np.repeat(WHOLE[None], 20, axis=0).astype(np.float32)
    points[7] = np.nan  # no run goes over it
    dataset = dataset_of(item(path, points))
    store = gather_runs(dataset, dataset.items, 4, 4)
    frames = [[store.faces[i].frame for i in run] for run in store.runs]
    assert frames == [[0, 1, 2, 3], [8, 9, 10, 11], [12, 13, 14, 15], [16, 17, 18, 19]]
    index = open_media(path).index
    for run, wanted in zip(store.runs, frames, strict=True):
        pictures = store.load_run(run)
        assert [read_number(picture) for picture in pictures] == wanted
        assert [store.faces[i].pts for i in run] == [index.pts[frame] for frame in wanted]
        np.testing.assert_array_equal(pictures[2], store.load(run[2]))
    assert index.variable_rate


def test_a_run_is_cut_with_one_square_that_holds_the_moving_face(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(0, 255, (20, 30, 3), np.uint8), (480, 320), interpolation=cv2.INTER_CUBIC)
    path = write(tmp_path / "still_ground.mp4", [ground] * 6)
    jitter = rng.normal(scale=2.0, size=(6, 1, 2))
    points = np.stack([MEAN_SHAPE * 110 + [100 + 12 * k, 90] for k in range(6)]) + jitter
    dataset = dataset_of(item(path, points.astype(np.float32)))
    store = gather_runs(dataset, dataset.items, 1, 6)
    (run,) = store.runs
    pictures = store.load_run(run).astype(int)
    assert np.abs(pictures - pictures[0]).max() < 12  # nothing moves but what the coding changes
    for index in run:
        face = store.faces[index]
        assert (face.square == store.faces[run[0]].square).all()
        own = face_square(face.points)
        assert (own[:2] >= face.square[:2] - 5).all()
        assert (own[2:] <= face.square[2:] + 5).all()
    travelled = store.faces[run[-1]].points[30] - store.faces[run[0]].points[30]
    frame_px = np.linalg.norm(points[5, 30] - points[0, 30])
    assert np.linalg.norm(travelled) < frame_px * STORED / 110  # the square is larger than that of a still face


def test_runs_of_a_forgery_are_those_of_its_original(tmp_path: Path) -> None:
    dataset = clips(tmp_path)
    store = gather_runs(dataset, dataset.items[::-1], 2, 3)  # the order of the items does not matter
    assert [[store.faces[i].frame for i in run] for run in store.runs] == [[0, 1, 2], [6, 7, 8]] * 2
    for forged, real in zip(store.runs[:2], store.runs[2:], strict=True):
        assert [store.faces[i].original for i in forged] == list(real)
        both = store.load_run(forged), store.load_run(real)
        assert np.abs(both[0].astype(int) - both[1])[:, 5:40, 5:40].max() < 4  # the same place, frame by frame
    alone = gather_runs(dataset, dataset.items[1:], 2, 3)
    assert {face.original for face in alone.faces} == {None}
    assert (alone.load_run(alone.runs[0]) == store.load_run(store.runs[0])).all()


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.ascontiguousarray(skimage.data.astronaut()[0:260, 100:360])


def test_faces_are_found_where_none_are_given_and_a_forgery_follows_its_original(
    tmp_path: Path, portrait: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    moving = [np.roll(portrait, 2 * k, axis=1) for k in range(10)]
    forged = [255 - frame for frame in moving]  # nobody would find a face there
    small = [np.ascontiguousarray(frame[:200]) for frame in moving]
    grey = [np.full_like(portrait, 90)] * 5
    items = [
        item(write(tmp_path / "real.mp4", moving)),
        item(write(tmp_path / "forged.mp4", forged), label=1, original="real.mp4"),
        item(write(tmp_path / "other_size.mp4", small), label=1, original="real.mp4"),
        item(write(tmp_path / "faceless.mp4", grey)),
        item(tmp_path / "broken.mp4"),
        item(tmp_path / "gone.mp4"),
    ]
    (tmp_path / "broken.mp4").write_bytes(b"this is no video" * 100)
    with caplog.at_level(logging.WARNING):
        store = gather_faces(dataset_of(*items), items, 3)
    found: dict[str, list[int]] = {}
    for face in store.faces:
        found.setdefault(face.item.name, []).append(face.frame)
    assert found == {name: [0, 4, 9] for name in ("real.mp4", "forged.mp4", "other_size.mp4")}
    reasons = {skipped.name: skipped.reason for skipped in store.skipped}
    assert set(reasons) == {"faceless.mp4", "broken.mp4", "gone.mp4"}
    assert reasons["faceless.mp4"] == "no face was found"
    assert "3 of 6 files give no face" in caplog.text
    assert "gone.mp4" in caplog.text
    for index, face in enumerate(store.faces):
        if face.item.name == "forged.mp4":
            original_at = face.original
            assert original_at is not None
            original = store.faces[original_at]
            assert (original.item.name, original.frame) == ("real.mp4", face.frame)
            np.testing.assert_array_equal(original.points, face.points)
            sums = store.load(index).astype(int) + store.load(original_at)
            assert abs(sums.mean() - 255) < 4
        else:
            assert face.original is None


def test_what_is_stored_is_the_detectors_square_with_surroundings(tmp_path: Path, portrait: np.ndarray) -> None:
    path = write(tmp_path / "real.mp4", [portrait] * 3)
    one = item(path)
    (face,) = gather_faces(dataset_of(one), [one], 1).faces
    reader = open_media(path).reader()
    detection = FaceDetector(min_face=40).detect([reader.read(0).pixels])[0][0]
    reader.close()
    side = float((detection.box[2:] - detection.box[:2]).max()) * CONTEXT
    corner = (detection.box[:2] + detection.box[2:] - side) / 2
    expected = (detection.landmarks - corner) * STORED / side
    np.testing.assert_allclose(
        five_points(face.points)[:2], expected[:2], atol=6
    )  # the eyes; found at another scale


def test_a_run_without_its_face_or_over_a_cut_is_left_out(tmp_path: Path, portrait: np.ndarray) -> None:
    grey = np.full_like(portrait, 90)
    elsewhere = np.ascontiguousarray(portrait[::-1].transpose(1, 0, 2)[:260, :260])
    frames = [portrait] * 6 + [grey] * 6 + [portrait] * 6
    one = item(write(tmp_path / "leaves.mp4", frames))
    store = gather_runs(dataset_of(one), [one], 18, 4)
    starts = [store.faces[run[0]].frame for run in store.runs]
    assert set(starts) == {0, 1, 2, 12, 13, 14}
    assert len({store.faces[run[0]].run for run in store.runs}) == len(starts)
    nobody = item(write(tmp_path / "nobody.mp4", [elsewhere[:, :40].repeat(6, axis=1)] * 3))
    with pytest.raises(DataError, match="Not one of 1 files gives a face"):
        gather_runs(dataset_of(nobody), [nobody], 2, 4)


def test_sequences_of_pictures_give_faces_and_stills_keep_their_own_files(
    tmp_path: Path, portrait: np.ndarray
) -> None:
    folder = tmp_path / "7"
    folder.mkdir()
    for number in (2, 10, 1):
        cv2.imwrite(str(folder / f"{number}.png"), np.roll(portrait, number, axis=0)[..., ::-1])
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), portrait[..., ::-1])
    items = [item(folder, kind="sequence"), item(still, kind="still"), item(still, kind="face", label=1)]
    items[2] = Item("as_face", still, "face", 1, ("q",), "train", "s")
    store = gather_faces(dataset_of(*items), items, 3)
    assert [(face.item.name, face.frame) for face in store.faces] == [
        ("7", 0),
        ("7", 1),
        ("7", 2),
        ("still.png", 0),
    ]
    shift = store.faces[2].points.mean(axis=0) - store.faces[0].points.mean(axis=0)
    assert np.abs(shift).max() < 6  # cut around the face, wherever it is
    np.testing.assert_array_equal(store.load(3), portrait)
    assert [(skipped.name, skipped.reason) for skipped in store.skipped] == [
        ("as_face", "it comes without landmarks")
    ]
    runs = gather_runs(dataset_of(*items), items, 1, 3).runs
    assert len(runs) == 1
