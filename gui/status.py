"""The line at the bottom: what was said last, the hash, the device and its memory. GUI thread only."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy, QStatusBar, QWidget

from gui import theme
from gui.session import Session
from gui.session_state import Message

LEVELS = {"info": ("", ""), "warning": ("⚠ ", "warning"), "error": ("✕ ", "error")}


class StatusLine(QStatusBar):
    """Shows what needs no click."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setSizeGripEnabled(False)
        self._said, self._excluded, self._hash, self._device = QLabel(), QLabel(), QLabel(), QLabel()
        self._excluded.setObjectName("excluded")
        self._excluded.setAccessibleName("Excluded prototypes")
        self._excluded.setToolTip("All scores that are shown are without them; the gallery (G) brings them back")
        theme.set_role(self._excluded, "badge", "warning")
        self._said.setAccessibleName("Last message")
        self._hash.setAccessibleName("Hash of the file")
        self._device.setAccessibleName("Device")
        self._said.setSizePolicy(
            QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        )  # long words do not push
        self.addWidget(self._said, 1)
        self.addPermanentWidget(self._excluded)
        self.addPermanentWidget(self._hash)
        self.addPermanentWidget(self._device)
        session.noticed.connect(self._show_message)
        session.reviewing.changed.connect(self._show_excluded)
        session.identity_changed.connect(self._show_hash)
        session.device_changed.connect(self._show_device)
        session.detectors_changed.connect(self._show_device)
        self._show_excluded()
        self._show_hash()
        self._show_device()

    def _show_excluded(self) -> None:
        words = self._session.reviewing.words
        self._excluded.setText(words)
        self._excluded.setVisible(bool(words))

    def _show_message(self, message: Message) -> None:
        sign, level = LEVELS[message.level]
        metrics = self._said.fontMetrics()
        text = metrics.elidedText(
            f"{sign}{message.text}", Qt.TextElideMode.ElideRight, max(200, self._said.width())
        )
        self._said.setText(text)
        self._said.setToolTip(message.text)
        theme.set_role(self._said, "", level)

    def _show_hash(self) -> None:
        video = self._session.current
        if video is None or (video.identity is None and video.hashing is None):
            self._hash.clear()
        elif video.identity is not None:
            self._hash.setText(f"SHA-256 {video.identity.sha256[:12]}…")
            self._hash.setToolTip(f"SHA-256 {video.identity.sha256}")
        elif video.hashing is not None:
            self._hash.setText(f"Hashing {video.hashing.fraction:.0%}")

    def _show_device(self) -> None:
        status = self._session.device_status
        if status is not None:
            used, total = status.memory_used / 2**30, status.memory_total / 2**30
            self._device.setText(f"{status.device}  ·  {used:.1f} of {total:.0f} GiB")
            self._device.setToolTip("Where analysis runs, and the memory it takes")
        elif not self._session.detectors:
            self._device.setText("Engine is starting…")
        else:
            self._device.setText("Engine is ready")
