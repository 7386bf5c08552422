"""The cards of the gallery: what stands on each, which are wanted, and how they are drawn. GUI thread only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QBrush, QHideEvent, QPainter, QPen, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from engine.case.reviewed import PrototypeReview
from engine.results import Prototype
from gui import theme
from gui.prototypes.motions import BEAT_MS, Motions

PICTURE = 120
WIDTH, HEIGHT = 172, 216
INKS = {"fake": "high", "real": "low"}
SIGNS = {"fake": "F", "real": "R"}
"""The sign of each class, so that colour is not the only one."""
NO_OPERATOR = "none (authentic)"
"""What stands where nothing forged the footage of a prototype."""
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Card:
    """One prototype with what the reviewer says of it."""

    index: int
    prototype: Prototype
    review: PrototypeReview
    excluded: bool

    @property
    def name(self) -> str:
        """The reviewer's own, or that of the weights."""
        return self.review.name or self.prototype.name

    @property
    def operator(self) -> str:
        return self.prototype.source.operator or NO_OPERATOR

    @property
    def source(self) -> str:
        """Where the patch was seen: "clip.mp4, frame 30"."""
        source = self.prototype.source
        return f"{source.clip}, frame {source.frame}"

    def words(self) -> str:
        """All of it in a line, for those who do not see the card."""
        original = f", originally {self.prototype.name}" if self.review.name else ""
        artefact = f", {self.review.artefact}" if self.review.artefact else ""
        excluded = ", excluded" if self.excluded else ""
        return (
            f"{self.name}{original}, prototype of {self.prototype.label}, operator {self.operator}{artefact}, "
            f"distance {self.prototype.source.distance:.3g}, from {self.source}{excluded}"
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cards are shown; empty fields let all through.

    Attributes:
        text: words, all of which stand somewhere on the card.
        label: class, fake or real.
        artefact: one of ARTEFACTS.
        excluded: only those that have no say.
    """

    text: str = ""
    label: str = ""
    operator: str = ""
    artefact: str = ""
    excluded: bool = False

    def fits(self, card: Card) -> bool:
        """Whether a card is among the wanted."""
        words = card.words().casefold()
        return (
            all(word in words for word in self.text.casefold().split())
            and self.label in ("", card.prototype.label)
            and self.operator in ("", card.operator)
            and self.artefact in ("", card.review.artefact)
            and (card.excluded or not self.excluded)
        )


class CardsModel(QAbstractListModel):
    """The wanted cards."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cards: tuple[Card, ...] = ()

    def set_cards(self, cards: Sequence[Card]) -> bool:
        """Show these; whether others than before (and not only more said of the same)."""
        same = [card.prototype for card in cards] == [card.prototype for card in self.cards]
        if same:
            self.cards = tuple(cards)
            if cards:
                self.dataChanged.emit(self.index(0), self.index(len(cards) - 1))
        else:
            self.beginResetModel()
            self.cards = tuple(cards)
            self.endResetModel()
        return not same

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self.cards)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        card = self.cards[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return card.name
            case Qt.ItemDataRole.AccessibleTextRole | Qt.ItemDataRole.ToolTipRole:
                return card.words()
        return None


class CardView(QListView):
    """Cards in rows as wide as there is room; their motions run while anybody sees them and they are to run.

    Attributes:
        beat: how many pictures were shown of each motion.

    Signals:
        stepped: `beat`.
    """

    stepped = Signal(int)

    def __init__(self, model: CardsModel, motions: Motions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.beat = 0
        self._runs = True
        self.setModel(model)
        self.setItemDelegate(CardDelegate(model, motions, self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSpacing(4)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName("Prototypes")
        self.setToolTip("Choose one or several prototypes; Space excludes them or brings them back")
        self._timer = QTimer(self, interval=BEAT_MS)
        self._timer.timeout.connect(self._step)

    def run(self, runs: bool) -> None:
        """Let the motions run, or stand still."""
        self._runs = runs
        if runs and self.isVisible():
            self._timer.start()
        else:
            self._timer.stop()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.run(self._runs)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _step(self) -> None:
        self.beat += 1
        self.viewport().update()
        self.stepped.emit(self.beat)


class CardDelegate(QStyledItemDelegate):
    """Motion above; name, class, operator and source below; what is excluded is hatched and says so."""

    def __init__(self, model: CardsModel, motions: Motions, view: CardView) -> None:
        super().__init__(view)
        self._model, self._motions, self._view = model, motions, view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(WIDTH, HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        card, area = self._model.cards[index.row()], option.rect.adjusted(2, 2, -2, -2)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        current = bool(option.state & QStyle.StateFlag.State_HasFocus)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("focus" if chosen or current else "border"), 2 if chosen else 1))
        painter.setBrush(theme.color("selection" if chosen else "raised"))
        painter.drawRoundedRect(area, 5, 5)
        picture = QRect(area.center().x() - PICTURE // 2, area.top() + 8, PICTURE, PICTURE)
        self._draw_motion(painter, card, picture)
        self._draw_words(painter, card, area.adjusted(8, PICTURE + 12, -8, -4))
        painter.restore()

    def _draw_motion(self, painter: QPainter, card: Card, picture: QRect) -> None:
        frames = self._motions.frames
        if card.index < len(frames):
            moving = frames[card.index]
            painter.drawImage(picture, moving[self._view.beat % len(moving)])
        else:
            painter.fillRect(picture, theme.color("inset"))
            painter.setPen(theme.color("muted"))
            waiting = "no motion" if self._motions.problem else "◌ reading…"
            painter.drawText(picture, Qt.AlignmentFlag.AlignCenter, waiting)
        if card.excluded:
            veil = theme.color("inset")
            veil.setAlpha(150)
            painter.fillRect(picture, veil)
            painter.fillRect(picture, QBrush(theme.color("hover"), Qt.BrushStyle.BDiagPattern))
            band = QRect(picture.left(), picture.center().y() - 11, picture.width(), 22)
            painter.fillRect(band, theme.color("inset"))
            painter.setPen(theme.color("text"))
            painter.drawText(band, Qt.AlignmentFlag.AlignCenter, "✗ excluded")
        sign = QRect(picture.left(), picture.top(), 18, 18)
        painter.fillRect(sign, theme.color("inset"))
        painter.setPen(theme.color(INKS[card.prototype.label]))
        painter.drawText(sign, Qt.AlignmentFlag.AlignCenter, SIGNS[card.prototype.label])

    def _draw_words(self, painter: QPainter, card: Card, room: QRect) -> None:
        source = card.prototype.source
        original = f"“{card.prototype.name}”" if card.review.name else ""
        second = " · ".join(part for part in (original, card.review.artefact) if part)
        lines = (
            (card.name, "text"),
            (second or source.operator or "authentic", "link" if second else "muted"),
            (f"distance {source.distance:.3g}", "muted"),
            (self._motions.strength(card.index), "muted"),
            (f"frame {source.frame}, {PurePosixPath(source.clip).name}", "muted"),
        )
        small = theme.small_font(self._view)
        top = room.top()
        for number, (text, ink) in enumerate(lines):
            painter.setFont(self._view.font() if not number else small)
            metrics = painter.fontMetrics()
            painter.setPen(theme.color(ink))
            line = QRect(room.left(), top, room.width(), metrics.height())
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft, shown)
            top += metrics.height() + 1
