"""Drawing, against plain loops and known answers."""

import cv2
import numpy as np
import pytest

from engine.rendering.compose import render_frame
from engine.rendering.palette import PALETTES
from engine.rendering.primitives import Fill, Item, Layers, Lines, Mask, Text
from engine.rendering.text import coverage, font_bytes, measure

RNG = np.random.default_rng(11)
TABLE = PALETTES["blue-orange"].table


def drawn(frame: np.ndarray, *items: Item) -> np.ndarray:
    return render_frame(frame, Layers(frame.shape[1], frame.shape[0], items))


def noise(height: int = 60, width: int = 80) -> np.ndarray:
    frame = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    frame.flags.writeable = False
    return frame


def mask_by_hand(frame: np.ndarray, mask: Mask) -> np.ndarray:
    out = frame.copy()
    whole = np.vstack([mask.affine, [0, 0, 1]])
    back = np.linalg.inv(whole)
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            u, v, _ = back @ [x + 0.5, y + 0.5, 1]
            column, row = int(np.floor(u)), int(np.floor(v))
            if 0 <= row < mask.indices.shape[0] and 0 <= column < mask.indices.shape[1]:
                r, g, b, a = (float(c) for c in mask.table[mask.indices[row, column]])
                share = a / 255 * mask.opacity
                for k, colour in enumerate((r, g, b)):
                    out[y, x, k] = round(float(frame[y, x, k]) + (colour - float(frame[y, x, k])) * share)
    return out


AFFINES = {
    "upright": [[5.0, 0, 10], [0, 4.0, 7]],
    "fractions": [[3.37, 0, 10.21], [0, 4.61, 7.9]],
    "turned": [[4.1, -1.3, 20.4137], [1.3, 4.1, 5.2719]],
    "over the edge": [[9.0, 0, -20.5], [0, 9.0, 30.2]],
    "mirrored": [[-5.0, 0, 60], [0, 5.0, 3]],
}


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_a_mask_lies_where_its_affine_says_nearest_neighbour(affine: list) -> None:
    frame = noise()
    mask = Mask(RNG.integers(1, 256, (7, 9), dtype=np.uint8), np.array(affine, float), TABLE, 0.6)
    difference = np.abs(drawn(frame, mask).astype(int) - mask_by_hand(frame, mask))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01, "rounding of halves only"


def test_it_agrees_with_opencv_shifted_by_half_a_pixel() -> None:
    frame = np.zeros((90, 120, 3), np.uint8)
    affine = np.array([[8.3, 1.1, 12.2], [-1.1, 8.3, 14.7]])
    indices = RNG.integers(1, 256, (7, 9), dtype=np.uint8)
    centred = affine.copy()
    centred[:, 2] += affine[:, :2] @ [0.5, 0.5] - 0.5
    opaque = TABLE.copy()
    opaque[:, 3] = 255
    warped = cv2.warpAffine(opaque[indices], centred, (120, 90), flags=cv2.INTER_NEAREST)
    ours = drawn(frame, Mask(indices, affine, opaque, 1.0))
    assert (ours == warped[..., :3]).all(axis=2).mean() > 0.99


def test_a_mask_that_misses_the_frame_changes_nothing() -> None:
    frame = noise()
    mask = Mask(np.full((7, 7), 255, np.uint8), np.array([[5.0, 0, 500], [0, 5.0, 0]]), TABLE, 1.0)
    assert (drawn(frame, mask) == frame).all()


def test_zero_opacity_changes_nothing_and_full_opacity_shows_the_table() -> None:
    frame = noise()
    affine = np.array([[80.0, 0, 0], [0, 60.0, 0]])
    one = np.array([[255]], np.uint8)
    assert (drawn(frame, Mask(one, affine, TABLE, 0.0)) == frame).all()
    assert (drawn(frame, Mask(one, affine, TABLE, 1.0)) == TABLE[255, :3]).all()


def test_the_frame_itself_is_never_written_to() -> None:
    frame = noise()
    before = frame.copy()
    drawn(frame, Fill(0, 0, 80, 60, (1, 2, 3, 255)), Text(2, 2, "x", 12, (0, 0, 0, 255)))
    assert (frame == before).all()


def test_fills_cover_whole_pixels_and_are_cut_at_the_edges() -> None:
    frame = noise()
    out = drawn(frame, Fill(-5, 50, 10, 99, (10, 20, 30, 255)), Fill(70, -9, 99, 2, (200, 100, 0, 128)))
    assert (out[50:, :10] == (10, 20, 30)).all()
    expected = np.round(frame[:2, 70:] + (np.array([200, 100, 0]) - frame[:2, 70:].astype(float)) * 128 / 255)
    assert np.abs(out[:2, 70:] - expected).max() <= 1
    untouched = np.ones((60, 80), bool)
    untouched[50:, :10] = untouched[:2, 70:] = False
    assert (out[untouched] == frame[untouched]).all()


