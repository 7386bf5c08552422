"""Scene cuts of made-up clips whose cuts are known."""

import cv2
import numpy as np
import pytest

from engine.faces.cuts import CONTEXT, find_cuts, thumbnail


def scene(seed: int, height: int = 360, width: int = 2400) -> np.ndarray:
    """A wide picture of soft blobs."""
    rough = np.random.default_rng(seed).integers(0, 256, (9, 60, 3), dtype=np.uint8)
    return cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)


def shot(seed: int, frames: int, speed: float = 2.0) -> list[np.ndarray]:
    """A pan over a scene, with the noise of a camera."""
    rng, wide = np.random.default_rng(seed + 99), scene(seed)
    pictures = []
    for number in range(frames):
        x = int(number * speed) % (2400 - 640)
        view = wide[:, x : x + 640].astype(np.int16) + rng.normal(0, 4, (360, 640, 3)).astype(np.int16)
        pictures.append(np.clip(view, 0, 255).astype(np.uint8))
    return pictures


def cuts_of(pictures: list[np.ndarray], first: int = 0) -> tuple[int, ...]:
    return find_cuts({first + number: thumbnail(picture) for number, picture in enumerate(pictures)})


def test_cuts_are_found_to_the_frame() -> None:
    lengths = [23, 5, 40, 2, 31]
    pictures = [picture for seed, length in enumerate(lengths) for picture in shot(seed, length)]
    assert cuts_of(pictures) == tuple(np.cumsum(lengths)[:-1])
    assert cuts_of(pictures, first=1000) == tuple(1000 + np.cumsum(lengths)[:-1])


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(length: int) -> None:
    pictures = shot(1, 40)
    for number in range(20, 20 + length):
        pictures[number] = np.clip(pictures[number].astype(int) * 2 + 120, 0, 255).astype(np.uint8)
    assert cuts_of(pictures) == ()


def test_a_damaged_picture_is_no_cut() -> None:
    pictures = shot(1, 40)
    pictures[17] = np.full_like(pictures[17], 128)
    assert cuts_of(pictures) == ()


@pytest.mark.parametrize("speed", [0.0, 10.0, 20.0])
def test_motion_is_no_cut(speed: float) -> None:
    assert cuts_of(shot(2, 40, speed)) == ()


def test_starting_to_move_is_no_cut() -> None:
    still, moving = shot(2, 20, 0.0), shot(2, 20, 20.0)
    assert cuts_of(still + moving) == ()


def test_repeated_pictures_do_not_make_motion_a_cut() -> None:
    pictures = [picture for picture in shot(3, 20, 20.0) for _ in range(2)]
    assert cuts_of(pictures) == ()


def test_changing_light_is_no_cut_but_a_cut_in_changing_light_is() -> None:
    def lit(pictures: list[np.ndarray], start: float) -> list[np.ndarray]:
        return [(p * (start + 0.01 * n)).astype(np.uint8) for n, p in enumerate(pictures)]

    assert cuts_of(lit(shot(4, 40), 0.5)) == ()
    assert cuts_of(lit(shot(4, 20), 0.5) + lit(shot(5, 20), 0.5)) == (20,)


def test_somebody_who_steps_in_is_no_cut() -> None:
    pictures = shot(4, 40, 0.0)
    for number in range(20, 40):
        pictures[number][100:300, 200:400] = shot(8, 1)[0][100:300, 200:400]
    assert cuts_of(pictures) == ()


def test_cut_to_black_and_back() -> None:
    black = [np.zeros((360, 640, 3), np.uint8)] * 10
    assert cuts_of(shot(6, 15) + black + shot(7, 15)) == (15, 25)


def test_unrelated_stills_are_each_a_scene() -> None:
    assert cuts_of([shot(seed, 1)[0] for seed in range(12)]) == tuple(range(1, 12))


def test_a_missing_picture_moves_the_cut_to_the_next_one() -> None:
    thumbnails = {n: thumbnail(p) for n, p in enumerate(shot(0, 20) + shot(1, 20))}
    del thumbnails[20]
    assert find_cuts(thumbnails) == (21,)


def test_a_part_of_a_video_gives_the_cuts_of_the_whole() -> None:
    lengths = [11, 3, 2, 30, 7, 25]
    thumbnails = {
        n: thumbnail(p)
        for n, p in enumerate([p for seed, length in enumerate(lengths) for p in shot(seed, length, 5.0)])
    }
    whole = find_cuts(thumbnails)
    assert len(whole) == 5
    for first in range(0, 70, 7):
        last = first + 20
        part = {n: p for n, p in thumbnails.items() if first - CONTEXT <= n <= last + CONTEXT}
        inside = tuple(cut for cut in find_cuts(part) if first < cut <= last)
        assert inside == tuple(cut for cut in whole if first < cut <= last)


def test_a_thumbnail_of_grey_and_of_colour() -> None:
    grey = np.full((100, 70), 90, np.uint8)
    assert thumbnail(grey).shape == (36, 64)
    assert np.array_equal(thumbnail(grey), thumbnail(np.dstack([grey] * 3)))
    assert find_cuts({}) == ()
    assert find_cuts({5: thumbnail(grey)}) == ()
