"""The look of the window: colours, fonts, style sheet and icons from resources/. GUI thread only."""

import tomllib
from functools import cache
from string import Template

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QWidget

from engine import paths
from engine.rendering.palette import face_colour

ICON_INK = "#e6eaf0"
"""The colour in which the icon files are drawn; it is replaced by the wanted one."""
ICON_SIZES = (16, 20, 24, 32)


@cache
def colours() -> dict[str, str]:
    """All named colours of the theme, "#rrggbb" by name."""
    text = (paths.RESOURCES / "themes" / "dark.toml").read_text(encoding="utf-8")
    return {name: value for group in tomllib.loads(text).values() for name, value in group.items()}


def color(name: str) -> QColor:
    """One colour of the theme, the caller's own: a QColor can be changed."""
    return QColor(colours()[name])


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


def apply(app: QApplication) -> None:
    """Give the whole program its look; once, before any widget is made."""
    app.setStyle("Fusion")
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, name in (
        (roles.Window, "window"),
        (roles.WindowText, "text"),
        (roles.Base, "panel"),
        (roles.AlternateBase, "window"),
        (roles.Text, "text"),
        (roles.Button, "raised"),
        (roles.ButtonText, "text"),
        (roles.ToolTipBase, "raised"),
        (roles.ToolTipText, "text"),
        (roles.PlaceholderText, "muted"),
        (roles.Highlight, "selection"),
        (roles.HighlightedText, "text"),
        (roles.Link, "link"),
        (roles.Mid, "border"),
        (roles.Dark, "picture"),
    ):
        palette.setColor(role, color(name))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, color("disabled"))
    app.setPalette(palette)
    sheet = Template((paths.RESOURCES / "themes" / "window.qss").read_text(encoding="utf-8"))
    app.setStyleSheet(sheet.substitute(colours(), icons=(paths.RESOURCES / "icons").as_posix()))
    app.setWindowIcon(icon("tellframe"))


@cache
def icon(name: str, ink: str = "text") -> QIcon:
    """The drawing resources/icons/NAME.svg in a colour of the theme; greyed where disabled."""
    drawing = (paths.RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    made = QIcon()
    for mode, paint in ((QIcon.Mode.Normal, ink), (QIcon.Mode.Disabled, "strong")):
        renderer = QSvgRenderer(QByteArray(drawing.replace(ICON_INK, colours()[paint]).encode()))
        for size in ICON_SIZES:
            made.addPixmap(_drawn(renderer, size), mode)
    return made


def picture(name: str, size: int, ink: str = "text") -> QPixmap:
    """The drawing resources/icons/NAME.svg as a picture of `size` pixels."""
    drawing = (paths.RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    return _drawn(QSvgRenderer(QByteArray(drawing.replace(ICON_INK, colours()[ink]).encode())), size)


def set_role(widget: QWidget, role: str, level: str = "") -> None:
    """Give a widget a look of the style sheet: title, heading, muted, badge, primary, flat, link; and a level."""
    widget.setProperty("role", role)
    widget.setProperty("level", level)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def _drawn(renderer: QSvgRenderer, size: int) -> QPixmap:
    ratio = QGuiApplication.instance().devicePixelRatio()  # type: ignore[union-attr]
    drawn = QPixmap(round(size * ratio), round(size * ratio))
    drawn.setDevicePixelRatio(ratio)
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return drawn
