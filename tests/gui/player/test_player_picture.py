"""The picture on the screen against the exporter's painter, pixel by pixel."""

import gc
import sys

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from engine.rendering.compose import render_frame
from engine.rendering.layers import build_layers
from engine.rendering.scene import FaceShown, FrameShown, MapShown, Scene
from engine.rendering.style import OverlayStyle
from engine.results import Picture, frozen
from engine.video.frame import Frame
from gui.player.display import Display
from gui.player.painter import frame_image
from gui.player.picture import PictureView

WIDTH, HEIGHT = 401, 299  # odd on purpose: 1203 bytes a row are no multiple of four


def noise(seed: int = 0) -> Picture:
    return frozen(np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))


def grabbed(view: PictureView) -> Picture:
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


@pytest.fixture
def view(qtbot: QtBot) -> PictureView:
    made = PictureView()
    qtbot.addWidget(made)
    made.resize(WIDTH, HEIGHT)
    made.set_size(WIDTH, HEIGHT, 1.0)
    assert made.zoom == 1.0
    return made


FRAME = Frame(5, 2560, 0.2, noise())
FACES = (FaceShown(0, "Face 1", np.array([60.0, 50.0, 180.0, 200.0], np.float32), 0.83),)
TURNED = np.array([[14.0, 4.0, 70.5], [-4.0, 15.0, 90.25]], np.float32)
STRAIGHT = np.array([[16.0, 0.0, 64.0], [0.0, 20.0, 50.0]], np.float32)


def a_map(affine: np.ndarray) -> MapShown:
    return MapShown(np.random.default_rng(1).normal(size=(7, 7)).astype(np.float32), affine)


def exported(style: OverlayStyle, faces: tuple[FaceShown, ...], maps: tuple[MapShown, ...]) -> Picture:
    scene = Scene(WIDTH, HEIGHT, 5, 5)
    return render_frame(FRAME.pixels, build_layers(FrameShown(5, 2560, 0.2, scene, faces, maps), style))


def test_a_bare_frame_is_shown_bit_by_bit(view: PictureView) -> None:
    view.show_frame(FRAME)
    assert np.array_equal(grabbed(view), FRAME.pixels)


@pytest.mark.parametrize("affine", [STRAIGHT, TURNED], ids=["straight", "turned"])
@pytest.mark.parametrize("opacity", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("colour_map", ["blue-orange", "dawn"])
def test_the_mask_is_that_of_the_export(
    view: PictureView, affine: np.ndarray, opacity: float, colour_map: str
) -> None:
    style = OverlayStyle(
        opacity=opacity, colour_map=colour_map, outline=False, boxes=False, labels=False, curve=False
    )
    view.set_style(style)
    view.show_frame(FRAME, (), (a_map(affine),))
    ours, theirs = grabbed(view).astype(int), exported(style, (), (a_map(affine),)).astype(int)
    masked = (theirs != FRAME.pixels).any(axis=2)
    assert masked.sum() > 5000
    away = np.abs(ours - theirs).max(axis=2)
    # On the slanted borders between cells the two painters may take a pixel for the one or the other.
    borders = 0 if affine is STRAIGHT else 0.02
    assert (away > 2).mean() <= borders
    assert np.median(away[masked]) <= 1


def test_lines_boxes_and_words_are_those_of_the_export(view: PictureView) -> None:
    style = OverlayStyle(labels=False, curve=False)
    view.set_style(style)
    view.show_frame(FRAME, FACES, (a_map(STRAIGHT),))
    ours, theirs = grabbed(view).astype(int), exported(style, FACES, (a_map(STRAIGHT),)).astype(int)
    drawn = (theirs != FRAME.pixels).any(axis=2)
    # Two painters smooth the edges of lines and letters differently; what they draw is the same.
    assert np.abs(ours - theirs).mean() < 2
    changed = np.abs(theirs - FRAME.pixels)[drawn].mean()
    assert np.abs(ours - theirs)[drawn].mean() < changed / 3


def test_labels_and_curve_are_left_to_transport_and_timeline(view: PictureView) -> None:
    view.set_style(OverlayStyle(labels=True, curve=True))
    view.show_frame(FRAME)
    assert np.array_equal(grabbed(view), FRAME.pixels)


def test_zoomed_in_each_pixel_is_a_sharp_square(view: PictureView) -> None:
    view.show_frame(FRAME)
    view.set_zoom(4.0)
    shown = grabbed(view)
    for x, y in ((200, 150), (201, 149), (170, 130)):
        corner = view.viewport.transform.map(QPointF(x, y))
        left, top = round(corner.x()), round(corner.y())
        assert (shown[top : top + 4, left : left + 4] == FRAME.pixels[y, x]).all()


def test_levels_change_the_screen_and_nothing_else(view: PictureView) -> None:
    before = FRAME.pixels.copy()
    view.show_frame(FRAME)
    view.set_display(Display(black=100, white=200))
    assert np.array_equal(grabbed(view), Display(black=100, white=200).table()[before])
    assert np.array_equal(FRAME.pixels, before)


def test_the_image_keeps_the_memory_alive_and_reads_every_row_at_its_place() -> None:
    pixels = noise(7)
    count = sys.getrefcount(pixels)
    image = frame_image(pixels)
    assert image.bytesPerLine() == WIDTH * 3
    assert sys.getrefcount(pixels) >= count
    expected = pixels.copy()
    del pixels
    gc.collect()
    colours = [image.pixelColor(x, y).getRgb()[:3] for x, y in ((0, 0), (400, 0), (17, 150), (400, 298))]
    assert colours == [tuple(expected[y, x].tolist()) for x, y in ((0, 0), (400, 0), (17, 150), (400, 298))]
