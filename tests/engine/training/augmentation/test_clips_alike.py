"""A real clip and its forgery go through one law."""

import numpy as np

from engine.training.augmentation.clips import treat_alike
from engine.training.augmentation.crops import Augmentation
from engine.training.pseudo_fakes.recoding import CodingPass, Recoding
from tests.engine.training.pseudo_fakes.forging_scene import rough_picture


def test_both_clips_of_a_pair_are_treated_by_one_law() -> None:
    frames = np.stack([rough_picture(k % 2) for k in range(4)])
    forged = frames.copy()
    forged[:, 120:160, 110:150] = 255 - forged[:, 120:160, 110:150]
    masks = np.zeros(frames.shape[:3], np.float32)
    masks[:, 120:160, 110:150] = 1
    square = np.array([50, 50, 206, 206], np.float32)
    draw = Augmentation(flip=True, brightness=20, coding="jpeg", quality=10, noise=4.0, seed=3)
    law = Recoding(1.0, (CodingPass("h264", 18, 50),))
    (real, fake), cut = treat_alike([frames, forged], masks, square, draw, law, 128)
    assert real.shape == fake.shape == (4, 128, 128, 3)
    assert cut.shape == (4, 128, 128)
    far = cut.max(axis=0) == 0
    far[40:104, 20:100] = False
    assert (
        np.abs(real.astype(int) - fake)[:, far].mean() < 3
    )  # nothing but what the encoder made of the difference
    assert np.abs(real.astype(int) - fake)[:, cut.min(axis=0) == 1].mean() > 30
    (same, again), empty = treat_alike([frames, frames], None, square, draw, law, 128)
    np.testing.assert_array_equal(same, again)
    assert not empty.any()
    noise = (same[0].astype(int) - same[2])[10:50, 10:50]  # equal frames: what differs is noise, new in each
    assert noise.std() > 2
