"""Colours that can be read, and drawings that exist."""

import re
import tomllib
from itertools import product
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from engine import paths
from gui import theme

TABLE = tomllib.loads((paths.RESOURCES / "themes" / "dark.toml").read_text())
PLAYERS_BLACK = "picture"


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_of_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("ink", "ground"), list(product(TABLE["text"], TABLE["backgrounds"])))
def test_text_can_be_read_on_every_background(ink: str, ground: str) -> None:
    assert contrast(TABLE["text"][ink], TABLE["backgrounds"][ground]) >= 4.5


@pytest.mark.parametrize(
    ("ink", "ground"), [("on_accent", "primary"), ("on_accent", "primary_hovered"), ("text", "selection")]
)
def test_text_can_be_read_on_filled_controls(ink: str, ground: str) -> None:
    colours = theme.colours()
    assert contrast(colours[ink], colours[ground]) >= 4.5


def test_the_style_sheet_uses_only_colours_of_the_table(qapp: QApplication) -> None:
    sheet = (paths.RESOURCES / "themes" / "window.qss").read_text()
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", sheet) == []
    theme.apply(qapp)
    assert "$" not in qapp.styleSheet()


def test_every_drawing_that_the_window_names_exists(qapp: QApplication) -> None:
    source = "".join(file.read_text() for file in (paths.PROJECT / "gui").rglob("*.py"))
    named = set(re.findall(r"theme\.(?:icon|picture)\(\s*\"([a-z-]+)\"", source))
    drawn = {file.stem for file in Path(paths.RESOURCES / "icons").glob("*.svg")}
    assert named <= drawn
    assert len(named) > 5
    for name in drawn:
        picture = theme.picture(name, 24)
        image = picture.toImage()
        inked = sum(image.pixelColor(x, y).alpha() > 0 for x in range(24) for y in range(24))
        assert inked > 10, f"{name} is empty"
