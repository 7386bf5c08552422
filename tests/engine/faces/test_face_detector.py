"""Our driver of MTCNN against facenet-pytorch's own, and its limits."""

import cv2
import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN
from facenet_pytorch.models.mtcnn import PNet
from skimage.data import astronaut

from engine.errors import CancelledError
from engine.faces.cascade import Proposals
from engine.faces.detector import FaceDetector, smallest_face, working_size
from engine.progress import CancelToken

SMALLEST_WINDOW = 46
"""Of our first stage, where faces of 40 px are looked for."""


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = np.clip(high - low, 0, None).prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))


def pasted(side: int, places: list[tuple[int, int]], size: tuple[int, int] = (1280, 720)) -> np.ndarray:
    """A grey frame with the astronaut's head (about half of it face) at some places, `side` px wide."""
    head = cv2.resize(astronaut()[0:200, 120:320], (side, side), interpolation=cv2.INTER_AREA)
    frame = np.full((size[1], size[0], 3), 96, np.uint8)
    for x, y in places:
        frame[y : y + side, x : x + side] = head
    return frame


def test_the_proposal_network_is_the_same_up_to_rounding() -> None:
    pictures = torch.randint(0, 256, (2, 4, 301, 57), generator=torch.Generator().manual_seed(0)).float()
    with torch.no_grad():
        offsets, chance = PNet()((pictures[:, :3] - 127.5) / 128)
        ours = Proposals()(pictures.contiguous(memory_format=torch.channels_last))
    assert ours.shape == (2, 5, 145, 23)
    assert torch.allclose(torch.sigmoid(ours[:, 0]), chance[:, 1, :145, :23], atol=1e-5)
    assert torch.allclose(ours[:, 1:], offsets[..., :145, :23], atol=1e-4)


def test_the_astronaut_is_where_facenet_pytorch_sees_her(detector: FaceDetector) -> None:
    boxes, chances, points = MTCNN(keep_all=True, min_face_size=SMALLEST_WINDOW, device="cpu").detect(
        astronaut(), landmarks=True
    )
    [[ours]] = detector.detect([astronaut()])
    assert overlap(ours.box, boxes[0]) >= 0.9
    assert np.linalg.norm(ours.landmarks - points[0].astype(float), axis=1).max() < 3
    assert ours.score == pytest.approx(float(chances[0]), abs=0.01)


def test_anywhere_it_agrees_with_facenet_pytorch_about_as_well_as_that_with_itself(detector: FaceDetector) -> None:
    peer = MTCNN(keep_all=True, min_face_size=SMALLEST_WINDOW, device="cpu")
    agreement, ours, theirs = [], [], []
    for x, y in np.random.default_rng(0).integers(10, 50, (12, 2)):
        picture = pasted(200, [(x, y)], (300, 270))
        [[face]] = detector.detect([picture])
        boxes, _, points = peer.detect(picture, landmarks=True)
        [box] = boxes.astype(float)
        agreement.append(overlap(face.box, box))
        ours.append(face.box - np.tile([x, y], 2))
        theirs.append(box - np.tile([x, y], 2))
        assert np.linalg.norm(face.landmarks - points[0].astype(float), axis=1).max() < 6
    assert np.mean(agreement) >= 0.9
    assert min(agreement) >= 0.8
    assert np.std(ours, axis=0).mean() <= np.std(theirs, axis=0).mean()


def test_a_mirrored_picture_has_mirrored_landmarks(detector: FaceDetector) -> None:
    shifts = []
    for x, y in np.random.default_rng(1).integers(10, 50, (12, 2)):
        picture = pasted(200, [(x, y)], (300, 270))
        [[face]], [[back]] = (detector.detect([np.ascontiguousarray(p)]) for p in (picture, picture[:, ::-1]))
        mirrored = np.stack([300 - back.landmarks[:, 0], back.landmarks[:, 1]], axis=1)[[1, 0, 2, 4, 3]]
        shifts.append((face.landmarks - mirrored).mean(axis=0))
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.7  # a convention half a pixel off would show as 1 and more


def test_landmarks_are_ordered_as_seen(detector: FaceDetector) -> None:
    [[face]] = detector.detect([astronaut()])
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert overlap(face.box, np.array([178, 62, 268, 174])) > 0.85  # as one sees it
    assert not face.box.flags.writeable


