"""The colours and fonts of the window, in one table. Nothing else in gui names a colour."""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QWidget

from engine.rendering.palette import face_colour

COLORS = {
    "window": "#16181d",
    "panel": "#1c1f25",
    "inset": "#101216",
    "raised": "#282c34",
    "border": "#343a45",
    "text": "#e4e7ec",
    "muted": "#98a1b0",
    "accent": "#5aa9e6",
    "high": "#f09a3e",
    "low": "#7fb0de",
    "error": "#f2777a",
    "warning": "#e8c15c",
    "good": "#5fbf8f",
    "grid": "#2a2f38",
    "hatch": "#3a4150",
    "threshold": "#e4e7ec",
    "cursor": "#ff5f56",
    "hover": "#7d8797",
    "mark": "#e8c15c",
    "analysed": "#5aa9e6",
    "cached": "#4caf7a",
}
"""Text and muted text reach a contrast of 4.5 to 1 on window, panel and raised."""


@cache
def color(name: str) -> QColor:
    """A colour of the table."""
    return QColor(COLORS[name])


def track_color(track_id: int) -> QColor:
    """The colour of a face, the same on the picture, in the plots and in an export."""
    return QColor(*face_colour(track_id))


def small_font(widget: QWidget) -> QFont:
    """The widget's font, a little smaller, for lanes and captions."""
    font = QFont(widget.font())
    font.setPointSizeF(max(7.5, font.pointSizeF() * 0.85))
    return font


def numbers_font(widget: QWidget) -> QFont:
    """The widget's font with digits of equal width, for numbers that change or stand in columns."""
    font = QFont(widget.font())
    font.setFeature(QFont.Tag("tnum"), 1)
    return font
