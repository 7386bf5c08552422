"""The gallery of prototypes beside the window, made when it is first wanted. GUI thread only."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMessageBox, QWidget

from gui.prototypes.choice import PrototypeChoice
from gui.prototypes.gallery import GalleryDialog
from gui.session import Session


class GalleryPlace:
    """Opens the gallery, and from it or from the window the export of what is chosen in it."""

    def __init__(
        self, session: Session, choice: PrototypeChoice, actions: Mapping[str, QAction], window: QWidget
    ) -> None:
        self._session, self._choice, self._actions, self._window = session, choice, actions, window
        self.dialog: GalleryDialog | None = None

    def show(self) -> None:
        """Bring it to the front."""
        if self.dialog is None:
            self.dialog = GalleryDialog(self._session, self._choice, self._actions, self._window)
        self.dialog.refresh()
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()

    def export(self) -> None:
        """Ask where to, and write the chosen prototype's motion beside the questioned patch; say why if not."""
        from gui.prototypes.export_dialog import (
            PrototypeExportDialog,
        )  # they import PyAV, and the window shall not
        from gui.prototypes.exporting import questioned

        self._session.pause()
        front = self.dialog if self.dialog is not None and self.dialog.isVisible() else self._window
        wanted = questioned(self._session, self._choice)
        if isinstance(wanted, str):
            QMessageBox.information(front, "Export a prototype", wanted)
            return
        PrototypeExportDialog(self._session, wanted, front).exec()

    def close(self) -> None:
        """With the window."""
        if self.dialog is not None:
            self.dialog.close()
