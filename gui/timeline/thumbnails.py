"""The lane of thumbnails. Each one stands at its own frame, so that it never pretends to be another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, QTimer
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QWidget

from engine.results import IntArray
from gui import theme
from gui.bridge import Background, Task
from gui.pictures import Wish, small_pictures
from gui.timeline.lanes import Lane
from gui.timeline.scale import FrameScale

if TYPE_CHECKING:
    from engine.video.media import Media

HEIGHT = 36
BATCH = 8
"""Thumbnails per piece of work, so that the first ones appear soon and other work gets its turn."""
REST_MS = 400
FIRST_MS = 2500
"""A new video is shown, hashed and analysed first."""
KEPT = 400


def frames_for(scale: FrameScale, key_frames: IntArray, tile: float) -> list[int]:
    """Which frames to show: one per `tile` pixels, a key frame where one is near, for it is decoded fastest.

    Tiles begin at multiples of their length in frames, so that panning shows the same frames again.
    """
    step = max(1, math.ceil(tile / scale.pixels_per_frame))
    frames = []
    for start in range(
        max(0, math.floor(scale.start / step)) * step, min(scale.frames, math.ceil(scale.end)), step
    ):
        at = int(np.searchsorted(key_frames, start))
        near = at < len(key_frames) and key_frames[at] <= start + step // 4
        frames.append(int(key_frames[at]) if near else start)
    return frames


class ThumbnailsLane(Lane):
    """Decodes what is in view when the view has come to rest."""

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__("Picture", HEIGHT + 4, parent)
        self._background = background
        self._media: Media | None = None
        self._keys: IntArray = np.empty(0, np.int64)
        self._tile = HEIGHT * 16 / 9
        self._images: dict[int, QImage] = {}
        self._task: Task | None = None
        self._rest = QTimer(self, singleShot=True)
        self._rest.timeout.connect(self._load)

    def set_media(self, media: Media | None) -> None:
        """Another video; its thumbnails follow by themselves."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._media = media
        self._images.clear()
        if media is not None:
            self._keys = media.index.keys
            shape = media.width * float(media.facts.stream.shown_pixel_aspect) / media.height
            self._tile = max(64.0, HEIGHT * shape + 2)
            self._rest.start(FIRST_MS)
        self.redraw()

    def set_scale(self, scale: FrameScale) -> None:
        super().set_scale(scale)
        if self._images:
            self._rest.start(REST_MS)

    def draw(self, painter: QPainter) -> None:
        painter.fillRect(QRectF(self.scale.left, 2, self.scale.width, HEIGHT), theme.color("inset"))
        wanted = frames_for(self.scale, self._keys, self._tile)
        for frame in (
            *sorted(self._images),
            *wanted,
        ):  # those of other zooms fill in until the wanted ones are there
            image = self._images.get(frame)
            if image is not None and self.scale.start - self.scale.span < frame < self.scale.end:
                painter.drawImage(QPointF(self.scale.x(frame - 0.5), 2), image)

    def _load(self) -> None:
        media = self._media
        if media is None or self._task is not None or not self.isVisible():
            return
        missing = [f for f in frames_for(self.scale, self._keys, self._tile) if f not in self._images]
        if not missing:
            return
        wishes = [Wish(frame, QSize(4 * HEIGHT, HEIGHT)) for frame in missing[:BATCH]]
        task = self._background.start(lambda cancel, _progress: small_pictures(media, wishes, cancel), slow=True)
        self._task = task
        task.succeeded.connect(lambda made: self._on_made(task, wishes, made))
        task.failed.connect(lambda _error: self._on_made(task, wishes, []))

    def _on_made(self, task: Task, wishes: list[Wish], made: list[tuple[Wish, QImage]]) -> None:
        if task is not self._task:
            return
        self._task = None
        if len(self._images) > KEPT:
            self._images.clear()
        for wish in wishes:  # what cannot be decoded stays empty and is not asked for again
            self._images[wish.frame] = QImage()
        for wish, image in made:
            self._images[wish.frame] = image
        self.redraw()
        self._load()
