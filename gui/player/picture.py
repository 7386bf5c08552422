"""The picture: the frame, what was found on it, zoom and pan. GUI thread only."""

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QTransform, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.rendering.layers import build_layers
from engine.rendering.patch import patch_outline
from engine.rendering.primitives import Layers
from engine.rendering.scene import FaceShown, FrameShown, MapShown, Scene
from engine.rendering.style import OverlayStyle
from engine.results import FloatArray
from engine.video.frame import Frame
from gui import theme
from gui.player.display import Display
from gui.player.painter import draw_items, frame_image
from gui.player.viewport import Viewport

PIXELS_FROM = 2.0
"""From this zoom on each pixel of the file is a sharp square; below it the picture is smoothed."""


class PictureView(QWidget):
    """Paints one frame with its overlay. What the overlay looks like is decided in engine.rendering.

    Overlays are laid out at the size of the picture on the screen, by the same rules as in an export, so that
    lines and words stay sharp; at 1:1 both are the same.

    Signals:
        zoomed: the zoom or the fit changed.
    """

    zoomed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport = Viewport(QSizeF(self.size()))
        self._frame: Frame | None = None
        self._faces: tuple[FaceShown, ...] = ()
        self._maps: tuple[MapShown, ...] = ()
        self._style = OverlayStyle(labels=False, curve=False)
        self._display = Display()
        self._patch: tuple[float, float, float, float] | None = None
        self._hand: QPointF | None = None
        self.setAccessibleName("Picture")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(240, 160)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def display(self) -> Display:
        return self._display

    def set_display(self, display: Display) -> None:
        """Change tones or fields for the eye."""
        self._display = display
        self.update()

    def set_style(self, style: OverlayStyle) -> None:
        self._style = replace(style, labels=False, curve=False)  # the transport and the timeline say it better
        self.update()

    def set_size(self, width: int, height: int, aspect: float) -> None:
        """A new video: the size of its frames in pixels, and the width of a pixel over its height."""
        self.viewport = Viewport(QSizeF(self.size()), width, height, aspect)
        self.zoomed.emit()
        self.update()

    def show_frame(
        self,
        frame: Frame | None,
        faces: tuple[FaceShown, ...] = (),
        maps: tuple[MapShown, ...] = (),
    ) -> None:
        """Show a frame with the faces and masks that belong to it, or nothing."""
        self._frame, self._faces, self._maps = frame, faces, maps
        self.update()

    def set_patch(self, patch: tuple[float, float, float, float] | None) -> None:
        """Outline a part of the frame, x0, y0, x1, y1 in its pixels, or nothing."""
        self._patch = patch
        self.update()

    # Zoom

    @property
    def zoom(self) -> float:
        """Screen pixels per frame row."""
        return self.viewport.scale * self.devicePixelRatioF()

    def fit(self) -> None:
        self._set_viewport(self.viewport.fitted())

    def set_zoom(self, zoom: float, at: QPointF | None = None) -> None:
        """Screen pixels per frame row; 1 shows every pixel of the file as one of the screen."""
        self._set_viewport(self.viewport.zoomed(zoom / self.devicePixelRatioF(), at))

    def _set_viewport(self, viewport: Viewport) -> None:
        self.viewport = viewport
        self.zoomed.emit()
        self.update()

    # Painting

    def layers(self) -> Layers:
        """What lies over the frame, laid out for the size at which the frame is on the screen."""
        frame = self._frame
        if frame is None:
            return Layers(0, 0, ())
        zoom, aspect = self.zoom, self.viewport.aspect
        stretch = (zoom * aspect, zoom)
        width = round(self.viewport.width * stretch[0])
        # Words and lines are sized for the part of the picture in view: zoomed in, they do not grow with it.
        height = min(round(self.viewport.height * zoom), round(self.height() * self.devicePixelRatioF()))
        scene = Scene(width, height, frame.index, frame.index)
        faces = tuple(
            FaceShown(face.track_id, face.name, _stretched_box(face.box, stretch), face.probability)
            for face in self._faces
        )
        maps = tuple(
            MapShown(shown.values, _stretched_affine(shown.affine, stretch), shown.end) for shown in self._maps
        )
        shown = FrameShown(frame.index, frame.pts, frame.seconds, scene, faces, maps)
        layers = build_layers(shown, self._style)
        if self._patch is None:
            return layers
        x0, y0, x1, y1 = self._patch
        box = (x0 * stretch[0], y0 * stretch[1], x1 * stretch[0], y1 * stretch[1])
        return replace(layers, items=(*layers.items, *patch_outline(box, height)))

    def overlay_area(self, target: QRectF) -> QRectF:
        """The part of the widget on which overlays are seen; `target` is where the frame lies."""
        return target

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), theme.color("picture"))
        if self._frame is None:
            return
        image = frame_image(self._display.apply(self._frame.pixels))
        transform = self.viewport.transform
        target = transform.mapRect(QRectF(0, 0, image.width(), image.height()))
        smooth = self.zoom < PIXELS_FROM and self.zoom != 1
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(target, image)
        ratio = self.devicePixelRatioF()
        painter.setClipRect(self.overlay_area(target))
        painter.setTransform(QTransform(1 / ratio, 0, 0, 1 / ratio, target.x(), target.y()))
        draw_items(painter, self.layers().items)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.viewport = self.viewport.resized(QSizeF(event.size()))
        self.zoomed.emit()

    def sizeHint(self) -> QSize:
        return QSize(800, 450)

    # The hand

    def wheelEvent(self, event: QWheelEvent) -> None:
        factor = 1.25 ** (event.angleDelta().y() / 120)
        self._set_viewport(self.viewport.zoomed(self.viewport.scale * factor, event.position()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if (
            event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton)
            and not self.viewport.fitting
        ):
            self._hand = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._hand is not None:
            moved = event.position() - self._hand
            self._hand = event.position()
            self._set_viewport(self.viewport.panned(moved.x(), moved.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._hand = None
        self.unsetCursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.viewport.fitting:
            self.set_zoom(1.0, event.position())
        else:
            self.fit()


def _stretched_box(box: FloatArray, stretch: tuple[float, float]) -> FloatArray:
    """(4,) x0, y0, x1, y1 in other units."""
    return np.asarray(box * np.array([*stretch, *stretch]), np.float32)


def _stretched_affine(affine: FloatArray, stretch: tuple[float, float]) -> FloatArray:
    """(2, 3) with its target in other units."""
    return np.asarray(affine * np.array(stretch)[:, None], np.float32)
