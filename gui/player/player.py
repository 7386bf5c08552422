"""The player: a header, the picture or what stands in its place, and the transport. GUI thread only."""

import math

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from engine.rendering.meaning import meaning_of
from engine.rendering.scene import FaceShown, MapShown
from engine.video.frame import Frame
from gui import theme
from gui.explaining import FrameExplanation, grown_text
from gui.player.adjust import AdjustPopup
from gui.player.display import Display, Field
from gui.player.legend import BETWEEN, MaskLegend
from gui.player.pages import CARD_WIDTH, EmptyPage, ErrorCard, ErrorPage, OpeningPage
from gui.player.picture import PictureView
from gui.player.transport import OptionalLabel, Transport, tool_button
from gui.sanity import sanity_text
from gui.session import Session
from gui.videos import OpenVideo, VideoStatus

MARGIN = 10
HEADER = 38


class PlayerPanel(QWidget):
    """Shows the current video of the session.

    Args:
        actions: QActions of the commands by id; see Transport, and "masks", "fit", "actual_size".

    Signals:
        open_requested: the user wants to choose files.
    """

    open_requested = Signal()

    def __init__(self, session: Session, actions: dict[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._guest: QWidget | None = None
        self.picture = PictureView()
        self.empty, self.opening, self.failed = EmptyPage(), OpeningPage(), ErrorPage()
        self.transport = Transport(session, actions)
        self._pages = QStackedWidget()
        for page in (self.empty, self.opening, self.failed, self.picture):
            self._pages.addWidget(page)
        self._legend = MaskLegend(self.picture)
        self._card = ErrorCard(self.picture)
        self._badges = [QLabel(self.picture) for _ in range(2)]
        self._adjust = AdjustPopup(self)
        self._name, self._facts, self._zoom = QLabel(), OptionalLabel(), QLabel()
        self._lay_out(actions)
        self._connect()
        self._on_media()

    def _lay_out(self, actions: dict[str, QAction]) -> None:
        theme.set_role(self._name, "heading")
        theme.set_role(self._facts, "muted")
        theme.set_role(self._zoom, "muted")
        self._zoom.setFixedWidth(48)
        self._zoom.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for badge in self._badges:
            theme.set_role(badge, "badge", "warning")
            badge.hide()
        self._header = QWidget()
        self._header.setObjectName("panel")
        self._header.setMinimumHeight(HEADER)
        self._header.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self._header)
        row.setContentsMargins(10, 4, 8, 4)
        row.setSpacing(4)
        row.addWidget(self._name)
        row.addSpacing(8)
        row.addWidget(self._facts, 1)
        self._tools = QWidget()
        tools = QHBoxLayout(self._tools)
        tools.setContentsMargins(0, 0, 0, 0)
        tools.setSpacing(4)
        tools.addWidget(self._zoom)
        for name in ("fit", "actual_size"):
            tools.addWidget(tool_button(actions[name]))
        tools.addWidget(self._make_adjust_button())
        tools.addWidget(tool_button(actions["masks"]))
        row.addWidget(self._tools)
        own = QWidget()
        inside = QVBoxLayout(own)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addWidget(self._header)
        inside.addWidget(self._pages, 1)
        self._own = own
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(own, 1)
        self._column.addWidget(self.transport)

    def show_instead(self, guest: QWidget | None) -> None:
        """Put another view in the place of header and picture; None brings them back. The transport stays."""
        if self._guest is not None:
            self._guest.hide()
            self._column.removeWidget(self._guest)  # what is not seen takes no room
        self._guest = guest
        self._own.setVisible(guest is None)
        if guest is not None:
            self._column.insertWidget(0, guest, 1)
            guest.show()

    def _make_adjust_button(self) -> QToolButton:
        self._adjust_button = QToolButton()
        self._adjust_button.setIcon(theme.icon("adjust"))
        self._adjust_button.setToolTip("Brightness, levels and field, for the eye only")
        self._adjust_button.setAccessibleName("Display adjustments")
        self._adjust_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme.set_role(self._adjust_button, "flat")
        self._adjust_button.clicked.connect(self._open_adjust)
        return self._adjust_button

    def _connect(self) -> None:
        session = self._session
        self.empty.open_requested.connect(self.open_requested)
        self.empty.path_chosen.connect(lambda path: session.open([path]))
        self.failed.open_requested.connect(self.open_requested)
        self.failed.remove_requested.connect(lambda: session.remove_video(session.current_row))
        self._adjust.changed.connect(self._on_display)
        self.picture.zoomed.connect(self._show_zoom)
        session.current_changed.connect(self._on_media)
        session.media_changed.connect(self._on_media)
        session.video_changed.connect(self._on_video)
        session.shown_changed.connect(self._show_picture)
        session.results_changed.connect(self._show_picture)
        session.explanations_changed.connect(self._show_picture)
        session.style_changed.connect(self._show_picture)
        session.choice_changed.connect(self._show_picture)
        session.settings.changed.connect(self._show_recent)

    # What page

    def _on_media(self) -> None:
        video, media = self._session.current, self._session.media
        self._header.setVisible(video is not None)
        self.transport.setVisible(video is not None and video.status is not VideoStatus.FAILED)
        self._show_recent()
        if video is None:
            self._pages.setCurrentWidget(self.empty)
        elif media is not None:
            stream = media.facts.stream
            self.picture.set_size(media.width, media.height, float(stream.shown_pixel_aspect))
            self._pages.setCurrentWidget(self.picture)
        elif video.status is VideoStatus.FAILED and video.error is not None:
            self.failed.card.show_error(video.error)
            self._pages.setCurrentWidget(self.failed)
        else:
            self._show_opening(video)
        self._show_header()
        self._show_picture()

    def _on_video(self, row: int) -> None:
        video = self._session.current
        if row == self._session.current_row and video is not None and video.status is VideoStatus.OPENING:
            self._show_opening(video)
            self._show_picture()

    def _show_opening(self, video: OpenVideo) -> None:
        """How far it has come, or the first frame as soon as that is there."""
        self.opening.show_progress(video.name, video.opening)
        look = video.look
        if look is None:
            self._pages.setCurrentWidget(self.opening)
        elif self._pages.currentWidget() is not self.picture:
            height, width = look.frame.pixels.shape[:2]
            self.picture.set_size(width, height, float(look.pixel_aspect))
            self._pages.setCurrentWidget(self.picture)

    def _show_recent(self) -> None:
        if self._session.current is None:
            self.empty.show_recent(self._session.settings.preferences.recent)

    def _show_header(self) -> None:
        video, media = self._session.current, self._session.media
        self._name.setText(video.name if video else "")
        self._name.setToolTip(str(video.path) if video else "")
        self._tools.setVisible(media is not None)
        if media is None:
            self._facts.set_wordings()
            return
        stream, index = media.facts.stream, media.index
        rate = f"{index.rate:.3f}".rstrip("0").rstrip(".")
        parts = [
            f"{media.width}×{media.height}",
            f"{rate} fps{', variable' if index.variable_rate else ''}",
            stream.codec.split(" / ")[0],
        ]
        if stream.interlaced:
            parts.append("interlaced")
        aspect = stream.shown_pixel_aspect
        if aspect != 1:
            parts.append(f"pixel aspect {aspect.numerator}:{aspect.denominator}")
        self._facts.set_wordings(*("  ·  ".join(parts[:n]) for n in range(len(parts), 0, -1)))

    def _show_zoom(self) -> None:
        self._zoom.setText(f"{self.picture.zoom:.0%}")
        self._place_overlays()

    # What is on the picture

    def _show_picture(self, *_: object) -> None:
        session = self._session
        self.picture.set_style(session.style)
        faces, masks, of_frame = self._found()
        self.picture.show_frame(self._frame(), faces, tuple(MapShown(e.values, e.affine) for e in masks))
        self._legend.setVisible(bool(masks))
        if masks:
            style = session.style
            self._legend.show_palette(
                style.colour_map,
                BETWEEN.join(
                    (
                        f"{masks[0].title}, {session.detector_id}",
                        f"frame {of_frame}, from {style.threshold:.0%}",
                        sanity_text(masks[0].sanity),
                    )
                ),
                signed=masks[0].signed,
                meaning=meaning_of(masks[0].explainer_id),
            )
        error = session.shown_error
        self._card.setVisible(error is not None)
        if error is not None:
            self._card.show_error(error)
        self._show_badges()
        self._place_overlays()

    def _frame(self) -> Frame | None:
        """The frame to show; before there is one, the first look at the video."""
        session = self._session
        look = session.current.look if session.current is not None else None
        if session.shown is None and session.shown_error is None and look is not None:
            return look.frame
        return session.shown

    def _found(self) -> tuple[tuple[FaceShown, ...], tuple[FrameExplanation, ...], int]:
        """Faces of the shown frame; masks, and the frame they belong to: while playing, one of a moment ago."""
        session = self._session
        faces = tuple(
            FaceShown(f.track_id, f.name, f.box, None if math.isnan(f.probability) else f.probability)
            for f in session.faces
        )
        of_frame, masks = session.shown.index if session.shown else 0, session.explanations
        held = session.held_masks
        if not masks and held is not None:
            of_frame, masks = held
        if not session.masks_visible:
            return faces, (), of_frame
        return faces, tuple(masks.values()), of_frame

    def _show_badges(self) -> None:
        display, session = self.picture.display, self._session
        texts = []
        if display.changed:
            field = f": {display.field.value.lower()}" if display.field is not Field.BOTH else ""
            texts.append(f"◐ Display adjusted{field}")
        if session.explaining and session.masks_visible and not session.explanations:
            texts.append("… Computing the mask")
        texts += [f"◌ Unfinished: {grown_text(mask)}" for mask in self._found()[1] if mask.grown is not None][:1]
        if session.media is None and session.current is not None and session.current.look is not None:
            opening = session.current.opening
            texts.append(f"… {opening.label} {opening.fraction:.0%}" if opening is not None else "… Opening")
        for badge, text in zip(self._badges, texts + [""] * 2, strict=False):
            badge.setText(text)
            badge.setVisible(bool(text))

    def _place_overlays(self) -> None:
        """The legend at the bottom left, badges at the top right, an error in the middle of the picture."""
        area = self.picture.rect()
        self._legend.adjustSize()
        self._legend.move(MARGIN, area.height() - self._legend.height() - MARGIN)
        top = MARGIN
        for badge in self._badges:
            badge.adjustSize()
            badge.move(area.width() - badge.width() - MARGIN, top)
            if badge.isVisible():
                top += badge.height() + 5
        self._card.setFixedWidth(min(CARD_WIDTH, max(200, area.width() - 4 * MARGIN)))
        self._card.adjustSize()
        self._card.move((area.width() - self._card.width()) // 2, (area.height() - self._card.height()) // 2)

    def _on_display(self, display: Display) -> None:
        self.picture.set_display(display)
        self._show_badges()
        self._place_overlays()

    def _open_adjust(self) -> None:
        self._adjust.adjustSize()
        corner = self._adjust_button.mapToGlobal(
            QPoint(self._adjust_button.width(), self._adjust_button.height() + 4)
        )
        self._adjust.move(corner - QPoint(self._adjust.width(), 0))
        self._adjust.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_overlays()
