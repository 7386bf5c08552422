"""One playing clip that can be picked with the mouse or the keyboard. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from gui import theme
from gui.study.playing import Shown

FRAME = 3
BADGE = 26


class ClipView(QAbstractButton):
    """The picture, fitted, with the key that picks it; the frame and a tick say that it is picked."""

    def __init__(self, key: str, name: str, *, pickable: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = key
        self._shown: Shown | None = None
        self.setCheckable(pickable)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        if pickable:
            self.setToolTip(f"{name}: pick it with the key {key}")
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    @property
    def wide(self) -> int:
        """Pixels of the screen that the picture can fill from left to right."""
        return max(1, round((self.width() - 2 * FRAME) * self.devicePixelRatioF()))

    @property
    def has_picture(self) -> bool:
        return self._shown is not None

    def show_picture(self, shown: Shown) -> None:
        self._shown = shown
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, 240)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        whole = QRectF(self.rect()).adjusted(FRAME, FRAME, -FRAME, -FRAME)
        picture = self._place(whole)
        painter.fillRect(picture, theme.color("picture"))
        if self._shown is not None:
            painter.drawImage(picture, self._shown.image)
        self._draw_frame(painter, picture)
        if self._key:
            self._draw_key(painter, picture)

    def _place(self, whole: QRectF) -> QRectF:
        """Where the picture lies: fitted, in the middle."""
        if self._shown is None:
            return whole
        image = self._shown.image
        size = QSizeF(image.width() * self._shown.aspect, image.height())
        size.scale(whole.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left = whole.left() + (whole.width() - size.width()) / 2
        return QRectF(left, whole.top() + (whole.height() - size.height()) / 2, size.width(), size.height())

    def _draw_frame(self, painter: QPainter, picture: QRectF) -> None:
        name = "border"
        if self.isChecked():
            name = "accent"
        elif self.hasFocus():
            name = "focus"
        elif self.isCheckable() and self.underMouse():
            name = "strong"
        painter.setPen(QPen(theme.color(name), FRAME if self.isChecked() else 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(picture.adjusted(-1, -1, 1, 1), 3, 3)
        if self.isChecked() and self.hasFocus():
            painter.setPen(QPen(theme.color("focus"), 1))
            painter.drawRoundedRect(picture.adjusted(2, 2, -2, -2), 2, 2)

    def _draw_key(self, painter: QPainter, picture: QRectF) -> None:
        text = f"✓ {self._key}" if self.isChecked() else self._key
        font = QFont(self.font())
        font.setPointSizeF(12)
        font.setBold(True)
        painter.setFont(font)
        wide = max(BADGE, painter.fontMetrics().horizontalAdvance(text) + 14)
        box = QRectF(picture.left() + 8, picture.top() + 8, wide, BADGE)
        back = theme.color("primary") if self.isChecked() else QColor(theme.color("window"))
        back.setAlpha(255 if self.isChecked() else 215)
        painter.setPen(QPen(theme.color("accent" if self.isChecked() else "strong"), 1))
        painter.setBrush(back)
        painter.drawRoundedRect(box, 5, 5)
        painter.setPen(theme.color("on_accent" if self.isChecked() else "text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
