"""What changes the picture for the eye alone, and where the picture lies."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QSizeF

from gui.player.display import Display, Field, one_field
from gui.player.times import parse_time, timecode
from gui.player.viewport import LARGEST, Viewport

NOISE = np.random.default_rng(3).integers(0, 256, (9, 5, 3), np.uint8)


def test_an_untouched_display_shows_the_very_same_array() -> None:
    assert Display().apply(NOISE) is NOISE
    assert not Display().changed


def test_levels_stretch_and_clip() -> None:
    table = Display(black=50, white=150).table()
    assert (table[0], table[50], table[100], table[150], table[255]) == (0, 0, 128, 255, 255)
    assert Display(gamma=2.0).table()[64] == round(255 * (64 / 255) ** 0.5)
    assert Display(brightness=0.5).table()[0] == 128
    assert np.array_equal(Display(black=50, white=150).apply(NOISE), table[NOISE])


@pytest.mark.parametrize("rows", [2, 3, 8, 9])
@pytest.mark.parametrize("top", [True, False])
def test_a_field_keeps_its_rows_and_fills_in_the_others(rows: int, top: bool) -> None:
    frame = NOISE[:rows]
    made = one_field(frame, top=top)
    for row in range(rows):
        if (row % 2 == 0) == top:
            expected = frame[row]
        else:
            near = [frame[r].astype(int) for r in (row - 1, row + 1) if 0 <= r < rows]
            expected = (near[0] + near[-1] + 1) // 2
        assert np.array_equal(made[row], expected), row
    assert Display(field=Field.TOP if top else Field.BOTTOM).changed


def test_fitting_shows_the_whole_frame_in_the_middle() -> None:
    view = Viewport(QSizeF(800, 400), 400, 400)
    assert view.scale == 1.0
    assert view.transform.map(QPointF(0, 0)) == QPointF(200, 0)
    assert view.transform.map(QPointF(400, 400)) == QPointF(600, 400)


def test_pixels_are_as_wide_as_the_file_says() -> None:
    view = Viewport(QSizeF(1024, 576), 720, 576, aspect=64 / 45)
    corner = view.transform.map(QPointF(720, 576))
    assert (corner.x(), corner.y()) == pytest.approx((1024, 576))


def test_zooming_keeps_the_point_under_the_cursor() -> None:
    view = Viewport(QSizeF(800, 600), 1920, 1080, aspect=1.25)
    rng = np.random.default_rng(5)
    at = QPointF(500, 320)
    for _ in range(50):
        before = view.to_frame(at)
        wanted = float(rng.uniform(0.3, 20))
        view = view.zoomed(wanted, at)
        after = view.to_frame(at)
        assert view.scale == pytest.approx(wanted)
        # the frame starts on a whole unit of the widget: half a unit of play, here and before
        assert abs(after.x() - before.x()) <= 1.1 / min(view.scale, 0.3)
        assert abs(after.y() - before.y()) <= 1.1 / min(view.scale, 0.3)
    assert view.zoomed(1e6).scale == LARGEST


def test_panning_never_loses_the_picture() -> None:
    view = Viewport(QSizeF(800, 600), 1920, 1080).zoomed(2.0)
    far = view.panned(1e6, -1e6)
    assert far.to_frame(QPointF(400, 300)) == QPointF(0, 1080)
    assert Viewport(QSizeF(800, 600), 1920, 1080).panned(50, 50).fitting


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.5", 12.5), ("1:02.500", 62.5), ("1:00:00", 3600.0), ("0:00:02,400", 2.4), (" 7 ", 7.0)],
)
def test_times_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "abc", "1:2:3:4", "-5", "1:", "1.2.3"])
def test_what_is_no_time_is_refused(text: str) -> None:
    assert parse_time(text) is None


def test_times_that_are_shown_can_be_typed_again() -> None:
    for seconds in (0.0, 0.04, 59.999, 60.0, 3599.5, 7325.125):
        assert parse_time(timecode(seconds)) == pytest.approx(seconds, abs=0.0005)
