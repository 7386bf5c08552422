"""Crops against closed forms: identity, ramps, block means, known similarities."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from engine.faces.crops import MEAN_LANDMARKS, crop_affine, crop_affines, cut_crop, cut_crops, track_affines
from engine.results import CropSpec, FaceTrack


def square(size: int, x: float, y: float, side: float) -> np.ndarray:
    return np.array([[side / size, 0, x], [0, side / size, y]])


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def turned(degrees: float, scale: float, x: float, y: float) -> np.ndarray:
    a = np.deg2rad(degrees)
    return np.array([[scale * np.cos(a), -scale * np.sin(a), x], [scale * np.sin(a), scale * np.cos(a), y]])


def test_a_crop_of_whole_pixels_is_those_pixels() -> None:
    picture = noise(90, 120)
    crop = cut_crop(picture, square(32, 17, 40, 32), 32)
    assert np.array_equal(crop, picture[40:72, 17:49])


@pytest.mark.parametrize("times", [2, 3, 7])
def test_a_whole_reduction_is_the_mean_of_blocks(times: int) -> None:
    picture = noise(200, 200)
    crop = cut_crop(picture, square(16, 5, 9, 16 * times), 16)
    block = picture[9 : 9 + 16 * times, 5 : 5 + 16 * times].reshape(16, times, 16, times, 3)
    assert np.abs(crop - block.mean(axis=(1, 3))).max() <= 0.5


def test_a_fine_pattern_does_not_alias() -> None:
    rows, columns = np.indices((300, 300))
    checks = np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    crop = cut_crop(checks, square(64, 10.2, 20.7, 64 * 3.4), 64)
    assert crop.std() < 12  # a single sample per crop pixel would give 127
    assert abs(crop.mean() - 127.5) < 1


@pytest.mark.parametrize(
    "affine",
    [
        square(20, 30.3, 12.8, 20),
        square(20, 30.3, 12.8, 9.1),
        square(20, 30.3, 12.8, 53.7),
        turned(30, 0.8, 50, 20),
        turned(-75, 2.3, 20, 60),
    ],
)
def test_a_ramp_is_read_off_at_every_subpixel_position(affine: np.ndarray) -> None:
    rows, columns = np.indices((110, 120))
    picture = (columns + rows).astype(np.uint8)[..., None].repeat(3, axis=2)
    crop = cut_crop(picture, affine, 20)
    y, x = np.indices((20, 20)) + 0.5
    place = affine @ np.stack([x.ravel(), y.ravel(), np.ones(400)])
    truth = place.sum(axis=0).reshape(20, 20) - 1.0  # the value of a pixel is that of its centre
    assert np.abs(crop[..., 0] - truth).max() <= 1.0


def test_outside_of_the_frame_its_border_goes_on() -> None:
    picture = noise(40, 40)
    crop = cut_crop(picture, square(60, -10, -10, 60), 60)
    assert np.array_equal(crop[10:50, 10:50], picture)
    assert np.array_equal(crop[:10, 10:50], np.repeat(picture[:1], 10, axis=0))
    assert (crop[50:, 50:] == picture[-1, -1]).all()


def test_the_upright_crop_is_the_square_around_the_box() -> None:
    box, marks = [10, 20, 50, 100], np.zeros((5, 2))
    affine = crop_affine(box, marks, CropSpec(224))
    assert affine.dtype == np.float32
    assert np.allclose(affine @ [0, 0, 1], [-10, 20])
    assert np.allclose(affine @ [224, 224, 1], [70, 100])
    wide = crop_affine(box, marks, CropSpec(100, margin=0.25))
    assert np.allclose(wide @ [0, 0, 1], [-30, 0])
    assert np.allclose(wide @ [100, 100, 1], [90, 120])


@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_landmarks_in_their_mean_place_give_back_the_similarity(margin: float) -> None:
    wanted = turned(20, 1.7, 300, 150)
    template = (MEAN_LANDMARKS + margin) / (1 + 2 * margin) * 224
    marks = template @ wanted[:, :2].T + wanted[:, 2]
    affine = crop_affine([0, 0, 1, 1], marks, CropSpec(224, margin=margin, aligned=True))
    assert np.allclose(affine, wanted, atol=1e-3)


def test_alignment_is_the_best_of_all_similarities() -> None:
    rng = np.random.default_rng(3)
    marks = MEAN_LANDMARKS * 160 + [400, 90] + rng.normal(0, 9, (5, 2))
    template = MEAN_LANDMARKS * 128.0

    def residual(p: np.ndarray) -> np.ndarray:
        to_crop = np.array([[p[0], -p[1], p[2]], [p[1], p[0], p[3]]])
        return (marks @ to_crop[:, :2].T + to_crop[:, 2] - template).ravel()

    best = least_squares(residual, [1.0, 0.0, -400.0, -90.0]).cost
    affine = crop_affine([0, 0, 1, 1], marks, CropSpec(128, aligned=True)).astype(float)
    ours = (marks - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T - template
    assert (ours**2).sum() / 2 == pytest.approx(best, rel=1e-4)


def test_an_aligned_crop_of_a_turned_picture_is_upright() -> None:
    rows, columns = np.indices((400, 400))
    picture = np.stack([columns // 2, rows // 2, np.full_like(rows, 7)], axis=2).astype(np.uint8)
    pose = turned(35, 1.2, 200, 60)
    affine = crop_affine(
        [0, 0, 1, 1], MEAN_LANDMARKS * 100 @ pose[:, :2].T + pose[:, 2], CropSpec(100, aligned=True)
    )
    crop = cut_crop(picture, affine, 100).astype(float)
    along = np.array([crop[50, 90, 0] - crop[50, 10, 0], crop[50, 90, 1] - crop[50, 10, 1]]) * 2
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(35, abs=1.5)


def test_many_crops_are_the_same_as_one_by_one() -> None:
    picture = noise(200, 300)
    boxes = np.array([[10, 20, 60, 90], [100.5, 50.25, 190, 170], [-20, -10, 40, 60]])
    marks = boxes[:, None, :2] + MEAN_LANDMARKS * 60
    for spec in (CropSpec(48), CropSpec(48, 0.3), CropSpec(48, 0.1, aligned=True)):
        affines = crop_affines(boxes, marks, spec)
        crops = cut_crops(picture, affines, 48)
        assert crops.shape == (3, 48, 48, 3)
        for crop, box, mark in zip(crops, boxes, marks, strict=True):
            assert np.array_equal(crop, cut_crop(picture, crop_affine(box, mark, spec), 48))
    assert cut_crops(picture, np.empty((0, 2, 3)), 48).shape == (0, 48, 48, 3)


def test_a_tracks_affines_come_from_its_smoothed_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 25, 20]], dtype=np.float32)
    track = FaceTrack(
        0,
        np.array([3, 4]),
        boxes,
        np.zeros((2, 5, 2), np.float32),
        np.ones(2, np.float32),
        np.ones(2, bool),
        boxes + 100,
    )
    affines = track_affines(track, CropSpec(10))
    assert np.allclose(affines, [square(10, 0, 0, 10), square(10, 5, 0, 20)])
