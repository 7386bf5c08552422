"""The text of a specification: faults are underlined at their place, names are completed. GUI thread only."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QModelIndex, QRect, QSize, Qt
from PySide6.QtGui import (
    QFont,
    QFontDatabase,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QResizeEvent,
    QStandardItem,
    QStandardItemModel,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QCompleter, QListView, QPlainTextEdit, QTextEdit, QToolTip, QWidget

from gui import theme
from gui.specifications.answers import Place
from gui.specifications.completion import Completion, word_before

SHORTEST = 2
"""Letters from which on completions show by themselves."""
_INSERTED = Qt.ItemDataRole.UserRole + 1
_WORD = Qt.ItemDataRole.UserRole
POPUP_WIDTH = 360
LINES = 8


class FormulaEditor(QPlainTextEdit):
    """Tab leaves it; Ctrl+Space completes, and so does typing; Return or Tab takes a completion over."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Text of the specification")
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.setPlaceholderText("Choose a specification above, or write one")
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setStyleHint(QFont.StyleHint.Monospace)
        self.setFont(font)
        font.setPointSize(10)
        lowest = LINES * QFontMetrics(font).lineSpacing() + 12  # the style sheet's wins over setMinimumHeight
        self.setStyleSheet(f"font-family: '{font.family()}'; font-size: 10pt; min-height: {lowest}px;")
        self.places: tuple[Place, ...] = ()
        self._completions: tuple[Completion, ...] = ()
        self._completer = QCompleter(self)
        self._completer.setWidget(self)
        self._model = QStandardItemModel(self._completer)
        self._completer.setModel(self._model)
        self._popup = QListView()
        self._popup.setAccessibleName("Completions")
        self._completer.setPopup(self._popup)
        self._completer.setCompletionRole(_WORD)
        self._completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._completer.activated[QModelIndex].connect(self._take)  # type: ignore[index] # PySide's stubs

    def sizeHint(self) -> QSize:
        return QSize(300, self.minimumHeight())

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), self.minimumHeight())

    def load(self, text: str) -> None:
        """Show another text; nothing of the one before can be undone into it."""
        if text != self.toPlainText():
            self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(False)
            self.moveCursor(QTextCursor.MoveOperation.End)  # the formula stands below what is said about it
        self.set_places(())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.ensureCursorVisible()

    def set_completions(self, found: Sequence[Completion]) -> None:
        if tuple(found) == self._completions:
            return
        self._completions = tuple(found)
        self._model.clear()
        for each in self._completions:
            item = QStandardItem(f"{each.inserted}   {each.meaning}")
            item.setData(each.word, _WORD)
            item.setData(each.inserted, _INSERTED)
            self._model.appendRow(item)

    def set_places(self, places: Sequence[Place]) -> None:
        """Underline places: in waves what is wrong, in dots what may be meant."""
        self.places = tuple(places)
        self.setExtraSelections([selection for place in self.places if (selection := self._underlined(place))])

    def _underlined(self, place: Place) -> QTextEdit.ExtraSelection | None:
        cursor = self._cursor_at(place)
        if cursor is None:
            return None
        looks = QTextCharFormat()
        styles = QTextCharFormat.UnderlineStyle
        looks.setUnderlineStyle(styles.WaveUnderline if place.wrong else styles.DotLine)
        ink = theme.color("error" if place.wrong else "warning")
        looks.setUnderlineColor(ink)
        if place.wrong:
            looks.setForeground(ink)
        made = QTextEdit.ExtraSelection()
        made.cursor, made.format = cursor, looks
        return made

    def _cursor_at(self, place: Place) -> QTextCursor | None:
        """A cursor that selects a place, None where the text has changed too much."""
        block = self.document().findBlockByNumber(place.line - 1)
        if not block.isValid() or place.column > block.length():
            return None
        cursor = QTextCursor(block)
        cursor.setPosition(block.position() + place.column - 1)
        end = min(cursor.position() + place.length, block.position() + block.length() - 1)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def go_to_place(self, place: Place) -> None:
        """Put the cursor where a place begins, and take the keys."""
        cursor = self._cursor_at(place)
        if cursor is not None:
            cursor.setPosition(cursor.selectionStart())
            self.setTextCursor(cursor)
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    # Completing

    def complete(self) -> None:
        """Offer what can stand at the cursor."""
        self._offer(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = Qt.Key
        if self._popup.isVisible() and event.key() in (
            keys.Key_Return, keys.Key_Enter, keys.Key_Tab, keys.Key_Backtab, keys.Key_Escape,
        ):  # fmt: skip
            event.ignore()  # they work the list
            return
        if event.key() == keys.Key_Space and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self.complete()
            return
        super().keyPressEvent(event)
        erased = event.key() == keys.Key_Backspace and self._popup.isVisible()
        if erased or (event.text() and event.text().isprintable()):
            self._offer(SHORTEST)

    def _offer(self, shortest: int) -> None:
        cursor = self.textCursor()
        prefix = word_before(cursor.block().text()[: cursor.positionInBlock()])
        self._completer.setCompletionPrefix(prefix)
        count = self._completer.completionCount()
        if len(prefix) < shortest or not count or self._is_whole(prefix, count):
            self._popup.hide()
            return
        self._popup.setCurrentIndex(self._completer.completionModel().index(0, 0))
        place = QRect(self.cursorRect())
        place.setWidth(POPUP_WIDTH)
        self._completer.complete(place)

    def _is_whole(self, prefix: str, count: int) -> bool:
        """Whether the word that stands there is the only one that could be meant."""
        index = self._completer.completionModel().index(0, 0)
        return count == 1 and index.data(_INSERTED) == prefix

    def _take(self, index: QModelIndex) -> None:
        cursor = self.textCursor()
        prefix = word_before(cursor.block().text()[: cursor.positionInBlock()])
        cursor.movePosition(QTextCursor.MoveOperation.Left, QTextCursor.MoveMode.KeepAnchor, len(prefix))
        cursor.insertText(str(index.data(_INSERTED)))
        self.setTextCursor(cursor)

    # What is under the mouse

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            reason = self.reason_at(self.cursorForPosition(self.viewport().mapFrom(self, event.pos())))
            if reason:
                QToolTip.showText(event.globalPos(), reason, self)
                return True
        return super().event(event)

    def reason_at(self, cursor: QTextCursor) -> str:
        """What there is to say about the place of a cursor."""
        line, column = cursor.blockNumber() + 1, cursor.positionInBlock() + 1
        return next(
            (p.reason for p in self.places if p.line == line and p.column <= column <= p.column + p.length), ""
        )
