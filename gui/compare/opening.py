"""Where the comparison is in the window: in the place of the picture, with room made for it. GUI thread only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMainWindow

from gui.compare.comparison import Comparison
from gui.player.player import PlayerPanel
from gui.session import Session
from gui.timeline.timeline import TimelinePanel

if TYPE_CHECKING:
    from gui.compare.view import CompareView

LOW_WINDOW = 900
"""Below this height of the window the timeline gives way, too."""
LOW_TIMELINE = 160
SETTLED_MS = 100
QWIDGETSIZE_MAX = (1 << 24) - 1


class ComparisonPlace(QObject):
    """Shows and hides the comparison. Its view is made when it is first wanted.

    Args:
        actions: of all commands, by id.
        aside: docks that are hidden meanwhile.
        below: the dock of the timeline, which becomes lower in a low window.

    Attributes:
        view: while it is shown, else None.
    """

    def __init__(
        self,
        session: Session,
        comparison: Comparison,
        actions: Mapping[str, QAction],
        window: QMainWindow,
        player: PlayerPanel,
        timeline: TimelinePanel,
        aside: tuple[QDockWidget, ...],
        below: QDockWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._comparison, self._actions = session, comparison, actions
        self._window, self._player, self._timeline = window, player, timeline
        self._aside, self._below = aside, below
        self._were_shown: tuple[QDockWidget, ...] = ()
        self._height = 0
        self._made: CompareView | None = None
        self.view: CompareView | None = None
        session.media_changed.connect(self._on_media)

    def toggle(self) -> None:
        if self.view is None:
            self.enter()
        else:
            self.leave()

    def enter(self) -> None:
        """Show the comparison."""
        if self._made is None:
            from gui.compare.view import CompareView

            self._made = CompareView(self._session, self._comparison, self._actions)
        self.view = self._made
        self._were_shown = tuple(dock for dock in self._aside if not dock.isHidden())
        for dock in self._were_shown:
            dock.hide()
        self._height = self._below.height()
        if self._window.height() < LOW_WINDOW and self._height > LOW_TIMELINE:
            self._timeline.set_low(low=True)
            self._below.setMaximumHeight(LOW_TIMELINE)  # for a moment only: the user may pull it up again
            QTimer.singleShot(SETTLED_MS, self, lambda: self._below.setMaximumHeight(QWIDGETSIZE_MAX))
        self._player.show_instead(self.view)
        self._comparison.open()

    def leave(self) -> None:
        """Bring the player back, with everything where it was."""
        if self.view is None:
            return
        self._comparison.close()
        self._player.show_instead(None)
        self.view = None
        for widget in (self._player, self._window.centralWidget()):
            layout = widget.layout() if widget is not None else None
            if layout is not None:
                layout.activate()  # the docks must find the room that the comparison has left
        self._below.setMaximumHeight(QWIDGETSIZE_MAX)
        self._timeline.set_low(low=False)
        for dock in self._were_shown:
            dock.show()
        if self._below.height() < self._height:
            self._window.resizeDocks([self._below], [self._height], Qt.Orientation.Vertical)
        self._window.setFocus()

    def export(self) -> None:
        """Ask where to, and write the comparison as a picture."""
        if self.view is not None:
            from gui.compare.exporting import ask_and_export

            ask_and_export(self._session, self._comparison, self.view)

    def _on_media(self) -> None:
        if self._session.media is None:
            self.leave()
