"""All commands with their keys: searchable, and every key can be changed. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui import keymap as keymaps
from gui import theme
from gui.command import Command
from gui.keymap import Keymap
from gui.panels.parts import muted, row

ID = Qt.ItemDataRole.UserRole


def native(keys: tuple[str, ...]) -> str:
    """Keys as they are called on this system."""
    return ", ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)


class KeysDialog(QDialog):
    """Accepted when the user saved other keys; `keymap` then has them.

    Attributes:
        keymap: the table as it was given, and after saving as it is now.
    """

    def __init__(self, commands: tuple[Command, ...], keymap: Keymap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.keymap = keymap
        self._commands = {command.id: command for command in commands}
        self._keys = {command.id: keymap.of(command.id) for command in commands}
        self.setWindowTitle("All keys")
        self.resize(640, 620)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search commands and keys")
        self.search.setAccessibleName("Search commands and keys")
        self.search.setClearButtonEnabled(True)
        self.search.setToolTip("Only rows with these words are shown")
        self.search.textChanged.connect(self._filter)
        self.table = QTreeWidget()
        self.table.setColumnCount(3)
        self.table.setHeaderLabels(["Command", "Keys", "What it does"])
        self.table.setAccessibleName("Commands")
        self.table.setToolTip("Choose a command to change its keys")
        self.table.setRootIsDecorated(False)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.table.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.table.currentItemChanged.connect(self._show_chosen)
        self.chosen = QLabel()
        self.edit = QKeySequenceEdit()
        self.edit.setMaximumSequenceLength(1)
        self.edit.setAccessibleName("New key")
        self.edit.setToolTip("Click here and press the new key")
        self.edit.keySequenceChanged.connect(self._check)
        self.edit.installEventFilter(self)
        self.replace = self._button("Use this key", "Give the command this key instead of its keys", self._replace)
        self.remove = self._button("No key", "Take all keys from this command", self._remove)
        self.default = self._button("Usual keys", "Give every command its usual keys again", self._restore)
        self.conflict = muted()
        self.save = self._button("Save", "Keep these keys", self._save)
        theme.set_role(self.save, "primary")
        close = self._button("Close", "Close without keeping changes", self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 14, 14, 14)
        layout.setSpacing(8)
        layout.addWidget(self.search)
        layout.addWidget(self.table, 1)
        layout.addLayout(row(self.chosen, QWidget(), self.edit, self.replace, self.remove, stretch=1))
        layout.addWidget(self.conflict)
        layout.addLayout(row(self.default, QWidget(), close, self.save, stretch=1))
        self._fill()
        self.search.setFocus()

    def _button(self, text: str, tip: str, do: object) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        button.clicked.connect(do)
        return button

    def _fill(self) -> None:
        for command in self._commands.values():
            item = QTreeWidgetItem([command.text.rstrip("…"), "", command.tip])
            item.setData(0, ID, command.id)
            item.setToolTip(2, command.tip)
            self.table.addTopLevelItem(item)
        self._show_keys()
        for item in self._items()[:1]:
            self.table.setCurrentItem(item)

    def _items(self) -> list[QTreeWidgetItem]:
        found = [self.table.topLevelItem(at) for at in range(self.table.topLevelItemCount())]
        return [item for item in found if item is not None]

    def _show_keys(self) -> None:
        for item in self._items():
            item.setText(1, native(self._keys[item.data(0, ID)]))
        changed = any(self._keys[name] != self.keymap.of(name) for name in self._keys)
        clashes = keymaps.conflicts(self._keys)
        self.save.setEnabled(changed and not clashes)
        self.conflict.setText("")
        theme.set_role(self.conflict, "muted")

    def _filter(self, text: str) -> None:
        wanted = text.casefold().strip()
        for item in self._items():
            item.setHidden(wanted not in " ".join(item.text(at) for at in range(3)).casefold())

    def _chosen_id(self) -> str:
        item = self.table.currentItem()
        return str(item.data(0, ID)) if item is not None else ""

    def _show_chosen(self) -> None:
        name = self._chosen_id()
        self.chosen.setText(self._commands[name].text.rstrip("…") if name else "")
        self.edit.clear()
        self.remove.setEnabled(bool(name and self._keys[name]))
        self._check()

    def _check(self) -> None:
        """Say at once who has the pressed key already."""
        key, name = self._pressed(), self._chosen_id()
        owners = [n for n, keys in self._keys.items() if n != name and key in {_portable(k) for k in keys}]
        self.replace.setEnabled(bool(key and name and not owners))
        if owners:
            taken = " and ".join(f"“{self._commands[owner].text.rstrip('…')}”" for owner in owners)
            self.conflict.setText(f"✕ {native((key,))} is the key of {taken}. Take it from there first.")
            theme.set_role(self.conflict, "muted", "warning")
        else:
            self.conflict.setText("")

    def _pressed(self) -> str:
        return self.edit.keySequence().toString(QKeySequence.SequenceFormat.PortableText)

    def _replace(self) -> None:
        self._keys[self._chosen_id()] = (self._pressed(),)
        self._show_keys()
        self._show_chosen()

    def _remove(self) -> None:
        self._keys[self._chosen_id()] = ()
        self._show_keys()
        self._show_chosen()

    def _restore(self) -> None:
        usual = keymaps.usual()
        self._keys = {name: usual.of(name) for name in self._keys}
        self._show_keys()
        self._show_chosen()

    def _save(self) -> None:
        try:
            keymaps.save(self._keys)
        except OSError as error:
            self.conflict.setText(f"✕ The keys could not be kept: {error.strerror}.")
            theme.set_role(self.conflict, "muted", "bad")
            return
        self.keymap = Keymap(dict(self._keys))
        self.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tab leaves the field for a key, as it leaves every other field."""
        if (
            watched is self.edit
            and event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        ):
            self.focusNextPrevChild(event.key() == Qt.Key.Key_Tab)
            return True
        return super().eventFilter(watched, event)


def _portable(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.PortableText)