def test_a_line_along_the_middle_of_a_row_covers_that_row() -> None:
    out = drawn(
        np.zeros((20, 30, 3), np.uint8), Lines((np.array([[5.5, 10.5], [25.5, 10.5]]),), (255, 255, 255, 255), 1)
    )
    assert (out[10, 6:25] == 255).all()
    assert (out[10, [5, 25]] == 128).all(), "flat ends"
    out[10] = 0
    assert (out == 0).all()


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("angle", [0.0, 17.0, 45.0, 90.0, 133.0])
def test_a_line_puts_down_its_length_times_its_width(width: int, angle: float) -> None:
    way = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    way[np.abs(way) < 1e-9] = 0
    path = np.array([100.3, 100.6]) + np.linspace(-60, 60, 7)[:, None] * way
    ink = drawn(np.zeros((200, 200, 3), np.uint8), Lines((path,), (255, 255, 255, 255), width))[..., 0] / 255.0
    assert ink.sum() == pytest.approx(120 * width, rel=0.06)
    y, x = np.nonzero(ink)
    away = np.abs((x + 0.5 - 100.3) * way[1] - (y + 0.5 - 100.6) * way[0])
    assert away.max() <= width / 2 + 1
    along = np.abs((x + 0.5 - 100.3) * way[0] + (y + 0.5 - 100.6) * way[1])
    assert (ink[y, x][(away < width / 2 - 0.75) & (along < 58)] == 1).all()


def test_a_closed_box_has_whole_corners() -> None:
    box = np.array([[5, 5], [20, 5], [20, 15], [5, 15], [5, 5]], float)
    out = drawn(np.zeros((20, 30, 3), np.uint8), Lines((box,), (255, 255, 255, 255), 2))[..., 0]
    expected = np.zeros((20, 30), np.uint8)
    expected[4:16, 4:21] = 255
    expected[6:14, 6:19] = 0
    assert (out == expected).all()


def test_crossing_lines_of_one_item_do_not_get_denser() -> None:
    paths = (np.array([[0.0, 10.5], [30, 10.5]]), np.array([[15.5, 0.0], [15.5, 20]]))
    out = drawn(np.zeros((20, 30, 3), np.uint8), Lines(paths, (200, 200, 200, 128), 1))
    assert abs(int(out[10, 15, 0]) - 100) <= 1
    assert abs(int(out[10, 5, 0]) - 100) <= 1


def test_lines_far_outside_are_cut() -> None:
    frame = noise()
    path = np.array([[-1e5, -1e5], [-10.0, -10.0]])
    assert (drawn(frame, Lines((path,), (255, 0, 0, 255), 3)) == frame).all()


@pytest.mark.parametrize("place", [(-3, -4), (70, 55), (200, 200), (10, 10)])
def test_text_is_its_coverage_in_its_colour_cut_at_the_edges(place: tuple[int, int]) -> None:
    frame = noise()
    out = drawn(frame, Text(*place, "Frame 12", 14, (255, 0, 0, 255)))
    cover = np.zeros((600, 600))
    letters = coverage("Frame 12", 14)
    y, x = place[1] + 100, place[0] + 100
    cover[y : y + letters.shape[0], x : x + letters.shape[1]] = letters / 255
    share = cover[100:160, 100:180, None]
    assert np.abs(out - (frame + (np.array([255, 0, 0]) - frame.astype(float)) * share)).max() <= 1


def test_text_measures_as_it_is_drawn() -> None:
    width, height = measure("Frame 123456", 20)
    letters = coverage("Frame 123456", 20)
    assert letters.shape == (height, width)
    assert letters.max() == 255
    assert (letters.max(axis=0) > 0)[-4:].any(), "the last letter reaches the end of the box"
    assert (letters.max(axis=0) > 0).mean() > 0.6
    assert font_bytes()[:4] in (b"\0\1\0\0", b"OTTO")


def test_items_are_drawn_in_their_order() -> None:
    frame = np.zeros((20, 30, 3), np.uint8)
    red, blue = Fill(0, 0, 30, 20, (255, 0, 0, 255)), Fill(0, 0, 30, 20, (0, 0, 255, 255))
    assert (drawn(frame, red, blue)[0, 0] == (0, 0, 255)).all()
    assert (drawn(frame, blue, red)[0, 0] == (255, 0, 0)).all()


def test_layers_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        render_frame(noise(), Layers(10, 10, ()))
