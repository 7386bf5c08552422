"""Association, smoothing and interpolation against known motion."""

import numpy as np
import pytest
from scripted_faces import Actor, World

from engine.faces.smoothing import dense_track, face_sizes, small_rows, smoothed
from engine.faces.tracking import Chain, distances, expected_box, follow, missing_halves


def seen(world: World, frames: range) -> dict:
    return {frame: world.look(frame) for frame in frames}


def centres(chain: Chain) -> np.ndarray:
    boxes = chain.boxes()
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def test_two_people_who_cross_keep_their_names() -> None:
    left = Actor(lambda f: (100 + 4.0 * f, 200))
    right = Actor(lambda f: (900 - 4.0 * f, 230), present=lambda f: not 92 <= f <= 108)  # hidden while they meet
    chains = follow(seen(World([left, right], jitter=1.0), range(0, 200, 8)), [], 8)
    assert len(chains) == 2
    for chain in chains:
        direction = np.sign(np.diff(centres(chain)[:, 0]))
        assert (direction == direction[0]).all()


def test_a_short_absence_is_a_gap_and_a_long_one_another_face() -> None:
    for away, number in ((24, 1), (48, 2)):
        actor = Actor(lambda f: (300.0, 200.0), present=lambda f, away=away: not 40 <= f < 40 + away - 8)
        assert len(follow(seen(World([actor]), range(0, 160, 8)), [], 8)) == number


def test_no_face_goes_on_over_a_cut() -> None:
    detections = seen(World([Actor(lambda f: (300.0, 200.0))]), range(0, 80, 8))
    chains = follow(detections, [37], 8)
    assert [chain.frames for chain in chains] == [list(range(0, 37, 8)), list(range(40, 80, 8))]


def test_a_lone_or_always_weak_detection_is_no_face() -> None:
    lone = Actor(lambda f: (700.0, 100.0), present=lambda f: f == 16, score=0.95)
    sure = Actor(lambda f: (700.0, 500.0), present=lambda f: f == 24, score=0.99)
    weak = Actor(lambda f: (200.0, 500.0), score=0.85)
    chains = follow(seen(World([lone, sure, weak]), range(0, 80, 8)), [], 8)
    assert [chain.frames for chain in chains] == [[24]]


def test_one_strong_look_makes_weak_ones_believable() -> None:
    actor = Actor(lambda f: (200.0, 500.0), score=0.8)
    detections = seen(World([actor]), range(0, 80, 8))
    detections[32] = World([Actor(actor.path, score=0.99)]).look(32)
    assert [len(chain.frames) for chain in follow(detections, [], 8)] == [10]


def test_distance_counts_sides_and_growth() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [-5, -5, 15, 15]])
    apart = distances(boxes[:1], boxes)
    assert np.allclose(apart, [[0, 2, np.log(2)]])


def test_expectation_is_constant_velocity() -> None:
    frames = np.array([0, 8, 16])
    boxes = np.array([[3 * f, f, 3 * f + 50, f + 60] for f in frames], dtype=np.float32)
    assert np.allclose(expected_box(frames, boxes, 40, 8), [120, 40, 170, 100])
    assert np.allclose(expected_box(frames[:1], boxes[:1], 40, 8), boxes[0])
    close = np.array([15, 16])  # one frame apart: too near to tell motion from jitter
    assert np.allclose(expected_box(close, boxes[:2], 24, 8), boxes[1])


def test_halving_finds_the_very_frame() -> None:
    actor = Actor(lambda f: (200.0, 200.0), present=lambda f: 11 <= f <= 37)
    world = World([actor])
    detections = dict(world.detect(range(0, 80, 8)))
    rounds = 0
    while wanted := missing_halves(follow(detections, [], 8), sorted(detections), [], frozenset(world.asked)):
        detections.update(world.detect(wanted))
        rounds += 1
    assert rounds <= 3
    chain = follow(detections, [], 8)[0]
    assert (chain.frames[0], chain.frames[-1]) == (11, 37)


def test_smoothing_keeps_straight_motion_and_ends_and_is_the_known_kernel_on_a_grid() -> None:
    times = np.array([0, 8, 11, 16, 24, 48])
    straight = np.stack([3.0 + 2 * times, 100.0 - times], axis=1)
    assert np.allclose(smoothed(times, straight, 8), straight)
    grid = np.arange(0, 80, 8)
    noise = np.random.default_rng(1).normal(size=(10, 3))
    out = smoothed(grid, noise, 8)
    assert np.allclose(out[1:-1], (noise[:-2] + 4 * noise[1:-1] + noise[2:]) / 6)
    assert np.allclose(out[[0, -1]], noise[[0, -1]])
    assert np.allclose(smoothed(times[:1], straight[:1], 8), straight[:1])


def test_smoothing_is_the_same_in_both_directions() -> None:
    times = np.array([0, 3, 8, 16, 20, 24, 32])
    values = np.random.default_rng(2).normal(size=(7, 4))
    assert np.allclose(smoothed(times, values, 8), smoothed(-times[::-1], values[::-1], 8)[::-1])


def test_rows_between_are_linear_and_gaps_are_gaps() -> None:
    world = World([Actor(lambda f: (100 + 2.0 * f, 300 - f), present=lambda f: not 20 < f < 32)])
    detections = seen(world, range(0, 60, 4))
    [chain] = follow(detections, [], 4)
    track = dense_track(5, chain, sorted(detections), 4)
    assert track.id == 5
    assert track.frames.tolist() == [*range(21), *range(32, 57)]
    assert track.frames[track.detected].tolist() == [f for f in range(0, 60, 4) if not 20 < f < 32]
    truth = np.stack([world.actors[0].box(int(f)) for f in track.frames])
    assert np.allclose(track.boxes, truth, atol=1e-3)
    assert np.allclose(track.raw_boxes, truth, atol=1e-3)
    assert track.landmarks.shape == (46, 5, 2)
    assert np.allclose(track.landmarks[20] - track.landmarks[0], [40, -20], atol=1e-3)
    assert not track.boxes.flags.writeable


def test_smoothing_calms_a_jittering_detector() -> None:
    world = World([Actor(lambda f: (200.0, 200.0))], jitter=3.0)
    detections = seen(world, range(0, 400, 8))
    [chain] = follow(detections, [], 8)
    track = dense_track(0, chain, sorted(detections), 8)
    truth = world.actors[0].box(0)
    spread, raw = ((boxes - truth).std() for boxes in (track.boxes, track.raw_boxes))
    assert spread < 0.8 * raw


@pytest.mark.parametrize(("side", "small"), [(39.0, True), (41.0, False)])
def test_small_faces_are_told(side: float, small: bool) -> None:
    world = World([Actor(lambda f: (200.0, 200.0), side=side)])
    detections = seen(world, range(0, 40, 8))
    [chain] = follow(detections, [], 8)
    track = dense_track(0, chain, sorted(detections), 8)
    assert np.allclose(face_sizes(track), side, atol=1e-3)
    assert small_rows(track).tolist() == [small] * len(track)
