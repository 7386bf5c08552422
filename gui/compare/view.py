"""The comparison in the place of the player's picture: bar, panes, legend and agreement. GUI thread only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from engine.rendering.palette import legend
from engine.rendering.scene import FaceShown, MapShown
from gui import theme
from gui.compare.bar import CompareBar
from gui.compare.choice import LETTERS
from gui.compare.comparison import Comparison
from gui.compare.difference_view import DifferenceView
from gui.compare.legend import ScaleBar
from gui.compare.pane import Pane, PaneState
from gui.compare.pane_view import PaneView
from gui.compare.picture import PanePicture
from gui.compare.wording import agreement_text
from gui.explaining import FrameExplanation
from gui.player.viewport import LARGEST, SMALLEST, Viewport
from gui.session import Session

AROUND_FACE = 1.3
"""How much more than the face's box the view on the face shows."""
LEAST_WIDTH = 260
"""Of a pane whose words can be read, pixels."""
RULES = {
    "signed": "Each map ÷ its own largest |value|; the same colours in every pane",
    "red": "As P002: what supports fake ÷ the map's largest such value; the same in every pane",
    "difference": "The colours of the difference say which map is higher, not fake or real.",
}


class CompareView(QWidget):
    """Shows the comparison."""

    def __init__(self, session: Session, comparison: Comparison, actions: Mapping[str, QAction]) -> None:
        super().__init__()
        self._session, self._comparison, self._actions = session, comparison, actions
        self.setAccessibleName("Comparison")
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.panes: list[PaneView] = []
        self.difference = DifferenceView(self)
        self.bar = CompareBar(session, comparison, actions)
        self.scale, self.other_scale = ScaleBar(), ScaleBar()
        self.rule, self.agreement = QLabel(), QLabel()
        self._viewport = Viewport(QSizeF(1, 1))
        self._columns = 0
        self._followed = comparison.follows_face
        self._lay_out()
        comparison.panes_changed.connect(self._on_panes)
        comparison.changed.connect(self.refresh)
        session.media_changed.connect(self._on_media)
        session.detectors_changed.connect(self._show_choices)
        self._wire(self.difference.picture)
        self._on_media()

    def _lay_out(self) -> None:
        self._grid = QGridLayout()
        self._grid.setContentsMargins(4, 4, 4, 4)
        self._grid.setSpacing(4)
        for label in (self.rule, self.agreement):
            label.setWordWrap(True)
            label.setFont(theme.numbers_font(label))
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        theme.set_role(self.rule, "muted")
        self.agreement.setToolTip(
            "Mean rank correlation (Spearman) of two maps over the cells of the crop, over the frames of the\n"
            "chosen range that both have; 1: the same order, 0: none. That two agree does not say they are right."
        )
        bottom = QHBoxLayout()
        bottom.setContentsMargins(8, 2, 8, 6)
        bottom.setSpacing(16)
        scales = QVBoxLayout()
        scales.setSpacing(2)
        for scale in (self.scale, self.other_scale):
            scales.addWidget(scale, 0, Qt.AlignmentFlag.AlignLeft)
        scales.addStretch(1)
        bottom.addLayout(scales)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self.rule)
        words.addWidget(self.agreement)
        bottom.addLayout(words, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addLayout(self._grid, 1)
        layout.addLayout(bottom)

    def _wire(self, picture: PanePicture) -> None:
        picture.zoomed.connect(lambda: self._on_zoomed(picture))
        picture.resized.connect(self._share)
        picture.wiped.connect(self._comparison.move_wipe)

    # Panes

    def _on_panes(self) -> None:
        for view in self.panes:
            self._grid.removeWidget(view)
            view.hide()
            view.deleteLater()
        self.panes = []
        for number, pane in enumerate(self._comparison.panes):
            view = PaneView(self._session, self._comparison, pane, LETTERS[number], self)
            view.chosen.connect(lambda n=number: self._comparison.set_active(n))
            self._wire(view.picture)
            self.panes.append(view)
        self._columns = 0
        self.refresh()

    def _show_choices(self) -> None:
        for view in self.panes:
            view.show_choice()

    def _views(self) -> list[PaneView | DifferenceView]:
        """What is to be seen, in its order."""
        if not self._comparison.difference:
            return list(self.panes)
        a, b = self._comparison.pair
        return [self.panes[a], self.panes[b], self.difference]

    def _arrange(self) -> None:
        views = self._views()
        while self._grid.count():
            self._grid.takeAt(0)
        every: list[PaneView | DifferenceView] = [*self.panes, self.difference]
        for view in every:
            view.setVisible(view in views)
        columns = self._best_columns(len(views))
        for at in range(4):
            self._grid.setColumnStretch(at, 1 if at < columns else 0)
            self._grid.setRowStretch(at, 1 if at < math.ceil(len(views) / columns) else 0)
        for number, view in enumerate(views):
            self._grid.addWidget(view, number // columns, number % columns)
        self._columns = columns

    def _best_columns(self, count: int) -> int:
        """By what the user wants, or what makes the pictures largest."""
        if count < 3 or self._comparison.difference or self._comparison.layout == "row":
            return max(1, count)
        if self._comparison.layout == "grid":
            return 2
        if self.width() / count < LEAST_WIDTH:
            return 2
        words = 110  # what a pane needs above and below its picture
        aspect = 1.0 if self._comparison.follows_face else self._viewport.width / max(1, self._viewport.height)

        def side(columns: int) -> float:
            rows = math.ceil(count / columns)
            return min(self.width() / columns / aspect, self.height() / rows - words)

        return count if side(count) >= side(2) else 2

    # The viewport that all share

    def _on_media(self) -> None:
        media = self._session.media
        if media is not None:
            aspect = float(media.facts.stream.shown_pixel_aspect)
            self._viewport = Viewport(QSizeF(1, 1), media.width, media.height, aspect)
            self._share()

    def _common(self) -> QSizeF:
        """The size that all pictures have at least: the same zoom for all."""
        sizes = [view.picture.size() for view in self._views()]
        if not sizes:
            return QSizeF(1, 1)
        return QSizeF(min(size.width() for size in sizes), min(size.height() for size in sizes))

    def _share(self) -> None:
        """Give all pictures the same zoom and place."""
        common = self._common()
        if self.panes:  # its picture begins where theirs do
            self.difference.name.setFixedHeight(self.panes[self._comparison.pair[0]].header.sizeHint().height())
        self._viewport = self._viewport.resized(common)
        if self._comparison.follows_face:
            self._look_at_face()
        for picture in (*(view.picture for view in self.panes), self.difference.picture):
            picture.adopt(self._viewport, common)

    def _look_at_face(self) -> None:
        """The face in the middle; where there is none the view stays."""
        shown, face = self._session.shown, self._comparison.face
        results = self._session.results
        track = results.tracks.get(face) if results is not None and face is not None else None
        box = track.box_at(shown.index) if track is not None and shown is not None else None
        if box is None:
            return
        x0, y0, x1, y1 = (float(v) for v in box)
        view, side = self._viewport.view, max(x1 - x0, y1 - y0) * AROUND_FACE
        scale = min(view.width() / (side * self._viewport.aspect), view.height() / side)
        zoom = min(LARGEST, max(SMALLEST, scale))
        self._viewport = replace(self._viewport, zoom=zoom, centre=QPointF((x0 + x1) / 2, (y0 + y1) / 2))

    def _on_zoomed(self, source: PanePicture) -> None:
        """The hand of the user moved one: the others follow, and the view leaves the face."""
        self._viewport = source.viewport
        self._followed = False
        if self._comparison.follows_face:
            self._comparison.set_follows_face(False)
        self._share()

    # What the window's commands ask for

    def fit(self) -> None:
        """Show the whole frame in every pane."""
        self._viewport, self._followed = self._viewport.fitted(), False
        self._comparison.set_follows_face(False)
        self._share()

    @property
    def zoom(self) -> float:
        """Screen pixels per frame row."""
        return self._viewport.scale * self.devicePixelRatioF()

    def set_zoom(self, zoom: float) -> None:
        self._comparison.set_follows_face(False)
        self._followed = False
        self._viewport = self._viewport.zoomed(zoom / self.devicePixelRatioF())
        self._share()

    def focus_pane(self, number: int) -> None:
        """Bring the keys to the choosers of a pane."""
        if number < len(self.panes):
            self._comparison.set_active(number)
            self.panes[number].detector.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # Showing

    def refresh(self) -> None:
        """Show everything anew."""
        comparison, session = self._comparison, self._session
        if not comparison.is_open:
            return
        self.bar.refresh()
        if self._followed and not comparison.follows_face:
            self._viewport = self._viewport.fitted()
        self._followed = comparison.follows_face
        views = self._views()
        shown_now = [view for view in (*self.panes, self.difference) if not view.isHidden()]
        if self._columns != self._best_columns(len(views)) or set(shown_now) != set(views):
            self._arrange()
        self._share()
        states = [view.pane.state(comparison.face) for view in self.panes]
        make_tip = self._actions["compare_make"].toolTip()
        for number, (view, state) in enumerate(zip(self.panes, states, strict=True)):
            view.show_active(number == comparison.active and len(self.panes) > 1)
            view.show_state(state, comparison.measures(view.pane), make_tip)
            self._paint(view.picture, self.map_of(state.mask))
        self._show_difference(states)
        self._show_legend(states)
        known = [f"{pair} {agreement_text(found.mean, found.frames)}" for pair, found in comparison.agreements()]
        whole = (text.replace(" ", "\u00a0").replace("–", "\u2060–\u2060") for text in known)  # not to be broken
        self.agreement.setText(f"Agreement (Spearman)  {'   '.join(whole)}" if known else "")
        self.agreement.setVisible(bool(known))
        self.setAccessibleDescription("" if session.shown is None else f"Frame {session.shown.index}")

    def map_of(self, mask: FrameExplanation | None) -> MapShown | None:
        if mask is None or not self._session.masks_visible:
            return None
        values = np.maximum(mask.values, 0) if self._comparison.red else mask.values
        return MapShown(values, mask.affine)

    # For an export

    def seen_panes(self) -> list[Pane]:
        """Those on the screen, without the difference."""
        return [view.pane for view in self._views() if isinstance(view, PaneView)]

    def shown_area(self) -> QRectF:
        """The part of the frame in view, in pixels of the frame; only where there is a frame."""
        area = self._viewport.transform.inverted()[0].mapRect(QRectF(QPointF(), self._viewport.view))
        return area.intersected(QRectF(0, 0, self._viewport.width, self._viewport.height))

    @property
    def aspect(self) -> float:
        """Width of a pixel over its height."""
        return self._viewport.aspect

    @property
    def columns(self) -> int:
        """Panes beside each other."""
        return self._columns

    def _paint(self, picture: PanePicture, shown: MapShown | None) -> None:
        comparison, session = self._comparison, self._session
        faces = tuple(
            FaceShown(face.track_id, face.name, face.box, None)
            for face in session.faces
            if face.track_id == comparison.face and not comparison.follows_face
        )
        picture.set_style(
            comparison.style if picture is not self.difference.picture else comparison.difference_style
        )
        picture.set_wipe(comparison.wipe_at if comparison.wipe else None)
        picture.show_frame(session.shown, faces, () if shown is None else (shown,))

    def _show_difference(self, states: list[PaneState]) -> None:
        if not self._comparison.difference:
            return
        a, b = self._comparison.pair
        one, other = self.panes[a], self.panes[b]
        found = (
            self._comparison.agreement_now(one.pane, other.pane),
            self._comparison.agreement(one.pane, other.pane),
        )
        same = one.pane.choice == other.pane.choice
        shown = self.difference.show_pair(
            (one.letter, other.letter), (states[a], states[b]), None if same else found
        )
        self._paint(self.difference.picture, shown if self._session.masks_visible else None)

    def _show_legend(self, states: Sequence[PaneState]) -> None:
        comparison = self._comparison
        style = comparison.style
        words = legend(style.colour_map)
        if comparison.red:
            self.scale.show_scale("red", ("", "0", "", "1", "supports fake"), half=True)
        else:
            self.scale.show_scale(style.colour_map, (words.low, "−1", "0", "+1", words.high), half=False)
        self.other_scale.setVisible(comparison.difference)
        if comparison.difference:
            a, b = (LETTERS[number] for number in comparison.pair)
            other = comparison.difference_style.colour_map
            self.other_scale.show_scale(other, (f"{b} higher", "−2", "0", "+2", f"{a} higher"), half=False)
        self.rule.setText(rule_text(comparison, attention_letters(states)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._comparison.is_open and self.panes:
            self.refresh()


def attention_letters(states: Sequence[PaneState]) -> tuple[str, ...]:
    """Of the panes whose map has no sign."""
    pairs = zip(LETTERS, states, strict=False)
    return tuple(letter for letter, state in pairs if state.mask is not None and not state.mask.signed)


def rule_text(comparison: Comparison, attention: Sequence[str] = ()) -> str:
    """How values become colours, in words; `attention` are the letters of panes whose maps have no sign."""
    style = comparison.style
    hidden = "." if style.threshold == 0 else f"; below {style.threshold:.0%} nothing is shown."
    rule = RULES["red" if comparison.red else "signed"] + hidden.replace("%", "\u00a0%")
    if attention:
        rule += f" {' and '.join(attention)}: where the network looks, not what is fake."
    return f"{rule} {RULES['difference']}" if comparison.difference else rule
