"""The row above the panes: how they are looked at, and the way back. GUI thread only."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QComboBox, QToolButton, QWidget

from gui import theme
from gui.compare.choice import LETTERS
from gui.compare.comparison import LAYOUTS, Comparison
from gui.panels.parts import row
from gui.session import Session

WIDE = 880
"""Below this width the row becomes two, so that nothing is cut off."""
LAYOUT_NAMES = {"auto": "Best size", "row": "In a row", "grid": "2 × 2"}
BUTTONS = ("compare_close", "compare_add", "compare_red", "compare_wipe", "compare_follow", "compare_difference")


class CompareBar(QWidget):
    """Buttons of the comparison's commands, and what has more than two values.

    Args:
        actions: of the commands by id: those of BUTTONS and "compare_export".
    """

    def __init__(self, session: Session, comparison: Comparison, actions: Mapping[str, QAction]) -> None:
        super().__init__()
        self._session, self._comparison = session, comparison
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.pair = self._combo("Pair", "Which pane's map is taken from which", 6)
        self.pair.activated.connect(lambda at: comparison.set_pair(tuple(self.pair.itemData(at))))
        self.face = self._combo("Face", "The face whose masks are compared", 6)
        self.face.activated.connect(lambda at: comparison.set_face(self.face.itemData(at)))
        self.layout_choice = self._combo("Arrangement", "How the panes are arranged", 8)
        for layout in LAYOUTS:
            self.layout_choice.addItem(LAYOUT_NAMES[layout], layout)
        self.layout_choice.activated.connect(lambda at: comparison.set_layout(self.layout_choice.itemData(at)))
        self._halves = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._halves.setContentsMargins(8, 4, 8, 4)
        self._halves.setSpacing(4)
        self._parts = (
            row(*(self._button(actions[name]) for name in BUTTONS), self.pair),
            row(self.face, self.layout_choice, self._button(actions["compare_export"])),
        )
        self._halves.addLayout(self._parts[0], 1)
        self._halves.addLayout(self._parts[1])

    def _combo(self, name: str, tip: str, letters: int) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setToolTip(f"{tip} (Tab, then arrow keys)")
        combo.setMinimumContentsLength(letters)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return combo

    def _button(self, action: QAction) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setIconSize(QSize(16, 16))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setAccessibleName(action.text())
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme.set_role(button, "flat")
        return button

    def refresh(self) -> None:
        """Show what is chosen."""
        comparison = self._comparison
        with QSignalBlocker(self.pair), QSignalBlocker(self.face), QSignalBlocker(self.layout_choice):
            pairs = comparison.pairs
            if [tuple(self.pair.itemData(at)) for at in range(self.pair.count())] != list(pairs):
                self.pair.clear()
                for a, b in pairs:
                    self.pair.addItem(f"{LETTERS[a]} − {LETTERS[b]}", (a, b))
            self.pair.setCurrentIndex(pairs.index(comparison.pair) if pairs else -1)
            faces = [(track.id, track.name) for track in comparison.tracks]
            if [(self.face.itemData(at), self.face.itemText(at)) for at in range(self.face.count())] != faces:
                self.face.clear()
                for track_id, name in faces:
                    self.face.addItem(name, track_id)
            self.face.setCurrentIndex(self.face.findData(comparison.face))
            self.layout_choice.setCurrentIndex(LAYOUTS.index(comparison.layout))
        self.pair.setVisible(comparison.difference)
        self.face.setVisible(len(faces) > 1)
        self.layout_choice.setVisible(len(comparison.panes) > 2 and not comparison.difference)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() >= WIDE
        self._halves.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)

    def minimumSizeHint(self) -> QSize:
        """That of two rows, which it becomes before it gets that narrow."""
        hint = super().minimumSizeHint()
        widest = max(part.minimumSize().width() for part in self._parts)
        return QSize(min(hint.width(), widest + 16), hint.height())
