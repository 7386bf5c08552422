"""What a detector of clips saw, cut and measured anew: the very frames, crops and flow; and a part of it."""

import numpy as np
import pytest
from random_weights import noise_crops

from engine.detectors.clip_motion import CELLS, clip_affine, clip_frames, clip_motion, patch_motion
from engine.detectors.dpnet import grid_clips
from engine.errors import CancelledError
from engine.faces.crops import crop_affines, cut_crop, run_square
from engine.faces.flow import FlowSpec, make_clip
from engine.progress import CancelToken
from engine.results import CropSpec

SPEC = FlowSpec(size=32, side=48, fields=4, bound=5.0)
FRAMES = 40
BOXES = np.array([(30 + t, 20 + 0.5 * t, 70 + t, 66 + 0.5 * t) for t in range(FRAMES)], np.float32)


class Footage:
    """A picture that wanders; it counts what is decoded and closed."""

    def __init__(self) -> None:
        (large,) = noise_crops(1, 220, 3)
        self.large, self.read_frames, self.closed = large, [], 0

    def reader(self, *, stepping: bool = False) -> "Footage":
        return self

    def read(self, index: int) -> "Shot":
        self.read_frames.append(index)
        return Shot(self.pixels(index))

    def pixels(self, index: int) -> np.ndarray:
        return np.ascontiguousarray(self.large[index : index + 120, 2 * index : 2 * index + 140])

    def close(self) -> None:
        self.closed += 1


class Shot:
    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels


@pytest.mark.parametrize(("first", "last"), [(0, 30), (3, 24), (7, 11), (5, 9), (6, 8), (4, 4)])
def test_frames_are_those_of_the_grid(first: int, last: int) -> None:
    for clip in grid_clips(first, last, SPEC.offsets, 3):
        (span,) = clip.spans.tolist()
        found = clip_frames(*span, lambda frame: first <= frame <= last, SPEC)
        assert found.tolist() == clip.frames.tolist()


def test_it_is_cut_and_measured_as_the_detector_does_it() -> None:
    footage, frames = Footage(), np.arange(8, 13)
    affine = clip_affine(BOXES[frames], SPEC, 0.25)
    expected = crop_affines(run_square(BOXES[frames])[None], np.zeros((1, 5, 2)), CropSpec(48, 0.25))[0]
    assert (affine == expected).all()
    made = clip_motion(footage, frames, affine, SPEC, CancelToken())  # type: ignore[arg-type]
    crops = np.stack([cut_crop(footage.pixels(frame), affine, 48) for frame in frames.tolist()])
    assert made.frames.tolist() == [8, 9, 10, 11]
    assert (made.pictures == crops[:4]).all()
    assert (made.flow == make_clip(crops, SPEC).flow).all()
    assert footage.closed == 1
    assert footage.read_frames == frames.tolist()
    x0, _, x1, _ = made.crop
    assert x1 - x0 == pytest.approx(48 * affine[0, 0])
    assert (x0 + x1) / 2 == pytest.approx(float(BOXES[[8, 12]][:, ::2].mean()), abs=1e-3)


def test_frames_that_come_twice_are_decoded_once() -> None:
    footage = Footage()
    frames = clip_frames(6, 8, lambda frame: 6 <= frame <= 8, SPEC)
    made = clip_motion(footage, frames, clip_affine(BOXES[6:9], SPEC, 0.0), SPEC, CancelToken())  # type: ignore[arg-type]
    assert footage.read_frames == [6, 7, 8]
    assert made.frames.tolist() == [6, 7, 8, 7]
    assert (made.pictures[1] == made.pictures[3]).all()


def test_a_cancelled_one_closes_what_it_opened() -> None:
    footage, cancel = Footage(), CancelToken()
    cancel.cancel()
    with pytest.raises(CancelledError):
        clip_motion(footage, np.arange(5), clip_affine(BOXES[:5], SPEC, 0.0), SPEC, cancel)  # type: ignore[arg-type]
    assert footage.closed == 1


def test_a_patch_is_the_mean_of_its_cells() -> None:
    """A box of 16 times 2 by 16 times 1 pixels of what the network sees: each cell is a mean of two."""
    footage = Footage()
    made = clip_motion(footage, np.arange(5), clip_affine(BOXES[:5], SPEC, 0.3), SPEC, CancelToken())  # type: ignore[arg-type]
    x, y, right, _ = made.crop
    scale = (right - x) / 32
    patch = patch_motion(made, (x, y + 8 * scale, x + 32 * scale, y + 24 * scale))
    assert patch.pictures.shape == (4, 24, 48, 3)
    assert (patch.pictures == made.pictures[:, 12:36]).all()
    for row in range(CELLS):
        for column in range(CELLS):
            mean = made.flow[:, :, 8 + row, 2 * column : 2 * column + 2].mean(axis=2)
            np.testing.assert_allclose(patch.flow[:, :, row, column], mean, atol=1e-5)


@pytest.mark.parametrize("box", [(-900, -900, -800, -800), (4000, 0, 4001, 9), (50, 50, 50, 50)])
def test_a_box_outside_gives_a_pixel_of_the_rim(box: tuple[float, float, float, float]) -> None:
    made = clip_motion(Footage(), np.arange(5), clip_affine(BOXES[:5], SPEC, 0.3), SPEC, CancelToken())  # type: ignore[arg-type]
    patch = patch_motion(made, box)
    assert min(patch.pictures.shape) >= 1
    assert patch.flow.shape == (4, 2, CELLS, CELLS)
    assert np.isfinite(patch.flow).all()