def test_boxes_are_in_pixels_of_the_original_frame(detector: FaceDetector) -> None:
    frame = pasted(300, [(500, 200)])
    [[whole]] = detector.detect([frame])
    for width, height in ((640, 360), (700, 360), (427, 240)):
        small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
        [[face]] = detector.detect([small], (1280, 720))
        assert overlap(face.box, whole.box) > 0.85
        assert np.linalg.norm(face.landmarks - whole.landmarks, axis=1).max() < 12


def test_a_face_moves_with_the_picture(detector: FaceDetector) -> None:
    [[start]] = detector.detect([pasted(240, [(300, 200)])])
    [[moved]] = detector.detect([pasted(240, [(337, 215)])])
    assert np.abs(moved.box - start.box - [37, 15, 37, 15]).max() < 4


def test_pictures_together_give_what_each_gives_alone(detector: FaceDetector) -> None:
    size = (640, 360)
    pictures = [pasted(180, [(50, 80)], size), pasted(180, [(50, 80), (400, 100)], size), pasted(180, [], size)]
    together = detector.detect(pictures, (960, 540))
    assert [len(found) for found in together] == [1, 2, 0]
    for picture, found in zip(pictures, together, strict=True):
        [alone] = detector.detect([picture], (960, 540))
        for a, b in zip(alone, found, strict=True):
            assert np.allclose(a.box, b.box, atol=0.01)
            assert a.score == pytest.approx(b.score, abs=1e-4)
    assert detector.detect([]) == []


def test_a_face_over_the_frames_edge_is_found_in_its_place(detector: FaceDetector) -> None:
    frame = pasted(300, [(400, 60)])
    [[whole]] = detector.detect([frame])
    cut = int(whole.box[0] + 0.15 * (whole.box[2] - whole.box[0]))
    [[part]] = detector.detect([np.ascontiguousarray(frame[:, cut:])])
    assert np.linalg.norm(part.landmarks + np.array([cut, 0]) - whole.landmarks, axis=1).max() < 20
    assert part.box[2] + cut == pytest.approx(whole.box[2], abs=15)


def test_pictures_without_faces(detector: FaceDetector) -> None:
    rng = np.random.default_rng(0)
    pictures = [np.zeros((360, 640, 3), np.uint8), rng.integers(0, 256, (360, 640, 3), dtype=np.uint8)]
    assert detector.detect(pictures) == [[], []]
    for tiny in ((1, 1), (5, 300), (11, 11)):
        assert detector.detect([np.zeros((*tiny, 3), np.uint8)]) == [[]]


def test_faces_of_forty_pixels_are_found_in_full_hd(detector: FaceDetector) -> None:
    [[large]] = detector.detect([pasted(200, [(100, 100)])])
    side = round(200 * 40 / float((large.box[2:] - large.box[:2]).max()))
    places = [(x, y) for x in range(60, 1800, 240) for y in range(60, 1000, 240)]
    frame = pasted(side, places, (1920, 1080))
    small = cv2.resize(frame, working_size(1920, 1080), interpolation=cv2.INTER_AREA)
    [found] = detector.detect([small], (1920, 1080))
    assert len(found) == len(places)
    sizes = [float((face.box[2:] - face.box[:2]).max()) for face in found]
    assert 36 < np.median(sizes) < 44


def test_the_stated_limit() -> None:
    assert smallest_face(1920, 1080) == smallest_face(640, 360) == 40
    assert smallest_face(3840, 2160) == smallest_face(2160, 3840) == 80
    assert working_size(1920, 1080) == (960, 540)
    assert working_size(3840, 2160) == (960, 540)
    assert working_size(720, 1280) == (360, 640)
    assert working_size(1, 1) == (1, 1)


def test_a_cancelled_detection_stops(detector: FaceDetector) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        detector.detect([astronaut()], cancel=token)


def test_the_same_picture_gives_the_same_faces(detector: FaceDetector) -> None:
    first, second = (detector.detect([astronaut()])[0][0] for _ in range(2))
    assert np.array_equal(first.box, second.box)
    assert np.array_equal(first.landmarks, second.landmarks)
