"""Optical flow of clips against motions that are known because the pictures are drawn from a formula."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.faces.crops import crop_affine, cut_crop
from engine.faces.flow import PARITY, FlowClip, FlowSpec, make_clip, network_input, planes
from engine.results import CropSpec

SMALL = FlowSpec(size=128, side=128, fields=2)
Motion = Callable[[np.ndarray], np.ndarray]


def drawn(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A colourless texture, defined everywhere: waves of 9 to 40 px in all directions."""
    rng = np.random.default_rng(3)
    total = np.zeros_like(x)
    for _ in range(24):
        angle, length, phase = rng.uniform(0, np.pi), rng.uniform(9, 40), rng.uniform(0, 2 * np.pi)
        total += np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / length + phase)
    grey = np.clip(128 + 18 * total, 0, 255).round().astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def still(side: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the centres of the pixels."""
    y, x = np.indices((side, side)) + 0.5
    return x, y


def shifted(side: int, dx: float, dy: float) -> np.ndarray:
    x, y = still(side)
    return drawn(x - dx, y - dy)


def turned(side: int, degrees: float, grown: float = 1.0) -> np.ndarray:
    """The texture turned (from the x axis to the y axis) and grown around the picture's centre."""
    x, y = still(side)
    z = (x - side / 2 + 1j * (y - side / 2)) / (grown * np.exp(1j * np.deg2rad(degrees)))
    return drawn(z.real + side / 2, z.imag + side / 2)


def centred(side: int, face: float) -> np.ndarray:
    return np.array([side - face, side - face, side + face, side + face]) / 2


def cut(frames: list[np.ndarray], box: np.ndarray, spec: FlowSpec) -> FlowClip:
    """The clip of a face in whole frames, cut with a margin of 0.4."""
    affine = crop_affine(box, np.zeros((5, 2)), CropSpec(spec.side, 0.4))
    return make_clip(np.stack([cut_crop(frame, affine, spec.side) for frame in frames]), spec)


def interior(error: np.ndarray) -> np.ndarray:
    """Without an eighth at each border, where parts of the texture come in or go."""
    n = error.shape[-1]
    return error[..., n // 8 : -n // 8, n // 8 : -n // 8]


@pytest.mark.parametrize("algorithm", ["dis", "farneback"])
@pytest.mark.parametrize(("face", "cut_side"), [(60, 128), (60, 192), (110, 192), (300, 256), (60, 64)])
def test_a_shift_is_found_in_pixels_of_what_is_seen(algorithm: str, face: int, cut_side: int) -> None:
    spec = replace(SMALL, algorithm=algorithm, side=cut_side)
    side = round(face * 1.8) + 20
    shift = np.array([2.25, -1.5])
    frames = [shifted(side, *(shift * t)) for t in range(3)]
    clip = cut(frames, centred(side, face), spec)
    expected = shift * 128 / (face * 1.8)
    error = interior(np.linalg.norm(clip.flow - expected[:, None, None], axis=1))
    assert np.median(error) < 0.08
    assert np.quantile(error, 0.95) < 0.2


@pytest.mark.parametrize("algorithm", ["dis", "farneback"])
@pytest.mark.parametrize(("degrees", "grown"), [(2.0, 1.0), (-1.5, 1.0), (0.0, 1.03)])
def test_a_turn_and_a_growth_are_found_everywhere(algorithm: str, degrees: float, grown: float) -> None:
    spec = replace(SMALL, algorithm=algorithm)
    side, face = 240, 100.0
    frames = [turned(side, degrees * t, grown**t) for t in range(3)]
    clip = cut(frames, centred(side, face), spec)
    x, y = still(spec.size)
    z = x - spec.size / 2 + 1j * (y - spec.size / 2)  # the crop's centre is the frame's
    motion = z * (grown * np.exp(1j * np.deg2rad(degrees)) - 1)
    error = interior(np.hypot(clip.flow[:, 0] - motion.real, clip.flow[:, 1] - motion.imag))
    assert interior(np.abs(motion)).max() > 1
    assert np.median(error) < 0.08
    assert np.quantile(error, 0.95) < 0.25


def test_nothing_moves_in_a_scene_at_rest() -> None:
    frames = [shifted(150, 0, 0)] * 3
    clip = cut(frames, centred(150, 60), SMALL)
    assert not clip.flow.any()
    assert (planes(clip.flow, SMALL) == 0.5).all()
    assert not planes(clip.flow, replace(SMALL, representation="magnitude")).any()
    grey = [np.full((150, 150, 3), 90, np.uint8)] * 3
    assert not cut(grey, centred(150, 60), replace(SMALL, algorithm="farneback")).flow.any()


def test_motion_is_cut_off_at_the_bound() -> None:
    frames = [shifted(200, 5.0 * t, -4.0 * t) for t in range(3)]
    box = centred(200, 128 / 1.8)  # a pixel of the crop is one of the frame
    inner = interior(cut(frames, box, replace(SMALL, bound=4.5)).flow)
    assert (inner[:, 0] == 4.5).mean() > 0.95
    assert abs(np.median(inner[:, 1]) + 4.0) < 0.1
    assert inner.max() == 4.5


def test_planes_by_hand() -> None:
    flow = np.zeros((2, 2, 1, 2), np.float32)
    flow[0, :, 0] = [[20, -50], [-10, 0]]
    flow[1, :, 0] = [[3, 0], [4, 30]]
    directions = planes(flow, SMALL)[:, 0]
    np.testing.assert_allclose(directions, [[1, 0], [0.25, 0.5], [0.575, 0.5], [0.6, 1]])
    lengths = planes(flow, PARITY)[:, 0]
    np.testing.assert_allclose(lengths, [[1, 1], [0.25, 1]])


@pytest.mark.parametrize(
    ("spec", "channels", "offsets"),
    [
        (FlowSpec(), 23, range(11)),
        (PARITY, 12, range(10)),
        (FlowSpec(fields=0), 3, [0]),
        (FlowSpec(fields=15), 33, range(16)),
        (FlowSpec(fields=3, stride=2), 9, range(6)),
        (FlowSpec(fields=3, stride=5), 9, [0, 1, 5, 6, 10, 11]),
    ],
)
def test_channels_and_frames_of_a_clip(spec: FlowSpec, channels: int, offsets: range) -> None:
    assert spec.channels == channels
    assert spec.offsets == tuple(offsets)


def test_every_field_leads_from_its_own_frame_to_the_next() -> None:
    """Each step of the scene is another one, and with a stride only some of them are looked at."""
    steps = np.array([1.0, -2.0, 0.5, 3.0, -1.0, 2.0, -3.0])
    places = np.concatenate([[0], np.cumsum(steps)])
    spec = replace(SMALL, fields=3, stride=3)
    box = centred(180, 128 / 1.8)
    clip = cut([shifted(180, places[o], 0) for o in spec.offsets], box, spec)
    medians = np.median(clip.flow, axis=(2, 3))
    np.testing.assert_allclose(medians[:, 0], steps[[0, 3, 6]], atol=0.1)
    np.testing.assert_allclose(medians[:, 1], 0, atol=0.05)


def test_the_picture_is_the_first_crop() -> None:
    crops = np.stack([shifted(128, t, t) for t in range(3)])
    assert np.array_equal(make_clip(crops, SMALL).picture, crops[0])
    smaller = make_clip(crops, replace(SMALL, size=64)).picture
    assert smaller.shape == (64, 64, 3)
    np.testing.assert_allclose(smaller, crops[0].reshape(64, 2, 64, 2, 3).mean((1, 3)), atol=0.51)


def test_the_input_is_normalised_colour_and_raw_planes() -> None:
    frames = [shifted(160, t, 0) for t in range(3)]
    frames[0] = frames[0] // np.array([1, 2, 3], np.uint8)
    clip = cut(frames, centred(160, 70), SMALL)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    x = network_input(clip, SMALL, mean, std)
    assert x.shape == (7, 128, 128)
    assert x.dtype == np.float32
    for channel in range(3):
        by_hand = (clip.picture[..., channel] / 255 - mean[channel]) / std[channel]
        np.testing.assert_allclose(x[channel], by_hand, atol=1e-6)
    np.testing.assert_allclose(x[3], clip.flow[0, 0] / 40 + 0.5, atol=1e-6)
    np.testing.assert_allclose(x[6], clip.flow[1, 1] / 40 + 0.5, atol=1e-6)
    alone = cut(frames[:1], centred(160, 70), replace(SMALL, fields=0))
    assert np.array_equal(network_input(alone, replace(SMALL, fields=0), mean, std), x[:3])


@pytest.mark.parametrize("algorithm", ["dis", "farneback"])
def test_the_same_clip_gives_the_same_flow_on_any_number_of_threads(algorithm: str) -> None:
    spec = replace(SMALL, algorithm=algorithm)
    frames = [turned(200, t) for t in range(3)]
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        one = cut(frames, centred(200, 90), spec)
        cv2.setNumThreads(4)
        four = cut(frames, centred(200, 90), spec)
    finally:
        cv2.setNumThreads(threads)
    assert np.array_equal(one.flow, four.flow)
    second = cut(frames[1:], centred(200, 90), replace(spec, fields=1))
    assert np.array_equal(second.flow[0], one.flow[1])
    with pytest.raises(ValueError, match="read-only"):
        one.flow[0] = 0


def test_wrong_crops_are_refused() -> None:
    crops = np.zeros((3, 128, 128, 3), np.uint8)
    for wrong in (crops[:2], crops[:, :64], crops.astype(np.float32)):
        with pytest.raises(ValueError, match="2 fields needs"):
            make_clip(wrong, SMALL)
