"""Values to indices and outlines, against plain loops."""

from itertools import pairwise

import numpy as np
import pytest

from engine.errors import UsageError
from engine.rendering.mask import DASH, GAP, dashed, mask_indices, outline, transformed
from engine.rendering.style import OverlayStyle

RNG = np.random.default_rng(3)


def by_hand(values: np.ndarray, threshold: float) -> list[list[int]]:
    top = max((abs(float(v)) for v in values.ravel()), default=0.0)
    rows = []
    for row in values:
        line = []
        for value in row:
            share = float(value) / top if top else 0.0
            line.append(128 + round(share * 127) if abs(share) >= threshold else 128)
        rows.append(line)
    return rows


@pytest.mark.parametrize("threshold", [0.0, 0.15, 0.5, 1.0])
@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e12])
def test_indices_follow_the_definition(threshold: float, scale: float) -> None:
    values = (RNG.standard_normal((7, 9)) * scale).astype(np.float32)
    found = mask_indices(values, OverlayStyle(threshold=threshold))
    assert found.dtype == np.uint8
    assert found.tolist() == by_hand(values, threshold)


def test_an_end_that_is_given_is_the_scale_instead() -> None:
    values = np.array([[1.0, -2.0, 0.5, 3.0]], np.float32)
    found = mask_indices(values, OverlayStyle(threshold=0.0), end=2.0)
    assert found.tolist() == [[128 + 64, 1, 128 + 32, 255]]


def test_the_scale_is_that_of_the_frame_alone() -> None:
    values = RNG.standard_normal((7, 7)).astype(np.float32)
    assert (mask_indices(values, OverlayStyle()) == mask_indices(values * 8, OverlayStyle())).all()


def test_turning_the_sign_mirrors_the_indices() -> None:
    values = RNG.standard_normal((7, 7)).astype(np.float32)
    one, other = mask_indices(values, OverlayStyle()), mask_indices(-values, OverlayStyle())
    assert (one.astype(int) - 128 == 128 - other.astype(int)).all()


@pytest.mark.parametrize("values", [np.zeros((3, 4), np.float32), np.full((3, 4), np.nan, np.float32)])
def test_nothing_to_show_is_transparent(values: np.ndarray) -> None:
    assert (mask_indices(values, OverlayStyle()) == 128).all()


def test_what_is_not_finite_counts_as_zero() -> None:
    values = np.array([[np.inf, -np.inf, np.nan, 2.0, -1.0]], np.float32)
    assert mask_indices(values, OverlayStyle(threshold=0)).tolist() == [[128, 128, 128, 255, 128 - 64]]


def edges_by_hand(inside: np.ndarray) -> set[tuple]:
    """The unit edges between cells inside and outside."""
    height, width = inside.shape

    def at(y: int, x: int) -> bool:
        return bool(0 <= y < height and 0 <= x < width and inside[y, x])

    edges = set()
    for y in range(height + 1):
        for x in range(width + 1):
            if at(y, x) != at(y - 1, x):
                edges.add(((x, y), (x + 1, y)))
            if at(y, x) != at(y, x - 1):
                edges.add(((x, y), (x, y + 1)))
    return edges


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (7, 7), (5, 12)])
@pytest.mark.parametrize("fake", [True, False])
def test_outlines_are_the_edges_of_the_cells(shape: tuple[int, int], fake: bool) -> None:
    indices = RNG.choice(np.array([1, 128, 255], np.uint8), shape)
    found = set()
    segments = outline(indices, fake=fake)
    for start, end in segments:
        assert (start == end).sum() == 1, "straight"
        count = int(np.abs(end - start).sum())
        points = [tuple((start + (end - start) * k / count).astype(int).tolist()) for k in range(count + 1)]
        for a, b in pairwise(points):
            assert (a, b) not in found, "no edge twice"
            found.add((a, b))
    assert found == edges_by_hand(indices > 128 if fake else indices < 128)


def test_no_cell_no_outline() -> None:
    assert outline(np.full((4, 4), 128, np.uint8), fake=True).shape == (0, 2, 2)
    assert len(dashed(np.zeros((0, 2, 2)))) == 0


@pytest.mark.parametrize("length", [0.5, 5.0, 6.0, 40.0, 47.3, 300.0])
def test_dashes_lie_on_their_line_and_begin_and_end_it(length: float) -> None:
    start, direction = np.array([3.0, 7.0]), np.array([0.6, 0.8])
    pieces = dashed(np.array([[start, start + length * direction]]))
    along = (pieces - start) @ direction
    assert np.allclose(start + along[..., None] * direction, pieces), "on the line"
    assert along[0, 0] == pytest.approx(0)
    assert along[-1, 1] == pytest.approx(length)
    assert along[1:, 0] - along[:-1, 1] == pytest.approx(GAP), "gaps are even"
    if length > 3 * (DASH + GAP):
        assert (along[:, 1] - along[:, 0]).mean() == pytest.approx(DASH, rel=0.25)


def test_dashes_of_many_lines_are_those_of_each() -> None:
    lines = RNG.random((5, 2, 2)) * 100
    assert np.allclose(dashed(lines), np.concatenate([dashed(line[None]) for line in lines]))


def test_points_go_through_the_affine() -> None:
    assert transformed(np.array([[1.0, 2.0]]), np.array([[2, 1, 10], [0, 3, 20]], np.float32)).tolist() == [
        [14, 26]
    ]


@pytest.mark.parametrize("wrong", [{"opacity": 1.1}, {"threshold": -0.1}, {"decision": 2}, {"colour_map": "jet"}])
def test_a_style_that_makes_no_sense_is_refused(wrong: dict) -> None:
    with pytest.raises(UsageError):
        OverlayStyle(**wrong)
