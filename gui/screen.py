"""What the player shows of one video: reader thread, clock, and the picture they lead to. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from engine.errors import TellframeError
from gui.bridge import Background, HandOver
from gui.playback import Playback
from gui.videos import OpenVideo

if TYPE_CHECKING:
    from engine.video.frame import Frame
    from engine.video.media import Media
    from engine.video.server import Delivery, FrameServer

CACHE_POLL_MS = 250

MakeServer = Callable[["Media", "Callable[[Delivery], None]", int], "FrameServer"]


class Screen(QObject):
    """The video on the screen, its playhead and its picture.

    Attributes:
        shown: the picture on the screen; its index may lag behind the playhead, see `exact`.
        error: why the frame at the playhead cannot be shown; then `shown` is None.
        dropped: frames that were due since playing began and were never shown.
        cached: inclusive ranges of frames that are in memory.

    Signals:
        moved: the playhead, a frame number.
        shown_changed, dropped_changed, cached_changed, playing_changed: as named.
    """

    moved = Signal(int)
    shown_changed = Signal()
    dropped_changed = Signal(int)
    cached_changed = Signal()
    playing_changed = Signal()

    def __init__(self, background: Background, make_server: MakeServer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background, self._make_server = background, make_server
        self.shown: Frame | None = None
        self.error: TellframeError | None = None
        self.dropped = 0
        self.cached: tuple[tuple[int, int], ...] = ()
        self._exact = False
        self._video: OpenVideo | None = None
        self._media: Media | None = None
        self._server: FrameServer | None = None
        self._bridge: HandOver | None = None
        self._playback = Playback(self)
        self._playback.due.connect(self._on_due)
        self._playback.ended.connect(self._stop_read_ahead)
        self._playback.changed.connect(self.playing_changed)
        self._cache_timer = QTimer(self, interval=CACHE_POLL_MS)
        self._cache_timer.timeout.connect(self._poll_cache)

    @property
    def exact(self) -> bool:
        """Whether the picture is exactly the frame at the playhead."""
        return (
            self._video is not None
            and self.shown is not None
            and self._exact
            and self.shown.index == self._video.frame
        )

    @property
    def velocity(self) -> int:
        """0 when paused, negative backwards; 1 is the file's own pace."""
        return self._playback.velocity

    def enter(self, video: OpenVideo, media: Media, cache_bytes: int) -> None:
        """Bring an opened video to the screen."""
        self._video, self._media = video, media
        self._bridge = HandOver(self)
        self._bridge.arrived.connect(self._on_delivery)
        self._server = self._make_server(media, self._bridge.deliver, cache_bytes)
        self._server.request(video.frame)
        self._cache_timer.start()

    def leave(self, *, wait: bool = False) -> None:
        """Take the video off the screen. The reader thread may still be inside a decoder: `wait` for it or not."""
        self._playback.stop()
        self._cache_timer.stop()
        if self._bridge is not None:
            self._bridge.close()
            self._bridge.deleteLater()
        server = self._server
        if server is not None and wait:
            server.close()
        elif server is not None:
            self._background.start(lambda _cancel, _progress: server.close())
        self._video = self._media = self._server = self._bridge = self.shown = self.error = None
        self._exact, self.cached = False, ()

    def go_to(self, frame: int, *, dragging: bool = False) -> None:
        """Move the playhead; out of range is clipped."""
        video, server, media = self._video, self._server, self._media
        if video is None or server is None or media is None:
            return
        frame = min(max(0, frame), len(media.index) - 1)
        if self._playback.playing:
            self._playback.start(media.index, frame, self._playback.velocity)
            server.play(frame, 1 if self._playback.velocity > 0 else -1)
        moved = frame != video.frame
        video.frame = frame
        server.request(frame, dragging=dragging)
        if moved:
            self.moved.emit(frame)

    def play(self, velocity: int) -> None:
        """Play at the file's pace times the velocity; from the other end if the playhead stands at the end."""
        video, server, media = self._video, self._server, self._media
        if video is None or server is None or media is None:
            return
        if not self._playback.playing:
            self.dropped = 0
            self.dropped_changed.emit(0)
        last = len(media.index) - 1
        if video.frame == (last if velocity > 0 else 0):
            self.go_to(0 if velocity > 0 else last)
        server.play(video.frame, 1 if velocity > 0 else -1)
        self._playback.start(media.index, video.frame, velocity)

    def pause(self) -> None:
        """Stop and show exactly the frame at the playhead."""
        if self._playback.playing and self._video is not None:
            self._playback.stop()
            self._stop_read_ahead()
            self.go_to(self._video.frame)

    def _on_due(self, frame: int) -> None:
        if self._video is not None and self._server is not None:
            self._video.frame = frame
            self._server.request(frame)
            self.moved.emit(frame)

    def _on_delivery(self, delivery: Delivery) -> None:
        if self._video is None:
            return
        if delivery.error is not None:
            if delivery.requested != self._video.frame:
                return  # the playhead has moved on since
            self.shown, self.error = None, delivery.error
        elif delivery.frame is not None:
            self._count_dropped(delivery.frame.index)
            self.shown, self.error, self._exact = delivery.frame, None, delivery.exact
        self.shown_changed.emit()

    def _count_dropped(self, arrived: int) -> None:
        if not self._playback.playing or self.shown is None:
            return
        passed = (arrived - self.shown.index) * (1 if self._playback.velocity > 0 else -1) - 1
        if passed > 0:
            self.dropped += passed
            self.dropped_changed.emit(self.dropped)

    def _stop_read_ahead(self) -> None:
        if self._server is not None:
            self._server.stop()

    def _poll_cache(self) -> None:
        ranges = tuple(self._server.cached_ranges()) if self._server else ()
        if ranges != self.cached:
            self.cached = ranges
            self.cached_changed.emit()
