"""Flow as pictures: colours of directions, arrows that point the way, and what shows at rest."""

import numpy as np
import pytest

from engine.rendering.flow_picture import LEAST, direction_wheel, flow_frames, full_length

SIZE = 160
GROUND = np.full((SIZE, SIZE, 3), 90, np.uint8)
WHITE = 170


def everywhere(x: float, y: float, fields: int = 1) -> np.ndarray:
    """(fields, 2, 16, 16) of one motion."""
    return np.tile(np.array([x, y], np.float32)[:, None, None], (fields, 1, 16, 16))


def between_arrows(picture: np.ndarray) -> np.ndarray:
    """The colour in the corner of a square, where no arrow is."""
    return np.asarray(picture[1, 1], float)


@pytest.mark.parametrize(
    ("motion", "hue"),
    [((2, 0), "red"), ((0, 2), "yellow"), ((-2, 0), "green"), ((0, -2), "blue")],
)
def test_each_direction_has_its_colour(motion: tuple[float, float], hue: str) -> None:
    (picture,) = flow_frames(everywhere(*motion), SIZE, 2.0, GROUND)
    red, green, blue = between_arrows(picture)
    found = {
        "red": red > green and red > blue,
        "yellow": red > blue + 60 and green > blue + 60,
        "green": green > red + 60 and green > blue - 20,
        "blue": blue > red and blue > green,
    }
    assert found[hue], (red, green, blue)


def test_colour_grows_evenly_with_the_length_and_stops_at_the_full_one() -> None:
    away = [
        np.abs(between_arrows(flow_frames(everywhere(length, 0), SIZE, 2.0, GROUND)[0]) - 90).max()
        for length in (0.5, 1.0, 2.0, 5.0)
    ]
    assert away[1] == pytest.approx(2 * away[0], abs=2)
    assert away[2] == pytest.approx(4 * away[0], abs=3)
    assert away[3] == away[2]


def test_at_rest_the_backdrop_shows_and_a_dot_in_each_square() -> None:
    (picture,) = flow_frames(everywhere(0, 0), SIZE, 2.0, GROUND)
    changed = (picture != 90).any(axis=2)
    assert changed.sum() <= 64 * 25
    assert not changed[0].any()
    for row in range(8):
        for column in range(8):
            assert changed[row * 20 : row * 20 + 20, column * 20 : column * 20 + 20].any()


@pytest.mark.parametrize("motion", [(3, 0), (0, 3), (-3, 0), (0, -3)])
def test_arrows_point_the_way(motion: tuple[float, float]) -> None:
    """The head is wider than the tail: there is more white in the half to which it points."""
    (picture,) = flow_frames(everywhere(*motion), SIZE, 3.0, GROUND)
    white = (picture[40:60, 40:60] > WHITE).all(axis=2).astype(float)
    at = np.arange(20) - 9.5
    balance = np.array([(white * at).sum(), (white * at[:, None]).sum()])
    assert np.sign(balance[np.abs(motion).argmax()]) == np.sign(sum(motion))
    assert np.abs(balance).argmax() == np.abs(motion).argmax()


def test_an_arrow_is_as_long_as_its_motion_is_of_the_full_one() -> None:
    extents = []
    for length in (1.0, 2.0, 4.0, 9.0):
        (picture,) = flow_frames(everywhere(length, 0), SIZE, 4.0, GROUND)
        columns = np.flatnonzero((picture[45:55, 40:60] > WHITE).all(axis=2).any(axis=0))
        extents.append(columns[-1] - columns[0] + 1)
    assert extents[2] == extents[3] == pytest.approx(18, abs=2)
    assert extents[1] == pytest.approx(9, abs=2)
    assert extents[0] == pytest.approx(4.5, abs=2)


def test_fields_come_in_their_order_over_their_own_backdrops() -> None:
    flow = np.concatenate([everywhere(0, 0), everywhere(2, 0), everywhere(0, 0)])
    grounds = np.stack([np.full((SIZE, SIZE, 3), grey, np.uint8) for grey in (10, 20, 30)])
    pictures = flow_frames(flow, SIZE, 2.0, grounds)
    assert pictures.shape == (3, SIZE, SIZE, 3)
    assert pictures[0, 1, 1].tolist() == [10] * 3
    assert pictures[2, 1, 1].tolist() == [30] * 3
    assert pictures[1, 1, 1, 0] > 150


def test_the_full_length_is_that_of_the_stronger_flow() -> None:
    weak, strong = everywhere(0.5, 0), everywhere(0, -3)
    assert full_length(weak, strong) == full_length(strong, weak) == pytest.approx(3)
    assert full_length(everywhere(0.01, 0)) == LEAST
    rare = np.zeros((10, 2, 16, 16), np.float32)
    rare[0, 0, 0, 0] = 50  # one cell of 2560
    assert full_length(rare) == LEAST


def test_the_wheel_shows_the_same_colours() -> None:
    wheel = direction_wheel(101).astype(float)
    (picture,) = flow_frames(everywhere(1, 0), SIZE, 1.0, GROUND)
    rim = wheel[50, 100]
    share = rim[3] / 255
    np.testing.assert_allclose(rim[:3] * share + 90 * (1 - share), between_arrows(picture), atol=2)
    assert wheel[0, 0, 3] == 0
    assert wheel[50, 50, 3] == 0
