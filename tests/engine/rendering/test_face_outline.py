"""The neutral face behind prototypes, and the outline of a patch."""

import numpy as np
import pytest

from engine.rendering.compose import render_frame
from engine.rendering.face_outline import WHOLE, face_outline, with_box
from engine.rendering.patch import patch_outline
from engine.rendering.primitives import Layers

SIZE = 200


def drawn(picture: np.ndarray) -> np.ndarray:
    """Where it is not ground."""
    return np.asarray((picture != picture[0, 0]).any(axis=2))


def test_it_is_symmetrical_and_stands_inside_its_margin() -> None:
    seen = drawn(face_outline(WHOLE, 0.5, SIZE))
    left_out = seen[:, : SIZE // 2].sum(), seen[:, SIZE // 2 :].sum()
    assert left_out[0] == pytest.approx(left_out[1], rel=0.1)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    assert rows[0] == pytest.approx(SIZE / 4, abs=3)  # the face's square is the middle half
    assert rows[-1] == pytest.approx(3 * SIZE / 4, abs=3)
    assert columns[0] > SIZE / 4
    assert columns[-1] < 3 * SIZE / 4


def test_a_part_is_that_part_of_the_whole() -> None:
    """Cells of a twice as large whole and of its quarter hold lines alike."""
    whole, part = drawn(face_outline(WHOLE, 0.1, 2 * SIZE)), drawn(face_outline((0.5, 0.25, 1.0, 0.75), 0.1, SIZE))
    quarter = whole[SIZE // 2 : SIZE // 2 + SIZE, SIZE:]
    cells = [m.reshape(10, 20, 10, 20).any(axis=(1, 3)) for m in (part, quarter)]
    assert (cells[0] == cells[1]).mean() > 0.9
    assert cells[0].any()


def test_the_part_is_framed_in_the_whole() -> None:
    framed = with_box(face_outline(WHOLE, 0.1, 48), (0.25, 0.5, 0.75, 1.0), (255, 0, 0))
    red = (framed == (255, 0, 0)).all(axis=2)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    assert (rows[0], rows[-1]) == (24, 47)
    assert (columns[0], columns[-1]) == (12, 36)
    assert not red[30:40, 20:30].any()


def test_the_outline_of_a_patch_lies_on_its_box_and_shows_on_any_ground() -> None:
    for ground in (0, 128, 255):
        frame = np.full((120, 160, 3), ground, np.uint8)
        painted = render_frame(frame, Layers(160, 120, patch_outline((40, 30, 120, 90), 120)))
        changed = (painted != ground).any(axis=2)
        assert changed[30, 80] or changed[31, 80] or changed[29, 80]
        assert not changed[60, 80]
        assert not changed[10, 10]
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        assert (rows[0], rows[-1]) == (pytest.approx(30, abs=4), pytest.approx(90, abs=4))
        assert (columns[0], columns[-1]) == (pytest.approx(40, abs=4), pytest.approx(120, abs=4))
