"""What is on the screen and what is exported: the window's painter against the exporter's, item by item."""

import numpy as np
import pytest
from PySide6.QtGui import QImage, QPainter

from engine.rendering.compose import render_frame
from engine.rendering.layers import build_layers
from engine.rendering.palette import PALETTES
from engine.rendering.primitives import Fill, Item, Layers, Lines, Mask, Text
from engine.rendering.scene import Scene
from engine.rendering.style import OverlayStyle
from engine.results import Explanation, FaceTrack, Provenance, Scores
from gui.player.painter import draw_items, frame_image

pytestmark = pytest.mark.usefixtures("qapp")

WIDTH, HEIGHT = 640, 360
RNG = np.random.default_rng(8)


def smooth_frame() -> np.ndarray:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    channels = [128 + 100 * np.sin(x / 50 + k) * np.cos(y / 40 - k) for k in range(3)]
    return np.ascontiguousarray(np.stack(channels, axis=2).astype(np.uint8))


def on_screen(frame: np.ndarray, items: tuple[Item, ...]) -> np.ndarray:
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.drawImage(0, 0, frame_image(frame))
    draw_items(painter, items)
    painter.end()
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(HEIGHT, image.bytesPerLine())
    return rows[:, : WIDTH * 3].reshape(HEIGHT, WIDTH, 3).astype(int)


def exported(frame: np.ndarray, items: tuple[Item, ...]) -> np.ndarray:
    return render_frame(frame, Layers(WIDTH, HEIGHT, items)).astype(int)


def difference(*items: Item) -> np.ndarray:
    """(H, W), the largest of the three channels."""
    frame = smooth_frame()
    one, other = on_screen(frame, items), exported(frame, items)
    assert (np.abs(other - frame) > 3).any(), "something is drawn"
    return np.abs(one - other).max(axis=2)


@pytest.mark.parametrize("opacity", [0.3, 1.0])
@pytest.mark.parametrize(
    "affine",
    [[[21.4, 0, 100.3], [0, 24.7, 60.6]], [[20.1, -4.2, 220.4], [4.2, 20.1, 40.8]], [[9, 0, -30], [0, 9, 300]]],
    ids=["upright", "turned", "over the edge"],
)
@pytest.mark.parametrize("palette", PALETTES)
def test_masks(palette: str, affine: list, opacity: float) -> None:
    indices = RNG.integers(1, 256, (7, 9), dtype=np.uint8)
    found = difference(Mask(indices, np.array(affine, float), PALETTES[palette].table, opacity))
    assert np.quantile(found, 0.99) <= 3, "premultiplied colours round a little differently"
    assert (found > 3).mean() < 0.01, "only pixels whose middle lies on an edge of the grid"


@pytest.mark.parametrize("alpha", [255, 165, 40])
def test_fills(alpha: int) -> None:
    assert (
        difference(Fill(10, 20, 300, 80, (12, 14, 18, alpha)), Fill(600, 340, 700, 400, (255, 0, 0, alpha))).max()
        <= 2
    )


@pytest.mark.parametrize("width", [1, 2, 3])
def test_lines(width: int) -> None:
    box = np.array([[100, 50], [300, 50], [300, 250], [100, 250], [100, 50]], float)
    curve = np.stack([np.linspace(20, 600, 60), 180 + 60 * np.sin(np.linspace(0, 9, 60))], axis=1)
    items = (Lines((box,), (86, 180, 233, 255), width), Lines((curve,), (230, 159, 0, 200), width))
    frame = smooth_frame()
    one, other = on_screen(frame, items) - frame, exported(frame, items) - frame
    # Anti-aliasing spreads a line a little differently; the ink and where it lies are the same.
    blurred = [blur(np.abs(ink).sum(axis=2)) for ink in (one, other)]
    assert np.corrcoef(blurred[0].ravel(), blurred[1].ravel())[0, 1] > 0.97
    assert np.abs(one).sum() == pytest.approx(np.abs(other).sum(), rel=0.25)


def blur(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, 1)
    return sum(
        padded[dy : dy + values.shape[0], dx : dx + values.shape[1]].astype(float)
        for dy in range(3)
        for dx in range(3)
    )


@pytest.mark.parametrize("size", [11, 16, 24])
def test_text(size: int) -> None:
    item = Text(40, 50, "Frame 1234   0:00:07.480   pts 95744", size, (255, 255, 255, 255))
    frame = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    one, other = on_screen(frame, (item,))[..., 0] - 20, exported(frame, (item,))[..., 0] - 20
    places = [np.argwhere(ink > 60) for ink in (one, other)]
    assert np.abs(places[0].min(axis=0) - places[1].min(axis=0)).max() <= 2
    # Qt spaces letters by fractions of a pixel, Pillow by whole ones: at most half a letter over a line.
    assert np.abs(places[0].max(axis=0) - places[1].max(axis=0)).max() <= size / 2 + 1
    assert one.sum() == pytest.approx(other.sum(), rel=0.2)


def test_a_whole_frame_of_a_real_scene() -> None:
    provenance = Provenance("frame-mobile", "ab" * 32, {}, "cpu", "float32", {})
    frames = np.arange(50)
    boxes = np.tile(np.array([200, 60, 340, 230], np.float32), (50, 1))
    track = FaceTrack(
        0, frames, boxes, np.zeros((50, 5, 2), np.float32), np.ones(50, np.float32), np.ones(50, bool), boxes
    )
    p = (0.5 + 0.4 * np.sin(frames / 5)).astype(np.float32)
    scores = Scores("frame-mobile", 0, np.stack([frames, frames], 1), p, p, provenance)
    affine = np.array([[[20, 0, 200], [0, 24, 60]]], np.float32)
    values = RNG.standard_normal((1, 7, 7)).astype(np.float32)
    explanation = Explanation(
        "gradcam", "frame-mobile", 0, np.array([20]), np.array([20]), values, affine, p[:1], True, provenance
    )
    scene = Scene(WIDTH, HEIGHT, 0, 49, [track], [scores], [explanation], "frame-mobile", "ab" * 32, "gradcam")
    items = build_layers(scene.at(20, 20, 0.8), OverlayStyle()).items
    found = difference(*items)
    assert (found <= 4).mean() > 0.93, "all but the edges of lines and letters"
    mask_only = build_layers(
        scene.at(20, 20, 0.8), OverlayStyle(outline=False, boxes=False, labels=False, curve=False)
    ).items
    assert difference(*mask_only).max() <= 3
