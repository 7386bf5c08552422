"""Aligned clips of a training are what a detector would be shown of the same frames."""

from dataclasses import replace

import av
import numpy as np
import pytest

from engine.faces.crops import crop_affines, cut_crop
from engine.faces.detection import Detection
from engine.faces.smoothing import dense_track
from engine.faces.tracking import Chain
from engine.results import CropSpec, FaceTrack, Picture
from engine.training.augmentation.clips import treat_aligned
from engine.training.augmentation.crops import Augmentation
from engine.training.clips.alignment import aligned_maps
from engine.training.clips.batches import ClipBatches
from engine.training.clips.form import ClipForm
from engine.training.clips.mix import ClipMix
from engine.training.faces.shape68 import MEAN_SHAPE, five_points
from engine.training.faces.store import FaceStore
from engine.training.pseudo_fakes.recoding import Recoding

Stores = tuple[FaceStore, FaceStore]
SIZE, MARGIN = 64, 0.1
MIX = ClipMix(genuine={"drawn": 1.0}, hard_reals=0.0)
FORM = ClipForm(60, SIZE, MARGIN, treatment="flip", aligned=True)


def tracked(points: np.ndarray, frames: range) -> FaceTrack:
    """The face as the analysis of a video knows it if its detector sees these landmarks every eighth frame."""
    looks = [*range(frames.start, frames.stop - 1, 8), frames.stop - 1]
    box = np.array([0, 0, 10, 10], np.float32)
    found = [Detection(box, five_points(points[look]), 1.0) for look in looks]
    return dense_track(0, Chain(looks, found), looks, 8)


def detector_crops(pictures: list[Picture], track: FaceTrack) -> Picture:
    spec = CropSpec(SIZE, MARGIN, aligned=True)
    affines = crop_affines(track.boxes, track.landmarks, spec)
    return np.stack([cut_crop(p, affine, SIZE) for p, affine in zip(pictures, affines, strict=True)])


def test_an_aligned_training_crop_is_the_crop_of_the_detector(clip_stores: Stores) -> None:
    """Frames of the video's own size, cut in one go, against what went through the stored pictures."""
    batches = ClipBatches(clip_stores[0], MIX, FORM, pairs=2, seed=3)
    flipped = set()
    for number in range(3):
        pair = batches.pair(number, 0)
        first = clip_stores[0].faces[pair.first]
        original = clip_stores[0].faces[first.original]
        for face, clip in ((first, pair.forged), (original, pair.real)):
            with av.open(str(face.item.path)) as video:
                pictures = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
            frames = range(first.frame, first.frame + 60)
            wanted = detector_crops([pictures[k] for k in frames], tracked(original.item.points, frames))
            apart = [np.abs(clip.astype(int) - w).mean() for w in (wanted, wanted[:, :, ::-1])]
            flipped.add(int(np.argmin(apart)))
            assert min(apart) < 2
            assert max(apart) > 5 * min(apart)
    assert flipped == {0, 1}


def test_a_face_that_turns_and_grows_stands_still_when_aligned() -> None:
    """Landmarks that turn and grow evenly: dots drawn at them stay where they are in every crop."""
    frames = np.arange(60)
    turn = (1 + frames / 100) * np.exp(1j * frames / 100)
    centred = (MEAN_SHAPE[:, 0] - 0.5) + 1j * (MEAN_SHAPE[:, 1] - 0.5)
    points = 110 * turn[:, None] * centred[None] + (144 + 0.2 * frames + 144j)[:, None]
    marks = np.stack([points.real, points.imag], axis=2).astype(np.float32)
    grid = np.stack(np.meshgrid(np.arange(288) + 0.5, np.arange(288) + 0.5), axis=2)
    five = np.stack([five_points(each) for each in marks])
    clip = np.zeros((60, 288, 288, 3), np.uint8)
    for picture, dots in zip(clip, five, strict=True):
        for dot in dots:
            picture[((grid - dot) ** 2).sum(2) < 36] = 255

    (crops,) = treat_aligned([clip], [aligned_maps(marks)], Augmentation(scale=1.2), Recoding(1.0, ()), 128)
    still = crops[..., 0].astype(float)
    rows, columns = np.mgrid[:128, :128] + 0.5
    centres = []
    for crop in still:
        eye = crop[:62, :57] / crop[:62, :57].sum()
        centres.append([(eye * columns[:62, :57]).sum(), (eye * rows[:62, :57]).sum()])
    assert np.ptp(np.array(centres), axis=0).max() < 0.5
    assert np.abs(np.array(centres[0]) - ((five_points(MEAN_SHAPE)[0] + 0.1) / 1.2 * 128)).max() < 1.5


def test_augmentation_moves_an_aligned_crop_as_it_says() -> None:
    """By a quarter of the square to the right: the crop of the square that lies there."""
    rng = np.random.default_rng(0)
    picture = np.repeat(np.repeat(rng.integers(0, 255, (18, 18, 3), np.uint8), 16, 0), 16, 1)
    face = np.array([[100.0, 0, 60], [0, 100, 80]])
    moved = np.array([[100.0, 0, 85], [0, 100, 80]])
    law = Augmentation(shift=(0.25, 0.0))
    (one,), (other,) = (
        treat_aligned([picture[None]], [at[None]], each, Recoding(1.0, ()), 100)
        for at, each in ((face, law), (moved, Augmentation()))
    )
    np.testing.assert_array_equal(one, other)
    (mirrored,) = treat_aligned([picture[None]], [face[None]], replace(law, flip=True), Recoding(1.0, ()), 100)
    np.testing.assert_array_equal(mirrored, one[:, :, ::-1])
    turned = np.array([[0.0, -100, 160], [100, 0, 80]])  # a quarter turn around its middle
    (aside,) = treat_aligned([picture[None]], [turned[None]], Augmentation(), Recoding(1.0, ()), 100)
    (plain,) = treat_aligned([picture[None]], [face[None]], Augmentation(), Recoding(1.0, ()), 100)
    np.testing.assert_array_equal(np.rot90(plain[0]), aside[0])
    (drawn,) = treat_aligned([picture[None]], [face[None]], Augmentation(degrees=90.0), Recoding(1.0, ()), 100)
    assert np.abs(drawn.astype(int) - aside).mean() < 1


def test_clips_of_snippets_that_are_spread_cannot_be_aligned() -> None:
    with pytest.raises(ValueError, match="only successive frames"):
        ClipForm(8, 48, snippets=2, spread=0.5, aligned=True)
