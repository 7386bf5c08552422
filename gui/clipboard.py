"""Text and a picture together on the clipboard. GUI thread only."""

from PySide6.QtCore import QMimeData, QStringListModel
from PySide6.QtGui import QGuiApplication, QImage


def copy(text: str, image: QImage) -> None:
    """Put both on the clipboard, for whoever pastes to choose from."""
    data = _made_by_qt()
    data.setText(text)
    data.setImageData(image)
    QGuiApplication.clipboard().setMimeData(data)


def _made_by_qt() -> QMimeData:
    """Empty data that Qt itself has made.

    What Python makes is destroyed through Python, and the clipboard is destroyed when Python is gone already: the
    program would end with a segmentation fault (seen with PySide6 6.11.2).
    """
    model = QStringListModel([""])
    data = model.mimeData([model.index(0, 0)])
    for name in data.formats():
        data.removeFormat(name)
    return data
