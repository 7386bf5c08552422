"""The evidence of prototypes as a list: who, how similar, and what that adds to both logits. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from engine.results import PrototypeSource
from gui import theme
from gui.prototypes.evidence import DIGITS, Evidence, Share

INKS = {"fake": "high", "real": "low"}
SIGNS = {"fake": "F", "real": "R"}
HIGH, LINE = 40, 19
NUMBER = 58
"""Width of a column of numbers."""
LEFT, PAD = 26, 6
RIGHT_MIDDLE = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT_MIDDLE = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


def number(value: float) -> str:
    """With its sign and as many digits as sums are shown with."""
    return f"{value:+.{DIGITS}f}".replace("-", "−")


def source_text(source: PrototypeSource) -> str:
    """Where a prototype comes from: the clip, its frame, and what forged it."""
    forged = source.operator or "genuine footage"
    return f"{source.clip.rsplit('/', 1)[-1]}, frame {source.frame} · {forged}"


def share_text(share: Share, name: str) -> str:
    """All there is to say of a row, for the tooltip and for screen readers."""
    prototype, source = share.prototype, share.prototype.source
    real, fake = prototype.weights
    out = "It is excluded: it adds nothing.\n" if share.excluded else ""
    return (
        f"{name}, a prototype of {prototype.label}\n"
        f"Similarity {share.similarity:.{DIGITS}f}; weights {fake:+g} for fake, {real:+g} for real\n"
        f"Evidence {share.fake:+.6f} for fake, {share.real:+.6f} for real\n{out}"
        f"From {source.clip}, frame {source.frame}, cell {source.cell[0]}, {source.cell[1]}"
        + (f"\nForged by: {source.operator}" if source.operator else "")
    )


class _Delegate(QStyledItemDelegate):
    """Sign and name, the bars of both classes from one zero line, and the numbers that they stand for."""

    def __init__(self, owner: EvidenceList) -> None:
        super().__init__(owner)
        self._owner = owner

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(200, HIGH)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        share = self._owner.share(index.row())
        painter.save()
        area = QRectF(option.rect)
        state = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, theme.color("selection"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, theme.color("hovered"))
        self._sign(painter, area, share)
        line = QRectF(area.left(), area.top() + 1, area.width() - PAD, LINE)
        _numbers(painter, line, share.fake, share.real)
        painter.setPen(theme.color("muted" if share.excluded else "text"))
        room = line.adjusted(LEFT, 0, -2 * NUMBER, 0)
        name = self._owner.name_of(share)
        font = painter.font()
        font.setStrikeOut(share.excluded)
        painter.setFont(font)
        shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, int(room.width()))
        painter.drawText(room, LEFT_MIDDLE, shown)
        font.setStrikeOut(False)
        painter.setFont(theme.small_font(self._owner))
        line.translate(0, LINE)
        self._bars(painter, line.adjusted(LEFT, 0, -2 * NUMBER - 4, 0), share)
        painter.setPen(theme.color("muted"))
        word = "excluded" if share.excluded else "similarity"
        painter.drawText(line, RIGHT_MIDDLE, f"{word} {share.similarity:.{DIGITS}f}")
        painter.restore()

    def _sign(self, painter: QPainter, area: QRectF, share: Share) -> None:
        """A letter: of fake on full ground, of real in a frame."""
        label = share.prototype.label
        ink = theme.color(INKS[label])
        place = QRectF(area.left() + 4, area.top() + 4, 16, 16)
        painter.setPen(QPen(ink, 1))
        if label == "fake":
            painter.fillRect(place, ink)
            painter.setPen(theme.color("inset"))
        else:
            painter.drawRect(place.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, SIGNS[label])

    def _bars(self, painter: QPainter, room: QRectF, share: Share) -> None:
        """To the right of the zero line what speaks for a class, to its left what speaks against it."""
        low, high = self._owner.reach
        span = max(high - low, 1e-12)
        zero = room.left() - low / span * room.width()
        for at, (value, label) in enumerate(((share.fake, "fake"), (share.real, "real"))):
            top = room.top() + 3 + at * 7
            end = zero + value / span * room.width()
            place = QRectF(min(zero, end), top, abs(end - zero), 5)
            ink = QColor(theme.color(INKS[label]))
            if label == "fake":
                painter.fillRect(place, ink)
            else:
                painter.setPen(QPen(ink, 1))
                painter.drawRect(place.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setPen(QPen(theme.color("muted"), 1))
        painter.drawLine(QPointF(zero, room.top() + 1), QPointF(zero, room.top() + 16))


def _numbers(painter: QPainter, line: QRectF, fake: float, real: float) -> None:
    font = painter.font()
    painter.setPen(theme.color("text"))
    painter.drawText(line.adjusted(0, 0, -NUMBER, 0), RIGHT_MIDDLE, number(fake))
    painter.drawText(line, RIGHT_MIDDLE, number(real))
    painter.setFont(font)


class EvidenceList(QListWidget):
    """The prototypes that weigh most.

    Signals:
        chosen: number of a prototype, None for none.
    """

    chosen = Signal(object)

    def __init__(self, name_of: Callable[[str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name_of = name_of
        self._shares: tuple[Share, ...] = ()
        self._names: tuple[str, ...] = ()
        self.reach = (0.0, 1.0)
        """The smallest and the largest value that the bars show, 0 among them."""
        self.setItemDelegate(_Delegate(self))
        self.setAccessibleName("Evidence of the prototypes")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setFont(theme.numbers_font(self))
        self.setMouseTracking(True)
        self.setMinimumHeight(2 * HIGH + 4)
        self.currentRowChanged.connect(self._on_row)

    def share(self, row: int) -> Share:
        """What a row shows."""
        return self._shares[row]

    def name_of(self, share: Share) -> str:
        """As the reviewer calls it."""
        return self._name_of(share.prototype.name)

    def show_evidence(self, evidence: Evidence | None, chosen: int | None) -> None:
        """Show other evidence with a prototype chosen, if it is among what is shown."""
        shares = evidence.shares if evidence is not None else ()
        names = tuple(self.name_of(share) for share in shares)
        values = [value for share in shares for value in (share.fake, share.real)]
        self.reach = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
        self.blockSignals(True)
        if (shares, names) != (self._shares, self._names):
            self._shares, self._names = shares, names
            while self.count() > len(shares):
                self.takeItem(self.count() - 1)
            while self.count() < len(shares):
                self.addItem(QListWidgetItem())
            for row, share in enumerate(shares):
                text = share_text(share, names[row])
                item = self.item(row)
                item.setText(f"{SIGNS[share.prototype.label]} {text}")
                item.setToolTip(text)
        row_of = {share.index: row for row, share in enumerate(shares)}
        self.setCurrentRow(row_of.get(chosen, -1) if chosen is not None else -1)
        self.blockSignals(False)
        self.viewport().update()

    def _on_row(self, row: int) -> None:
        if row >= 0:
            self.chosen.emit(self._shares[row].index)

    def sizeHint(self) -> QSize:
        return QSize(280, self.minimumHeight())  # it takes what is left


class SumsView(QWidget):
    """Under the list: what all others add, and the sums, in the columns of the list."""

    def __init__(self, list_: EvidenceList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._list = list_
        self._evidence: Evidence | None = None
        self.setFont(theme.numbers_font(self))
        self.setFixedHeight(2 * LINE + 4)
        self.setAccessibleName("Sums of the evidence")

    def show_evidence(self, evidence: Evidence | None) -> None:
        """Of these sums."""
        self._evidence = evidence
        self.setAccessibleDescription("; ".join(self.lines()))
        self.setToolTip(
            "The numbers of the list and of the others add up to the sums to the last digit: rounding is left to "
            "the line of the others. The sums are the logits from which the probability is made"
        )
        self.update()

    def lines(self) -> tuple[str, ...]:
        """In words."""
        evidence = self._evidence
        if evidence is None:
            return ()
        fake, real = evidence.shown_rest
        return (
            f"{evidence.others} others: {number(fake)} for fake, {number(real)} for real",
            f"Sums: {number(evidence.fake)} for fake, {number(evidence.real)} for real",
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        evidence = self._evidence
        if evidence is None:
            return
        painter = QPainter(self)
        right = self._list.viewport().width() + self._list.viewport().x()
        line = QRectF(0, 0, right - PAD, LINE)
        rest = evidence.shown_rest
        mean = "Mean logits" if evidence.clips > 1 else "Sum = logits"
        for name, values in ((f"{evidence.others} others", rest), (mean, (evidence.fake, evidence.real))):
            painter.setPen(theme.color("muted" if values is rest else "text"))
            painter.drawText(line.adjusted(LEFT, 0, 0, 0), LEFT_MIDDLE, name)
            _numbers(painter, line, *values)
            line.translate(0, LINE + 2)
        painter.setPen(QPen(theme.color("strong"), 1))
        painter.drawLine(QPointF(LEFT, LINE + 0.5), QPointF(right - PAD, LINE + 0.5))
        painter.end()


class ColumnsHead(QWidget):
    """Over the list: what its columns are."""

    def __init__(self, list_: EvidenceList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._list = list_
        self.setFont(theme.small_font(self))
        self.setFixedHeight(16)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme.color("muted"))
        right = self._list.viewport().width() + self._list.viewport().x()
        line = QRectF(0, 0, right - PAD, self.height())
        painter.drawText(line.adjusted(4, 0, 0, 0), LEFT_MIDDLE, "Prototype, evidence")
        painter.drawText(line.adjusted(0, 0, -NUMBER, 0), RIGHT_MIDDLE, "for fake")
        painter.drawText(line, RIGHT_MIDDLE, "for real")
        painter.end()
