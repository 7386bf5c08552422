"""The left side of the window: videos of the case, likelihood ratio, faces, marks. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from gui.panels.faces import FacesPanel
from gui.panels.likelihood import LikelihoodPanel
from gui.panels.marks import MarksPanel
from gui.panels.parts import Scrolling, column, heading
from gui.panels.videos import VideoList
from gui.session import Session

LEAST_WIDTH = 210
"""Room for a thumbnail beside a verdict."""


class CasePanel(QWidget):
    """Everything on the left."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAccessibleName("Case")
        self.videos = VideoList(session)
        self.faces = FacesPanel(session)
        self.marks = MarksPanel(session)
        self.likelihood = LikelihoodPanel(session)
        inside = QWidget()
        below = column(inside)
        below.addWidget(self.likelihood)
        below.addWidget(heading("Faces"))
        below.addWidget(self.faces)
        below.addSpacing(4)
        below.addWidget(heading("Marks"))
        below.addWidget(self.marks)
        below.addStretch(1)
        above = QWidget()
        top = QVBoxLayout(above)
        top.setContentsMargins(0, 10, 0, 0)
        top.setSpacing(6)
        title = heading("Videos")
        title.setContentsMargins(10, 0, 0, 0)
        top.addWidget(title)
        top.addWidget(self.videos, 1)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(above)
        splitter.addWidget(Scrolling(inside))
        splitter.setSizes([220, 320])
        self.setMinimumWidth(LEAST_WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)

    def sizeHint(self) -> QSize:
        return QSize(260, 540)
