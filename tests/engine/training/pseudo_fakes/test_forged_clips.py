"""Forged clips as a whole: determined by a seed, true labels, untouched outside, parameters as plain data."""

import dataclasses
import json

import numpy as np
import pytest
from forging_scene import FPS, POINTS, SIZE, deep, forgery, rough_picture, still_clip

from engine.errors import DataError, UsageError
from engine.training.faces.shape68 import MEAN_SHAPE, five_points
from engine.training.pseudo_fakes.clip_points import fitted_points, run_starts, smoothed
from engine.training.pseudo_fakes.clips import KNOWN, ClipConfig, ClipForgery, draw_clip_forgery
from engine.training.pseudo_fakes.operators import OPERATORS
from engine.training.pseudo_fakes.operators.plan import ClipFaces
from engine.training.pseudo_fakes.operators.timing import Partial
from engine.training.pseudo_fakes.rendering import forge_clip
from engine.training.pseudo_fakes.serial import forgery_from_plain, forgery_to_plain
from engine.training.pseudo_fakes.swap import Donor, Swap, donor_rows


def drawn(seed: int, **parts: object) -> ClipForgery:
    return draw_clip_forgery(np.random.default_rng(seed), ClipConfig(**parts), FPS)  # type: ignore[arg-type]


def test_a_seed_determines_the_clip_and_nothing_changes_outside_its_mask() -> None:
    frames = np.stack([rough_picture(k % 2) for k in range(6)])
    points = np.repeat(POINTS[None], 6, 0) + np.arange(6, dtype=np.float32)[:, None, None]
    donor = Donor(frames[:3, :, ::-1].copy(), points[:3])
    for seed in range(12):
        law = drawn(seed, swapped=0.3)
        made = forge_clip(frames, points, law, FPS, donor)
        again = forge_clip(frames, points, drawn(seed, swapped=0.3), FPS, donor)
        np.testing.assert_array_equal(made.frames, again.frames)
        np.testing.assert_array_equal(made.masks, again.masks)
        outside = made.masks == 0
        np.testing.assert_array_equal(made.frames[outside], frames[outside])
        np.testing.assert_array_equal(made.frame_labels, [(mask > 0).any() for mask in made.masks])
        assert made.frame_labels.any()
        assert all((made.frames[t] != frames[t]).any() for t in np.flatnonzero(made.frame_labels))
        assert made.masks.dtype == np.float32
        assert made.masks.max() <= 1
        if not any(isinstance(each, Partial) for each in law.operators):
            assert made.frame_labels.all()


def test_a_mask_follows_the_face_and_the_mismatch_stays() -> None:
    frames, points = still_clip(5)
    shifts = np.array([[0, 0], [7, 0], [0, -9], [12, 5], [3, 3]], np.float32)
    made = forge_clip(
        frames,
        points + shifts[:, None],
        forgery(mismatch=dataclasses.replace(forgery().mismatch, rgb_shift=(9.0, 0.0, -9.0))),
        FPS,
    )
    ys, xs = np.mgrid[0:SIZE, 0:SIZE]
    centres = np.array([[(m * xs).sum() / m.sum(), (m * ys).sum() / m.sum()] for m in made.masks])
    np.testing.assert_allclose(centres - centres[0], shifts, atol=0.3)
    change = (made.frames.astype(int) - frames)[:, deep(made.masks)].mean(axis=1)
    np.testing.assert_allclose(change, [[9, 0, -9]] * 5, atol=1.0)


def test_a_face_that_leaves_the_picture_is_forged_where_it_is() -> None:
    frames, points = still_clip(6)
    away = points + np.arange(6, dtype=np.float32)[:, None, None] * [80, 0]
    made = forge_clip(frames, away.astype(np.float32), drawn(1, exactly=("drift", "temporal-resolution")), FPS)
    assert made.frame_labels[0]
    assert not made.frame_labels[-1]
    np.testing.assert_array_equal(made.frames[-1], frames[-1])


def test_shares_of_what_is_drawn() -> None:
    rng = np.random.default_rng(1)
    laws = [draw_clip_forgery(rng, ClipConfig(), FPS) for _ in range(2000)]
    counts = np.bincount([len(law.operators) for law in laws], minlength=3) / 2000
    np.testing.assert_allclose(counts, [0.2, 0.4, 0.4], atol=0.04)
    shares = [np.mean([name in law.ids for law in laws]) for name in OPERATORS]
    np.testing.assert_allclose(shares, [1.2 / 7] * 7, atol=0.04)
    held_out = ClipConfig(operators=("jitter", "flicker"))
    seen = {name for _ in range(60) for name in draw_clip_forgery(rng, held_out, FPS).ids}
    assert seen == {"jitter", "flicker"}


