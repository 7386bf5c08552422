"""Augmentation: the same for both classes, and the same crop as the detector cuts."""

import dataclasses

import cv2
import numpy as np
import pytest

from engine.faces.crops import crop_affine, cut_crop
from engine.results import CropSpec
from engine.training.augmentation import codecs
from engine.training.augmentation.crops import PLAIN, apply_augmentation, draw_augmentation


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    total = sum(
        cv2.resize(rng.normal(size=(n, n, 3)), (240, 240), interpolation=cv2.INTER_CUBIC) for n in (5, 20, 80)
    )
    return np.clip(total * 25 + 128, 0, 255).astype(np.uint8)


SQUARE = np.array([30, 20, 210, 200], dtype=np.float32)


def test_without_augmentation_the_crop_is_the_detectors(picture: np.ndarray) -> None:
    crops, _ = apply_augmentation([picture], None, SQUARE, PLAIN, 224)
    expected = cut_crop(picture, crop_affine(SQUARE, np.zeros((5, 2)), CropSpec(224)), 224)
    assert np.abs(crops[0].astype(int) - expected).max() <= 1


def test_equal_pictures_stay_equal_and_their_difference_stays_in_place(picture: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    patched = picture.copy()
    patched[80:120, 100:150] = 255 - patched[80:120, 100:150]
    mask = np.zeros((240, 240), np.float32)
    mask[80:120, 100:150] = 1
    codings = set()
    for _ in range(24):
        draw = draw_augmentation(rng, 112, (0.8, 1.1))
        codings.add(draw.coding)
        (first, second), _ = apply_augmentation([picture, picture.copy()], None, SQUARE, draw, 112)
        np.testing.assert_array_equal(first, second)  # above all, coding must not depend on the class
        (real, forged), moved = apply_augmentation([picture, patched], mask, SQUARE, draw, 112)
        difference = np.abs(real.astype(int) - forged).mean(axis=2)
        inside = cv2.erode(moved, np.ones((5, 5))) > 0.99
        outside = cv2.dilate(moved, np.ones((25, 25))) == 0
        assert difference[inside].mean() > 4 * difference[outside].mean()
    assert codings == {"none", "jpeg", "h264"}


def test_flip_turn_and_scale_are_those_of_the_draw(picture: np.ndarray) -> None:
    plain = apply_augmentation([picture], None, SQUARE, PLAIN, 180)[0][0]
    flipped = apply_augmentation([picture], None, SQUARE, dataclasses.replace(PLAIN, flip=True), 180)[0][0]
    np.testing.assert_array_equal(flipped, plain[:, ::-1])
    turned = apply_augmentation([picture], None, SQUARE, dataclasses.replace(PLAIN, degrees=90.0), 180)[0][0]
    assert np.abs(turned.astype(int) - np.rot90(plain)).mean() < 1
    half = apply_augmentation([picture], None, SQUARE, dataclasses.replace(PLAIN, scale=0.5), 90)[0][0]
    assert np.abs(half.astype(int) - plain[45:135, 45:135]).mean() < 2


def test_coding_loses_more_at_lower_quality_and_keeps_the_size(picture: np.ndarray) -> None:
    odd = picture[:101, :131]

    def loss(coded: np.ndarray) -> float:
        assert coded.shape == odd.shape
        return float(np.abs(coded.astype(int) - odd).mean())

    assert loss(codecs.jpeg(odd, 95)) < loss(codecs.jpeg(odd, 50)) < loss(codecs.jpeg(odd, 10)) < 40
    assert loss(codecs.h264(odd, 12)) < loss(codecs.h264(odd, 30)) < loss(codecs.h264(odd, 45)) < 40


def test_a_smaller_native_size_loses_detail(picture: np.ndarray) -> None:
    def detail(native: int) -> float:
        draw = dataclasses.replace(PLAIN, native=native)
        crop = apply_augmentation([picture], None, SQUARE, draw, 180)[0][0]
        assert crop.shape == (180, 180, 3)
        return float(cv2.Laplacian(crop, cv2.CV_64F).var())

    assert detail(60) < detail(120) < detail(180)
