"""The videos of the case as a list: picture, name, verdict. GUI thread only."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QImage, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from gui import theme
from gui.panels.parts import SHAPES, draw_chip
from gui.pictures import Wish, small_pictures
from gui.session import Session
from gui.videos import OpenVideo, Verdict, VideoStatus

PICTURE = QSize(72, 44)
Index = QModelIndex | QPersistentModelIndex


class VideosModel(QAbstractListModel):
    """One row per video of the session; pictures come when they are decoded."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._pictures: dict[OpenVideo, QImage] = {}
        self._asked: set[OpenVideo] = set()
        session.videos_changed.connect(self._on_videos)
        session.video_changed.connect(self._on_video)
        session.choice_changed.connect(self._on_choice)

    def video(self, index: Index) -> OpenVideo:
        return self._session.videos[index.row()]

    def verdict(self, video: OpenVideo) -> Verdict:
        """What its chip says; while it is analysed with how far that has come."""
        verdict = video.verdict(self._session.detector_id, self._session.threshold)
        progress = video.analysis.progress
        if video.analysis.state.active and progress is not None and progress.total:
            text = f"{verdict.text.rstrip('…')} · {round(progress.fraction * 100)} %"
            return Verdict(text, verdict.level, verdict.detail)
        return verdict

    def picture(self, video: OpenVideo) -> QImage | None:
        """A small picture from the video; asks for it if there is none yet."""
        media = video.media
        if media is not None and video not in self._asked:
            self._asked.add(video)
            wishes = [Wish(len(media.index) // 10, PICTURE), Wish(0, PICTURE)]
            task = self._session.background.start(
                lambda cancel, _progress: (
                    small_pictures(media, wishes[:1], cancel) or small_pictures(media, wishes[1:], cancel)
                ),
                slow=True,
            )
            task.succeeded.connect(lambda made: self._on_picture(video, made))
        return self._pictures.get(video)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._session.videos)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        video = self.video(index)
        verdict = self.verdict(video)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return video.name
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{video.name}, {verdict.text}"
            case Qt.ItemDataRole.ToolTipRole:
                return f"{video.path}\n{SHAPES[verdict.level]} {verdict.text}\n{verdict.detail}"
        return None

    def _on_videos(self) -> None:
        self.beginResetModel()
        kept = set(self._session.videos)
        self._asked &= kept
        self._pictures = {video: picture for video, picture in self._pictures.items() if video in kept}
        self.endResetModel()

    def _on_video(self, number: int) -> None:
        if number < self.rowCount():
            self.dataChanged.emit(self.index(number), self.index(number))

    def _on_choice(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))

    def _on_picture(self, video: OpenVideo, made: list[tuple[Wish, QImage]]) -> None:
        if made and video in self._session.videos:
            self._pictures[video] = made[0][1]
            self._on_video(self._session.videos.index(video))


class VideoDelegate(QStyledItemDelegate):
    """Picture on the left, name and verdict on the right."""

    def __init__(self, model: VideosModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(180, PICTURE.height() + 14)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        video = self._model.video(index)
        verdict = self._model.verdict(video)
        self.initStyleOption(option, index)
        option.text = ""
        widget: QWidget = option.widget
        widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, widget)
        area: QRect = option.rect.adjusted(8, 7, -8, -7)
        painter.save()
        frame = QRect(area.topLeft(), PICTURE)
        painter.fillRect(frame, theme.color("picture"))
        picture = self._model.picture(video)
        if picture is not None:
            at = QRect(0, 0, picture.width(), picture.height())
            at.moveCenter(frame.center())
            painter.drawImage(at.topLeft(), picture)
        elif video.status is VideoStatus.FAILED:
            painter.setPen(theme.color("error"))
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, SHAPES["error"])
        left = frame.right() + 10
        room = area.right() - left
        painter.setFont(widget.font())
        painter.setPen(theme.color("text"))
        name = painter.fontMetrics().elidedText(video.name, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRectF(left, area.top(), room, 20), Qt.AlignmentFlag.AlignVCenter, name)
        painter.setFont(theme.small_font(widget))
        draw_chip(painter, left, area.bottom() - 9, verdict.text, verdict.level, room)
        painter.restore()


class VideoList(QListView):
    """Enter or a click shows a video; Delete takes it out of the list."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        model = VideosModel(session, self)
        self.setModel(model)
        self.setItemDelegate(VideoDelegate(model, self))
        self.setAccessibleName("Videos")
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setToolTip("Click to show a video, Delete to take it out of the list")
        self.clicked.connect(self._show)
        self.activated.connect(self._show)
        session.current_changed.connect(self._follow)
        session.videos_changed.connect(self._follow)
        self._follow()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.currentIndex().isValid():
            self._session.remove_video(self.currentIndex().row())
        else:
            super().keyPressEvent(event)

    def _show(self, index: QModelIndex) -> None:
        self._session.show_video(index.row())

    def _follow(self) -> None:
        number = self._session.current_row
        self.setCurrentIndex(self.model().index(number, 0) if number >= 0 else QModelIndex())