@pytest.mark.parametrize("ids", [(name,) for name in KNOWN] + [("partial", "jitter", "swap")])
def test_parameters_survive_json(ids: tuple[str, ...]) -> None:
    law = drawn(7, exactly=ids)
    assert set(law.ids) == set(ids)
    assert forgery_from_plain(json.loads(json.dumps(forgery_to_plain(law)))) == law


@pytest.mark.parametrize("spoil", ["missing", "unknown", "type", "operator", "mode"])
def test_spoilt_parameters_are_refused(spoil: str) -> None:
    data = json.loads(json.dumps(forgery_to_plain(drawn(7, exactly=("flicker",)))))
    if spoil == "missing":
        del data["mask"]["seed"]
    elif spoil == "unknown":
        data["colour"] = 1
    elif spoil == "type":
        data["ratio"] = "much"
    elif spoil == "operator":
        data["operators"][0]["id"] = "magic"
    else:
        data["operators"][0]["mode"] = "sometimes"
    with pytest.raises(DataError, match="no parameters"):
        forgery_from_plain(data)


def test_an_unknown_operator_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="There is no operator shake") as caught:
        drawn(0, exactly=("jitter", "shake"))
    assert all(name in str(caught.value) for name in KNOWN)


def test_a_swap_shows_the_other_face_in_the_colours_of_this_one() -> None:
    frames, points = still_clip(4)
    other, _ = still_clip(4, seed=3)
    donor = Donor(np.clip(other.astype(int) // 2 + 110, 0, 255).astype(np.uint8), points)
    made = forge_clip(frames, points, forgery(swap=Swap(True, 0.0, 1.0)), FPS, donor)
    inside = deep(made.masks)
    pairs = [made.frames[2][inside].ravel(), other[2][inside].ravel(), frames[2][inside].ravel()]
    assert np.corrcoef(pairs[0], pairs[1])[0, 1] > 0.9 > 0.5 > abs(np.corrcoef(pairs[0], pairs[2])[0, 1])
    np.testing.assert_allclose(made.frames[2][inside].mean(0), frames[2][inside].mean(0), atol=5)
    with pytest.raises(ValueError, match="none is given"):
        forge_clip(frames, points, forgery(swap=Swap(True, 0.0, 1.0)), FPS)


def test_the_donor_begins_in_the_nearest_pose_and_moves_on_without_jumps() -> None:
    widths = np.linspace(0.6, 1.4, 30)
    poses = np.stack([(POINTS - 128) * [w, 1.0] + 128 for w in widths]).astype(np.float32)
    wanted = poses[[20, 21, 22, 27, 22, 21]]
    rows = donor_rows(ClipFaces(wanted, FPS), Donor(np.zeros((30, 4, 4, 3), np.uint8), poses))
    assert rows.tolist() == [20, 21, 22, 23, 22, 21]


def test_landmarks_of_five_points_are_the_mean_shape_on_them() -> None:
    turn = np.array([[0.96, -0.28], [0.28, 0.96]]) * 90
    moved = np.stack([MEAN_SHAPE @ turn.T + [40, 50], MEAN_SHAPE @ turn.T + [48, 50]]).astype(np.float32)
    five = np.stack([five_points(each) for each in moved])
    np.testing.assert_allclose(fitted_points(five), moved, atol=1e-3)


def test_smoothing_calms_noise_keeps_motion_and_slows_leaps() -> None:
    rng = np.random.default_rng(0)
    moving = POINTS[None] + np.linspace(0, 60, 40)[:, None, None].astype(np.float32)
    np.testing.assert_allclose(smoothed(moving), moving, atol=1e-2)
    noise = rng.normal(scale=0.5, size=moving.shape).astype(np.float32)
    left = smoothed(moving + noise) - moving
    assert left.std() < 0.85 * noise.std()
    leaping = moving.copy()
    leaping[20, 48:] += 30  # for one frame the mouth is elsewhere
    assert np.linalg.norm((smoothed(leaping) - moving)[20, 48:], axis=1).mean() < 0.25 * 30 * np.sqrt(2)


def test_runs_are_smoothed_by_themselves() -> None:
    numbers = np.array([3, 4, 5, 6, 7, 20, 21, 22, 23, 24, 25])
    starts = run_starts(numbers)
    assert starts.tolist() == [0, 5]
    points = np.repeat(POINTS[None], 11, 0)
    points[5:] += 100
    np.testing.assert_allclose(smoothed(points, starts), points, atol=1e-3)
