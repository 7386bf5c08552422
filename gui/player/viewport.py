"""Where a frame lies in the widget: fit, zoom and pan. Plain arithmetic; no widget."""

from dataclasses import dataclass, field, replace

from PySide6.QtCore import QPointF, QSizeF
from PySide6.QtGui import QTransform

LARGEST = 32.0
SMALLEST = 0.05


@dataclass(frozen=True)
class Viewport:
    """The place of a frame of width x height pixels in a widget.

    Attributes:
        view: size of the widget, in its own units.
        width, height: of the frame, pixels.
        aspect: width of a pixel over its height.
        zoom: widget units per frame row; None to fit the whole frame.
        centre: the frame point in the middle of the widget, ignored while fitting.
    """

    view: QSizeF
    width: int = 1
    height: int = 1
    aspect: float = 1.0
    zoom: float | None = None
    centre: QPointF = field(default_factory=QPointF)

    @property
    def fitting(self) -> bool:
        return self.zoom is None

    @property
    def scale(self) -> float:
        """Widget units per frame row."""
        if self.zoom is not None:
            return self.zoom
        return max(SMALLEST, min(self.view.width() / (self.width * self.aspect), self.view.height() / self.height))

    @property
    def transform(self) -> QTransform:
        """From frame coordinates to widget coordinates; the frame starts on a whole unit."""
        scale = self.scale
        centre = QPointF(self.width / 2, self.height / 2) if self.fitting else self.centre
        left = self.view.width() / 2 - centre.x() * scale * self.aspect
        top = self.view.height() / 2 - centre.y() * scale
        return QTransform(scale * self.aspect, 0, 0, scale, round(left), round(top))

    def to_frame(self, point: QPointF) -> QPointF:
        """The frame point under a widget point; may lie outside the frame."""
        return self.transform.inverted()[0].map(point)

    def resized(self, view: QSizeF) -> "Viewport":
        return replace(self, view=view)

    def fitted(self) -> "Viewport":
        return replace(self, zoom=None)

    def zoomed(self, zoom: float, at: QPointF | None = None) -> "Viewport":
        """Another zoom; the frame point under `at` (else the middle) stays where it is."""
        at = at if at is not None else QPointF(self.view.width() / 2, self.view.height() / 2)
        zoom = min(LARGEST, max(SMALLEST, zoom))
        under = self.to_frame(at)
        away_x = (at.x() - self.view.width() / 2) / (zoom * self.aspect)
        away_y = (at.y() - self.view.height() / 2) / zoom
        return replace(self, zoom=zoom, centre=self._inside(under.x() - away_x, under.y() - away_y))

    def panned(self, dx: float, dy: float) -> "Viewport":
        """Moved with the hand by widget units; the middle of the widget never leaves the frame."""
        if self.fitting:
            return self
        scale = self.scale
        x, y = self.centre.x() - dx / (scale * self.aspect), self.centre.y() - dy / scale
        return replace(self, centre=self._inside(x, y))

    def _inside(self, x: float, y: float) -> QPointF:
        return QPointF(min(max(x, 0.0), float(self.width)), min(max(y, 0.0), float(self.height)))
